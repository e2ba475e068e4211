"""What each kind of error means, where it comes from, and what helps. Changes when there is a new kind of error.

``prewarm explain KIND`` prints a page, and docs/messages.md has all of them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """One kind of error."""

    kind: str
    """As reports and errors have it."""
    means: str
    """What happened, in a sentence."""
    causes: tuple[tuple[str, str], ...]
    """Each with what helps; ``code`` stands between backticks."""
    goes_on: str = "The other entries go on. Exit code 1, where the entry is required."
    """What becomes of the run."""


_ENDS = "Nothing was changed. Exit code 2."
_ENDS_1 = "The command ends. Exit code 1."

_ENTRIES = (
    Message(
        kind="not-found",
        means="The Hub has no such repository, revision or file; or it keeps it secret from who asks.",
        causes=(
            ("The id or the revision has a typing error.", "Compare it with the address of the model's page."),
            ("The repository was renamed, moved or deleted.", "Look for it on the Hub, and write its new id."),
            ("It is private, and there is no token.", "`hf auth login`, or `HF_TOKEN`: the Hub says the same of both."),
            ("`HF_ENDPOINT` names a mirror that does not have it.", "`prewarm doctor` says which endpoint is asked."),
            ("`include` matches no file.", "Compare it with the files on the model's page."),
        ),
    ),
    Message(
        kind="gated",
        means="The repository's owner gives access on request, and your account does not have it.",
        causes=(
            ("The conditions were not accepted yet.", "Open the model's page, accept them, and run again."),
            (
                "The request waits for the owner.",
                "The page says so; `required = false` lets the others go on meanwhile.",
            ),
            (
                "The token is of another account, or a fine-grained one without the right to read gated repositories.",
                "Make a token that may, then `hf auth login`, or set `HF_TOKEN`.",
            ),
        ),
    ),
    Message(
        kind="unauthorized",
        means="The Hub, or the mirror in its place, does not take the token.",
        causes=(
            ("The token has expired or was deleted.", "Make a new one, then `hf auth login`, or set `HF_TOKEN`."),
            ("`HF_TOKEN` in the environment goes before the one of `hf auth login`.", "`unset HF_TOKEN`, or renew it."),
            ("The mirror wants a token of its own.", "Set `HF_TOKEN` to that one where `HF_ENDPOINT` is set."),
        ),
    ),
    Message(
        kind="rate-limited",
        means="The Hub's limit is used up, and its window is reset later than `max_wait` lets the run wait.",
        causes=(
            (
                "Others behind the same address ask as well: CI, a university, a cloud's NAT.",
                "Set `HF_TOKEN`: the limit is then your account's, and higher.",
            ),
            ("There is more work than fits into the window.", "`--max-wait 1h`; a run goes on where it stopped."),
            ("Many machines ask for the same.", "`prewarm mirror`, `prewarm fleet`, or a bundle: one of them asks."),
        ),
    ),
    Message(
        kind="unreachable",
        means="No answer came from the Hub, from its storage, or from the mirror.",
        causes=(
            ("There is no network, or a proxy is needed.", "Set `HTTPS_PROXY`; `prewarm doctor` tries it."),
            (
                "A certificate is not trusted: a proxy of the company opens TLS.",
                "Set `SSL_CERT_FILE` to its certificate.",
            ),
            ("The Hub has an outage.", "Run again later: what has arrived is kept."),
            ("`HF_ENDPOINT` names a server that is gone.", "Unset it, or correct it."),
            ("`HF_HUB_OFFLINE=1` is set, perhaps by the image.", "`HF_HUB_OFFLINE=0 prewarm`."),
        ),
    ),
    Message(
        kind="timeout",
        means="An answer came too slowly, a lock was held too long, or loading took longer than it may.",
        causes=(
            ("The line is slower than `min_speed`.", '`--min-speed "100 B/s over 60 s"`, or `"0"`.'),
            ("Another run is downloading the same file.", "Wait for it; `--lock-wait 2h` waits longer."),
            ("The model takes long to load.", "`--proof-timeout 30m`."),
        ),
    ),
    Message(
        kind="corrupt",
        means="What arrived, or lies on the disk, is not what the Hub lists: its size or its hash differs.",
        causes=(
            ("A byte on the disk has changed.", "`prewarm verify --repair` fetches the damaged files again."),
            ("A proxy or a mirror answers with something else.", "Ask without it once; the message names the address."),
            ("The repository has other code than the lock.", "`prewarm lock --upgrade ID` shows what changed."),
            (
                "The disk fails.",
                "Set `HF_HOME` to another disk, and run `prewarm` there: if that stays whole, it is the disk.",
            ),
        ),
    ),
    Message(
        kind="needs-remote-code",
        means="Loading the model runs Python code of its repository, and the entry does not allow it.",
        causes=(
            (
                "The class is defined in the repository (`auto_map`).",
                "Read that code; then `trust_remote_code = true`.",
            ),
            ("transformers has the class as well.", "Name it: `model_class`; then no code of the repository runs."),
        ),
    ),
    Message(
        kind="unsafe",
        means="A file runs something as it is opened: a pickle that imports, or a template that leaves its sandbox.",
        causes=(
            ("There are safer weights.", "`prewarm audit` names them; `exclude` the others."),
            (
                "You know the file and trust it.",
                'Write its path: `unsafe_files = ["head.pkl"]`; it holds for the content that is locked.',
            ),
            ("A keyword switches off what protects (`weights_only = false`).", "Leave it out, or `unsafe = true`."),
        ),
    ),
    Message(
        kind="load-error",
        means="All files are there, and the classes do not load them offline.",
        causes=(
            ("A package is missing, or too old.", "The hint names it; install it where the application runs."),
            ("AutoModel does not know the model's kind.", "`prewarm add ID --update` finds the class that does."),
            ("A file that is needed was left out.", "Take `exclude` or `include` back, or widen it."),
            ("Weights are made up at random: the class does not fit.", "Name the class that the model card names."),
            (
                "It takes more memory than there is.",
                '`worker_memory`, a smaller `dtype`, or `proof = "files"`: it is verified then, and not loaded.',
            ),
        ),
    ),
    Message(
        kind="export-error",
        means="No artifact can be made of the entry, or it does not give what the original gives.",
        causes=(
            ("Its task has no exporter.", '`format = "files"` takes the files as they are.'),
            ("The graph differs from the original.", 'Another `opset`, or `dtype = "float32"`.'),
            ("A package is missing.", "`pip install 'hf-prewarm[onnx]'`."),
        ),
    ),
    Message(
        kind="no-space",
        means="There is not enough room for the files; nothing was begun that would not fit.",
        causes=(
            ("The disk is full.", "`prewarm clean` removes leftovers of dead downloads; `hf cache rm` removes models."),
            ("The cache is on a small disk.", "Set `HF_HOME` to another one."),
            ("A container's layer or a quota is smaller than the disk.", "Mount a volume at `HF_HOME`."),
        ),
    ),
    Message(
        kind="internal",
        means="A bug in prewarm. A log was written, and its path is in the message.",
        causes=(
            (
                "It is not your manifest.",
                "Send the log with the output of `prewarm doctor --json`; no token is in them.",
            ),
        ),
        goes_on="In one entry's steps, the others go on (exit code 1); elsewhere the command ends (exit code 3).",
    ),
)

_COMMANDS = (
    Message(
        kind="no-manifest",
        means="There is no `prewarm.toml`, and no `[tool.prewarm]` in `pyproject.toml`, in the working directory.",
        causes=(
            ("The project has none yet.", "`prewarm scan . --write`, or `prewarm add ID`."),
            ("It is elsewhere.", "`prewarm -m path/to/prewarm.toml`."),
        ),
        goes_on=_ENDS,
    ),
    Message(
        kind="bad-manifest",
        means="Something in the manifest is wrong; the message says where, as in `advanced[1].revision`.",
        causes=(
            ("A key is unknown.", "The hint names the nearest key that there is."),
            ("A value has another type.", "The message says what is expected."),
            ("It is no valid TOML.", "The message has line and column."),
        ),
        goes_on=_ENDS,
    ),
    Message(
        kind="bad-setting",
        means="A flag, a variable or a key of `[settings]` has a value that it cannot have.",
        causes=(
            ("It is a typing error.", "The message says what is expected: a duration is `90s`, `15m` or `2h`."),
            ("A variable of the environment is meant for something else.", "Unset it: flags go before variables."),
        ),
        goes_on=_ENDS,
    ),
    Message(
        kind="bad-usage",
        means="The command line is wrong.",
        causes=(("An option or a command does not exist.", "`prewarm --help`, `prewarm COMMAND --help`."),),
        goes_on=_ENDS,
    ),
    Message(
        kind="bad-lock",
        means="`prewarm.lock` is missing, out of date or damaged, and `--locked` asks for what it says.",
        causes=(
            ("The manifest was changed and the lock was not.", "`prewarm lock`, and commit the lock."),
            (
                "An entry was never loaded (`complete = false`).",
                "Run `prewarm` once where the Hub is, and keep the lock.",
            ),
            ("It was written by a newer prewarm.", "`pip install -U hf-prewarm`."),
            (
                "A merge has left a conflict in it.",
                "Take either side (`git checkout --ours prewarm.lock`), and run `prewarm`.",
            ),
            (
                "It is damaged.",
                "Take it from version control; or delete it and run `prewarm`: the newest commits, then.",
            ),
            ("`prewarm.samples.toml` is what is damaged.", "Take it from version control, or `prewarm try --record`."),
        ),
        goes_on=_ENDS,
    ),
    Message(
        kind="bad-command",
        means="What a command was given is not there, or nothing that it can work with.",
        causes=(
            (
                "The program to run is not installed in this environment.",
                "Activate the environment of the application, or name the program by its path.",
            ),
            ("No entry has that name or id, or it has nothing of the kind.", "The hint lists those that there are."),
            ("A file or a folder cannot be read or written.", "The message says why: name another one."),
            (
                "`prewarm init` would write over a manifest.",
                "`prewarm add ID` puts entries in; `-m` names another one.",
            ),
            ("The value of an option is none that it can have.", "The hint has an example."),
        ),
        goes_on=_ENDS,
    ),
    Message(
        kind="not-ready",
        means="A required entry is not ready, and `prewarm.ensure(…).raise_if_not_ready()` or pytest asked for all.",
        causes=(("An entry failed.", "The message names it and its kind; `prewarm` shows the whole."),),
        goes_on="The exception `prewarm.NotReadyError`, or the end of the test run.",
    ),
    Message(
        kind="interrupted",
        means="You, or a signal, said stop.",
        causes=(("Ctrl-C.", "Run the same command again: it goes on where it was."),),
        goes_on="Exit code 130. What has arrived of a file is kept.",
    ),
    Message(
        kind="audit-failed",
        means="Nobody could be asked which vulnerabilities are known.",
        causes=(
            ("pip-audit is not installed.", "`pip install 'hf-prewarm[audit]'`."),
            ("PyPI cannot be reached.", "`--osv-url URL` asks another one; `--no-advisories` asks none, and says so."),
        ),
        goes_on=_ENDS_1,
    ),
    Message(
        kind="serve-failed",
        means="An artifact cannot be served or tried out.",
        causes=(
            ("There is no artifact yet.", "`prewarm export`."),
            ("The port is taken.", "`--port N`."),
            ("A package is missing.", "`pip install 'hf-prewarm[serve]'`."),
        ),
        goes_on=_ENDS_1,
    ),
    Message(
        kind="load-test-failed",
        means="The server of a load test does not answer, or cannot be started.",
        causes=(
            ("The address is wrong.", "Ask it with `curl` first."),
            ("The entry is not ready.", "`prewarm` makes it so."),
            ("A package is missing.", "`pip install 'hf-prewarm[load]'`."),
        ),
        goes_on=_ENDS_1,
    ),
    Message(
        kind="history-failed",
        means="There is no history, or its file cannot be read or written.",
        causes=(
            ("No file is named: none is kept then.", '`history = "prewarm.db"` under `[settings]`.'),
            ("It is no history, or of a newer prewarm.", "Name another file in `[settings] history`."),
            ("Its folder cannot be written.", "Name one that can."),
        ),
        goes_on=_ENDS_1,
    ),
    Message(
        kind="fleet-failed",
        means="The Ray cluster cannot be reached, or cannot be worked with.",
        causes=(
            ("There is no cluster at the address.", "`--address host:port`, or start one: `ray start --head`."),
            ("Ray or prewarm has another version there.", "Install the same; `--runtime-env` sends prewarm along."),
            ("Another fleet is running.", "Wait for it: there is one at a time."),
        ),
        goes_on=_ENDS_1,
    ),
    Message(
        kind="mirror-failed",
        means="The cache cannot be served.",
        causes=(
            ("The port is taken.", "`--port N`."),
            ("What the lock names is not in the cache.", "`prewarm` makes it ready."),
            ("A certificate cannot be read.", "`--tls-cert` and `--tls-key` name PEM files; the key has no password."),
        ),
        goes_on=_ENDS_1,
    ),
    Message(
        kind="bundle-failed",
        means="A bundle cannot be made, is damaged, or is signed by somebody else.",
        causes=(
            ("The file is cut short.", "Copy it again; `prewarm unbundle` goes on where it was."),
            ("A member has another hash.", "It was changed on its way: do not use it."),
            ("It has no signature, or another key's.", "Ask who made it for the key."),
        ),
        goes_on=_ENDS_1,
    ),
    Message(
        kind="demo-failed",
        means="The demo cannot be set up on this machine.",
        causes=(("A package is broken, or there is no room in the temporary folder.", "`prewarm doctor`."),),
        goes_on=_ENDS_1,
    ),
)

MESSAGES = {message.kind: message for message in (*_ENTRIES, *_COMMANDS)}
"""By kind: those of entries first, as reports have them, then those that end a command."""
ENTRY_KINDS = tuple(message.kind for message in _ENTRIES)
