"""What a Python file imports and calls, read and not run. Changes with what counts as dangerous.

Names are followed through imports and their aliases. What is put together as it runs (``getattr`` with a made-up
name) is named as that. It says where to look; it is no proof of harmlessness.
"""

from __future__ import annotations

import ast
import sys
import warnings
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from prewarm.records.audit import Rule

_SOURCE_MAX_BYTES = 5_000_000
_MODE_MAX = 4
_SHOWN = 80
_NETWORK = (
    "socket", "ssl", "http.client", "http.server", "urllib.request", "ftplib", "smtplib", "poplib", "imaplib",
    "telnetlib", "xmlrpc", "socketserver", "asyncio.open_connection", "asyncio.start_server", "requests", "httpx",
    "httpx2", "aiohttp", "urllib3", "pycurl", "websocket", "websockets", "paramiko", "boto3", "torch.hub",
    "huggingface_hub.hf_hub_download", "huggingface_hub.snapshot_download", "huggingface_hub.HfApi",
    "huggingface_hub.HfFileSystem", "huggingface_hub.InferenceClient", "huggingface_hub.get_session",
    "transformers.utils.cached_file", "transformers.utils.hub.cached_file", "gdown", "wget",
)  # fmt: skip
_PROCESS = (
    "subprocess", "pty", "os.system", "os.popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.posix_spawnp",
    "os.exec", "os.spawn", "os.startfile", "os.kill", "multiprocessing", "asyncio.create_subprocess",
    "concurrent.futures.Process", "torch.multiprocessing", "signal.pthread_kill", "pexpect", "sh",
)  # fmt: skip
_EVAL = (
    "builtins.eval", "builtins.exec", "builtins.compile", "builtins.__import__", "importlib.import_module",
    "importlib.__import__", "importlib.reload", "importlib.machinery", "importlib.util.spec_from_file_location",
    "importlib.util.module_from_spec", "importlib.util.spec_from_loader", "runpy", "code", "codeop", "imp", "marshal",
    "pickle.load", "pickle.loads", "pickle.Unpickler", "_pickle", "cPickle", "dill", "cloudpickle", "joblib.load",
    "shelve", "ctypes", "cffi", "types.FunctionType", "types.CodeType", "zipimport",
    "torch.utils.cpp_extension", "torch.ops.load_library", "torch.classes.load_library", "sys.modules", "sys.meta_path",
    "sys.path", "sys.settrace", "gc.get_objects", "inspect.currentframe", "numexpr.evaluate", "pandas.eval",
    "transformers.dynamic_module_utils",
)  # fmt: skip
_WRITE = (
    "os.remove", "os.unlink", "os.rename", "os.renames", "os.replace", "os.rmdir", "os.removedirs", "os.mkdir",
    "os.makedirs", "os.symlink", "os.link", "os.chmod", "os.chown", "os.truncate", "os.write", "os.open", "os.mkfifo",
    "os.putenv", "shutil", "tempfile", "torch.save", "safetensors.torch.save_file", "numpy.save",
    "numpy.savez", "numpy.savetxt", "sqlite3",
)  # fmt: skip
_METHODS: Mapping[str, Rule] = {
    "write_text": "code-write", "write_bytes": "code-write", "unlink": "code-write", "rmdir": "code-write",
    "symlink_to": "code-write", "hardlink_to": "code-write", "touch": "code-write", "mkdir": "code-write",
    "extractall": "code-write", "system": "code-process", "popen": "code-process", "Popen": "code-process",
    "check_output": "code-process", "urlopen": "code-network", "urlretrieve": "code-network", "sendto": "code-network",
    "__subclasses__": "code-eval", "__globals__": "code-eval", "__builtins__": "code-eval", "f_globals": "code-eval",
    "__code__": "code-eval", "__reduce__": "code-eval", "__reduce_ex__": "code-eval",
}  # fmt: skip
"""What says enough by its name, whatever it is a method of."""
_BUILTINS = ("eval", "exec", "compile", "__import__")
_OPENS = ("open", "io.open", "builtins.open")
_LOADERS = ("torch.load", "numpy.load")
_RULES: tuple[tuple[Rule, tuple[str, ...]], ...] = (
    ("code-network", _NETWORK),
    ("code-process", _PROCESS),
    ("code-eval", _EVAL),
    ("code-write", _WRITE),
)
_KIN = ("os.exec", "os.spawn", "asyncio.create_subprocess", "concurrent.futures.Process")
"""What stands for all names that begin so, as os.execv."""


@dataclass(frozen=True, kw_only=True)
class Read:
    """What a file says of itself."""

    packages: tuple[str, ...] = ()
    """What it imports that is neither its own nor of the standard library."""
    names: Mapping[Rule, tuple[tuple[str, int], ...]] = field(default_factory=lambda: MappingProxyType({}))
    """By rule: a name, and the line of its first use."""
    broken: str = ""
    """Why it cannot be read as Python; empty: it can."""


