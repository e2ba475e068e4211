"""Files that run something when they are opened, and files that do not, by the ways in which they are made."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from typing import Any

MARK = "/nowhere/prewarm-was-here"


class Runs:
    """Calls something as it is unpickled."""

    def __init__(self, call: Any, *args: Any) -> None:
        self._given = (call, args)

    def __reduce__(self) -> Any:
        return self._given


def plain(protocol: int = 2) -> bytes:
    """A pickle that calls ``os.system``."""
    import os

    return pickle.dumps(Runs(os.system, f"touch {MARK}"), protocol=protocol)


def of(module: str, name: str, *args: str) -> bytes:
    """A pickle in text that calls one function."""
    given = "".join(f"V{one}\n" for one in args)
    return f"c{module}\n{name}\n({given}tR.".encode()


def stacked(module: str, name: str) -> bytes:
    """The same with names from the stack."""
    words = b"".join(b"\x8c" + bytes([len(one)]) + one.encode() for one in (module, name))
    return b"\x80\x04" + words + b"\x93\x8c\x04true\x85R."


def unreadable_before_the_first_name() -> bytes:
    """A stream that C's reader takes, and Python's disassembler does not: a number with an odd text."""
    return b"\x80\x02" + b"I 1\n0" + b"\x8a\x010" + b"X\x01\x00\x00\x00\xff0" + plain()[2:]


def zipped(files: Mapping[str, bytes], *, compressed: bool = False) -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w") -> bytes:
    """A tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return out.getvalue()


def numpy_file(*, objects: bool) -> bytes:
    """An array, of numbers or of objects."""
    import os

    import numpy as np

    out = io.BytesIO()
    values = np.array([Runs(os.system, "true")], dtype=object) if objects else np.zeros(4)
    np.save(out, values, allow_pickle=objects)
    return out.getvalue()


def saved(what: Any, *, legacy: bool = False) -> bytes:
    """As torch saves it."""
    import torch

    out = io.BytesIO()
    torch.save(what, out, _use_new_zipfile_serialization=not legacy)
    return out.getvalue()


def cut_crc(content: bytes) -> bytes:
    """A zip whose checksums are wrong: zipfile stops at it, torch does not."""
    at = content.index(b"PK\x01\x02")
    return content[: at + 16] + bytes(4) + content[at + 20 :]


def onnx(place: str) -> bytes:
    """What names external data."""
    entry = b"\x0a\x08location\x12" + bytes([len(place)]) + place.encode()
    return b"\x08\x08\x3a\x40" + b"\x6a" + bytes([len(entry)]) + entry


def gguf(template: str) -> bytes:
    """A head with a chat template."""
    key, text = b"tokenizer.chat_template", template.encode()
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1)
    return head + struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(text)) + text


def evil() -> Mapping[str, tuple[str, Callable[[], bytes]]]:
    """What runs something, or reads or writes elsewhere: a label to its file name and content."""
    import os

    call = {"data.pkl": plain(), "version": b"3\n"}
    torch_zip = {f"archive/{name}": content for name, content in call.items()}
    return {
        "pickle, protocol 0": ("a.pkl", lambda: of("os", "system", "true")),
        "pickle, protocol 2": ("a.pkl", plain),
        "pickle, protocol 5": ("a.pickle", lambda: plain(5)),
        "pickle under another name": ("pytorch_model.bin", plain),
        "pickle in text as weights": ("pytorch_model.bin", lambda: of("posix", "system", "true")),
        "names from the stack": ("a.pt", lambda: stacked("os", "system")),
        "a dotted name": ("a.pt", lambda: stacked("torch", "os.system")),
        "eval": ("a.bin", lambda: of("builtins", "eval", "1")),
        "exec of Python 2": ("a.bin", lambda: of("__builtin__", "exec", "1")),
        "getattr": ("a.bin", lambda: of("builtins", "getattr", "a", "b")),
        "runpy": ("a.bin", lambda: of("runpy", "run_path", "a")),
        "import_module": ("a.bin", lambda: of("importlib", "import_module", "antigravity")),
        "numpy.load": ("a.bin", lambda: of("numpy", "load", "a")),
        "torch.load": ("a.bin", lambda: of("torch", "load", "a")),
        "torch.hub": ("a.bin", lambda: of("torch.hub", "load_state_dict_from_url", "a")),
        "logging.config": ("a.bin", lambda: of("logging.config", "_resolve", "os.system")),
        "a class of transformers": ("training_args.bin", lambda: of("transformers.training_args", "TrainingArguments")),
        "a whole module": ("model.pth", lambda: of("torch.nn.modules.linear", "Linear")),
        "a checkpoint of torch": ("pytorch_model.bin", lambda: zipped(torch_zip)),
        "the same, compressed": ("pytorch_model.bin", lambda: zipped(torch_zip, compressed=True)),
        "the same as .ckpt": ("model.ckpt", lambda: zipped(torch_zip)),
        "wrong checksums": ("pytorch_model.bin", lambda: cut_crc(zipped(torch_zip))),
        "saved by torch": ("a.pt", lambda: saved({"a": Runs(os.system, "true")})),
        "saved by an old torch": ("a.pt", lambda: saved({"a": Runs(os.system, "true")}, legacy=True)),
        "a pickle that is cut": ("a.pkl", lambda: plain()[:-2]),
        "a stream that cannot be disassembled": ("a.bin", unreadable_before_the_first_name),
        "a second pickle behind a good one": ("a.pkl", lambda: pickle.dumps([1]) + plain()),
        "a pickle before a zip": ("a.bin", lambda: plain() + zipped({"archive/data.pkl": pickle.dumps([1])})),
        "joblib": ("model.joblib", lambda: plain(4)),
        "joblib, zlib": ("model.joblib", lambda: zlib.compress(plain(4))),
        "joblib, gzip": ("model.joblib", lambda: gzip.compress(plain(4))),
        "joblib, xz": ("model.pkl", lambda: lzma.compress(plain(4))),
        "joblib, bz2": ("model.pkl", lambda: bz2.compress(plain(4))),
        "gzip": ("model.pkl.gz", lambda: gzip.compress(plain())),
        "an array of objects": ("a.npy", lambda: numpy_file(objects=True)),
        "arrays of objects": ("a.npz", lambda: zipped({"a.npy": numpy_file(objects=True)})),
        "nemo": ("model.nemo", lambda: tarred({"model_weights.ckpt": zipped(torch_zip), "model_config.yaml": b""})),
        "nemo, compressed": ("model.nemo", lambda: tarred({"./model_weights.ckpt": zipped(torch_zip)}, "w:gz")),
        "a zip in a tar in a gzip": ("a.tgz", lambda: gzip.compress(tarred({"a.zip": zipped({"b.pkl": plain()})}))),
        "a member outside": ("a.tar", lambda: tarred({"../../planted": b"x"})),
        "7z": ("model.7z", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(100)),
        "7z as weights": ("pytorch_model.bin", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(100)),
        "keras": ("model.keras", lambda: zipped({"config.json": b'{"layers": [{"class_name": "Lambda"}]}'})),
        "keras, hdf5": ("model.h5", lambda: b"\x89HDF\r\n\x1a\n" + bytes(99) + b'{"class_name": "Lambda", "config"'),
        "onnx, absolute": ("model.onnx", lambda: onnx("/etc/passwd")),
        "onnx, upwards": ("model.onnx", lambda: onnx("../../secret")),
        "a template for the interpreter": ("chat_template.jinja", lambda: b"{{ messages.__class__.__mro__ }}"),
        "the same in JSON": ("tokenizer_config.json", lambda: b'{"chat_template": "{{ \'\'.__class__ }}"}'),
        "the same in GGUF": ("model.gguf", lambda: gguf("{{ ''.__class__.__base__ }}")),
    }  # fmt: skip


