"""What a pickle imports and calls. Changes with what loaders of weights take, and with how pickles hide.

picklescan judges the names; what it calls suspicious is a finding unless torch's own restricted loader takes it. It
passes a stream that its reader cannot follow, so that each stream is read once more, to its end.
"""

from __future__ import annotations

import logging
import pickletools
from collections.abc import Iterator
from typing import IO

from picklescan.scanner import SafetyLevel, scan_bytes

logging.getLogger("picklescan").setLevel(logging.CRITICAL)

_OF_TENSORS = {
    "_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_qtensor", "_rebuild_tensor", "_rebuild_tensor_v2",
    "_rebuild_tensor_v3", "_rebuild_sparse_tensor", "_rebuild_sparse_csr_tensor", "_rebuild_nested_tensor",
    "_rebuild_meta_tensor_no_storage",
}  # fmt: skip
_PLAIN = {
    "set", "frozenset", "bytearray", "complex", "dict", "list", "tuple", "int", "float", "str", "bytes", "bool",
}  # fmt: skip
_TAKEN = {
    "torch._utils": _OF_TENSORS,
    "torch.nn.parameter": {"Parameter"},
    "torch.storage": {"UntypedStorage", "TypedStorage"},
    "torch.serialization": {"_get_layout"},
    "collections": {"OrderedDict", "Counter", "defaultdict"},
    "builtins": _PLAIN,
    "__builtin__": _PLAIN,
    "_codecs": {"encode"},
}
"""What torch's restricted loader (``weights_only=True``) takes as well, and what makes plain containers."""
_STORAGES = ("Storage", "Tensor", "Size", "device", "dtype")
_TORCH_TYPES = {
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32",
    "uint64", "bool", "complex32", "complex64", "complex128", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz",
    "float8_e5m2fnuz", "quint8", "qint8", "qint32", "strided", "sparse_coo",
}  # fmt: skip
_NAME_TEXTS = 2
"""A module and a name, which stand on the stack before they are brought in."""
_LEGACY_STREAMS = 5
"""A checkpoint of torch before 1.6: number, version, system, content, keys; then the bytes of the tensors."""


def findings(data: IO[bytes], name: str, suffix: str) -> Iterator[str]:
    """What a pickle, or an archive of torch's, would import, less what weights consist of.

    Args:
        data: from its beginning.
        name: for messages of the scanner.
        suffix: as of the file that it is, which decides how loaders read it.
    """
    try:
        result = scan_bytes(data, name, suffix)
    except Exception as error:  # noqa: BLE001 (whatever it stumbles over, a loader may not)
        yield f"a stream that cannot be read to its end ({type(error).__name__})"
        return
    for one in result.globals:
        if one.safety != SafetyLevel.Innocuous and not _is_taken(one.module, one.name):
            yield f"{one.module}.{one.name}"
    if result.scan_err:
        yield "a stream that cannot be read to its end"


def unreadable(data: IO[bytes], *, streams: int) -> Iterator[str]:
    """Whether the pickles at the beginning of ``data`` can be read to their ends.

    Args:
        data: from its beginning.
        streams: how many follow one another.
    """
    try:
        for _ in range(streams):
            for _ in pickletools.genops(data):
                pass
    except Exception as error:  # noqa: BLE001 (as above)
        yield f"a stream that cannot be read to its end ({type(error).__name__})"


def may_be_one(data: IO[bytes]) -> bool:
    """Whether a file that nothing calls a pickle brings something in when it is read as one.

    Weights in formats of their own have the same names as torch's: their bytes are instructions by chance, and end in
    what is none before they have named anything.
    """
    texts = 0
    try:
        for op, given, _ in pickletools.genops(data):
            texts += isinstance(given, str)
            if op.name in ("GLOBAL", "INST") or (op.name == "STACK_GLOBAL" and texts >= _NAME_TEXTS):
                return True
    except Exception:  # noqa: BLE001 (it is none)
        return False
    return False


def streams_of(head: bytes) -> int:
    """How many pickles stand at the beginning of a file."""
    return _LEGACY_STREAMS if head.startswith(b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.") else 1


def _is_taken(module: str, name: str) -> bool:
    if module == "torch":
        return name in _TORCH_TYPES or name.endswith(_STORAGES)
    return name in _TAKEN.get(module, ())