def read(source: bytes) -> Read:
    """Read a file's source.

    Args:
        source: as it is on the disk.
    """
    if len(source) > _SOURCE_MAX_BYTES:
        return Read(broken=f"it has more than {_SOURCE_MAX_BYTES} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
            reader = _Reader()
            reader.visit(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return Read(broken=f"{type(error).__name__}: {getattr(error, 'msg', error)}")
    names = {rule: tuple(found.items()) for rule, found in sorted(reader.found.items())}
    return Read(packages=tuple(sorted(reader.packages)), names=names)


class _Reader(ast.NodeVisitor):
    """Follows what names stand for."""

    def __init__(self) -> None:
        self.packages: set[str] = set()
        self.found: dict[Rule, dict[str, int]] = defaultdict(dict)
        self._means: dict[str, str] = {}

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.name, node.lineno)
            top = alias.name.partition(".")[0]
            self._means[alias.asname or top] = alias.name if alias.asname else top

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level or not node.module:
            return
        self._import(node.module, node.lineno)
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            self._means[alias.asname or alias.name] = whole
            self._judge(whole, node.lineno)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        whole = self._known(node)
        if whole is None or not self._judge(whole, node.lineno):
            self._method(node.attr, node.lineno)
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if node.id in self._means:
            self._judge(self._means[node.id], node.lineno)
        elif node.id in _BUILTINS:
            self._judge(f"builtins.{node.id}", node.lineno)

    def visit_Assign(self, node: ast.Assign) -> None:
        # As where os.system is given another name.
        whole = self._known(node.value)
        if whole is not None:
            self._means.update({target.id: whole for target in node.targets if isinstance(target, ast.Name)})
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        whole = self._known(node.func) or ""
        plain = node.func.id if isinstance(node.func, ast.Name) else ""
        if whole in _OPENS or plain == "open":
            self._opened(node, 1)
        elif isinstance(node.func, ast.Attribute) and node.func.attr == "open" and not whole:
            self._opened(node, 0)
        elif whole in _LOADERS and any(map(_switches_off, node.keywords)):
            self._note("code-eval", f"{whole} of pickles", node.lineno)
        elif plain in ("globals", "locals") or (plain == "vars" and not node.args):
            self._note("code-eval", f"{plain}()", node.lineno)
        elif plain in ("getattr", "setattr") and len(node.args) > 1:
            self._looked_up(node.args[0], node.args[1], plain)
        self.generic_visit(node)

    def _opened(self, node: ast.Call, at: int) -> None:
        """``open(path, mode)``, or ``path.open(mode)``: ``at`` says which argument is the mode."""
        given = [keyword.value for keyword in node.keywords if keyword.arg == "mode"] or node.args[at : at + 1]
        mode = given[0] if given else None
        if isinstance(mode, ast.Constant) and isinstance(mode.value, str):
            if set(mode.value) & set("wax+") and len(mode.value) <= _MODE_MAX:
                self._note("code-write", f"open in mode {mode.value}", node.lineno)
        elif mode is not None and at:
            self._note("code-write", "open in a mode that is computed", node.lineno)

    def _looked_up(self, where: ast.expr, name: ast.expr, how: str) -> None:
        module = self._known(where)
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            if module is None or not self._judge(f"{module}.{name.value}", name.lineno):
                self._method(name.value, name.lineno)
        elif module is not None and module.partition(".")[0] in sys.stdlib_module_names:
            self._note("code-eval", f"{how}({module}, …) by a name that is computed", name.lineno)

    def _method(self, name: str, line: int) -> None:
        if rule := _METHODS.get(name):
            self._note(rule, f".{name}", line)

    def _import(self, module: str, line: int) -> None:
        top = module.partition(".")[0]
        if top not in sys.stdlib_module_names:
            self.packages.add(top)
        self._judge(module, line)

    def _judge(self, whole: str, line: int) -> bool:
        """Whether it is one of the dangerous, which is noted."""
        for rule, names in _RULES:
            for name in names:
                if whole == name or whole.startswith(f"{name}.") or (name in _KIN and whole.startswith(name)):
                    self._note(rule, whole.removeprefix("builtins."), line)
                    return True
        return False

    def _note(self, rule: Rule, what: str, line: int) -> None:
        self.found[rule].setdefault(what[:_SHOWN], line)

    def _known(self, node: ast.AST) -> str | None:
        """``a.b.c`` with what ``a`` was imported as; None for what does not begin with something imported."""
        steps: list[str] = []
        while isinstance(node, ast.Attribute):
            steps.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._means:
            return None
        return ".".join([self._means[node.id], *reversed(steps)])


def _switches_off(keyword: ast.keyword) -> bool:
    value = keyword.value.value if isinstance(keyword.value, ast.Constant) else None
    return (keyword.arg == "weights_only" and value is False) or (keyword.arg == "allow_pickle" and value is True)