def _weights() -> Mapping[str, Any]:
    import torch

    parameter = torch.nn.Parameter(torch.zeros(2))
    return {
        "a": torch.zeros(3, 4),
        "b": torch.ones(2, dtype=torch.bfloat16),
        "c": torch.tensor(True),
        "parameters": {"a": parameter},
        "optimizer": torch.optim.AdamW([parameter]).state_dict(),
        "sparse": {"a": torch.eye(3).to_sparse()},
    }


def good() -> Mapping[str, tuple[str, Callable[[], bytes]]]:
    """What people have, and nothing runs."""
    return {
        "weights": ("pytorch_model.bin", lambda: saved(_weights())),
        "weights of an old torch": ("pytorch_model.bin", lambda: saved(_weights(), legacy=True)),
        "parameters": ("pytorch_model.bin", lambda: saved(_weights()["parameters"])),
        "an optimizer's": ("optimizer.pt", lambda: saved(_weights()["optimizer"])),
        "sparse": ("a.pt", lambda: saved(_weights()["sparse"])),
        "weights of CTranslate2": ("model.bin", lambda: struct.pack("<I", 6) + b"\x0c\x00TransformerSpec" + bytes(999)),
        "numbers alone": ("openvino_model.bin", lambda: bytes(range(40, 240)) * 20),
        "letters": ("weights.bin", lambda: b"bRo(." * 50 + bytes([255] * 9)),
        "nothing but zeros": ("weights.bin", lambda: bytes(1000)),
        "plain objects": ("a.pkl", lambda: pickle.dumps({"a": [1, 2.0, "b", None, True, (3,), {4}]})),
        "an array": ("a.npy", lambda: numpy_file(objects=False)),
        "arrays": ("a.npz", lambda: zipped({"a.npy": numpy_file(objects=False)})),
        "nemo": ("model.nemo", lambda: tarred({"model_weights.ckpt": saved(_weights()), "model_config.yaml": b"a: 1"})),
        "keras": ("model.keras", lambda: zipped({"config.json": b'{"layers": [{"class_name": "Dense"}]}'})),
        "onnx": ("model.onnx", lambda: onnx("model.onnx_data")),
        "a template": (
            "chat_template.jinja",
            lambda: b"{% for m in messages %}<|{{ m['role'] }}|>{{ m.content | trim }}{{ eos_token }}{% endfor %}",
        ),
        "a template that wants more": ("tokenizer_config.json", lambda: b'{"chat_template": "{{ raise_exception(\'no\') }}"}'),
        "a template that changes a list": ("chat_template.jinja", lambda: b"{% set a = [] %}{{ a.append(1) }}"),
        "templates": (
            "tokenizer_config.json",
            lambda: b'{"chat_template": [{"name": "default", "template": "{{ messages[0].content }}"}]}',
        ),
        "GGUF": ("model.gguf", lambda: gguf("{{ messages[0]['content'] }}")),
    }  # fmt: skip
