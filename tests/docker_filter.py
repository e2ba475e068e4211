"""Becomes a command in a machine that lacks something: ``python docker_filter.py [--without NAME]… -- COMMAND …``.

By itself as in a container, with Docker's default filter for a process without rights: no namespaces, mounts, keys or
programs for the kernel. ``landlock``, ``seccomp``: the kernel does not know it.
"""

from __future__ import annotations

import errno
import os
import sys

from prewarm.worker.confine import process, seccomp
from prewarm.worker.confine.calls import of_machine
from prewarm.worker.confine.seccomp import Condition, Rule

_REFUSED = ("unshare", "setns", "mount", "bpf", "keyctl", "add_key")
_LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
_SET_SECCOMP = 22


def refuse(lacking: list[str]) -> None:
    """From now on."""
    calls = of_machine()
    assert calls is not None
    known = type(calls)(
        machine=calls.machine,
        audit=calls.audit,
        numbers={**calls.numbers, "seccomp": 317 if calls.machine == "x86_64" else 277}
        | {name: 444 + at for at, name in enumerate(_LANDLOCK)},
    )
    rules = [Rule(call=name) for name in _REFUSED]
    # The C library goes back to clone where there is no clone3, as in a container.
    rules.append(Rule(call="clone3", error=errno.ENOSYS))
    if "landlock" in lacking:
        rules += [Rule(call=name, error=errno.ENOSYS) for name in _LANDLOCK]
    if "seccomp" in lacking:
        rules += [
            Rule(call="prctl", error=errno.EINVAL, conditions=(Condition(argument=0, value=_SET_SECCOMP),)),
            Rule(call="seccomp", error=errno.ENOSYS),
        ]
    assert process.no_new_rights()
    seccomp.load(seccomp.program(known, rules))


if __name__ == "__main__":
    words, lacking = sys.argv[1:], []
    while words[0] == "--without":
        lacking.append(words[1])
        words = words[2:]
    refuse(lacking)
    os.execvp(words[1], words[1:])
