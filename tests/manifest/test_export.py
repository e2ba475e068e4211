"""``[advanced.export]``: what it may say, and what is told of everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from prewarm.lock.digest import entry_digest, proof_digest
from prewarm.manifest import toml
from prewarm.manifest.read import parse
from prewarm.records.errors import ManifestError
from prewarm.records.export import Export, OracleEnvironment

ENTRY = '[[advanced]]\nid = "org/one"\n'
ORACLE = (
    '[advanced.export.oracle]\nenvironment_path = "oci://b@n/p"\nslug = "s_v1"\ntype = "published"\npython = "3.12"\n'
)


def read(text: str) -> Export | None:
    return parse(toml.parse(ENTRY + text), path=Path("prewarm.toml")).entries[0].export


def test_every_key_is_read() -> None:
    found = read(
        '[advanced.export]\nformat = "onnx"\ntask = "fill-mask"\noutput_dir = "out/one"\nmax_length = 256\nopset = 20\n'
        'dtype = "float16"\ncheck_files = ["model.onnx"]\nlayout = "oracle"\n' + ORACLE
    )
    assert found == Export(
        task="fill-mask",
        output_dir="out/one",
        max_length=256,
        opset=20,
        dtype="float16",
        check_files=("model.onnx",),
        layout="oracle",
        oracle=OracleEnvironment(environment_path="oci://b@n/p", slug="s_v1", type="published", python="3.12"),
        place="advanced[0].export",
    )
    assert read("") is None
    assert read("[advanced.export]\n") == Export(place="advanced[0].export")


def test_it_decides_neither_the_lock_nor_the_proof() -> None:
    plain, exported = (
        parse(toml.parse(ENTRY + text), path=Path("prewarm.toml")).entries[0] for text in ("", "[advanced.export]\n")
    )
    assert entry_digest(plain) == entry_digest(exported)
    assert proof_digest(plain) == proof_digest(exported)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("export = 5\n", "advanced[0].export", "a table"),
        ('[advanced.export]\nformats = "onnx"\n', "advanced[0].export.formats", "did you mean 'format'?"),
        ('[advanced.export]\nformat = "tflite"\n', "advanced[0].export.format", '"onnx" or "files"'),
        ('[advanced.export]\ntask = "summarization"\n', "advanced[0].export.task", "text2text-generation"),
        ("[advanced.export]\nopset = 8\n", "advanced[0].export.opset", "from 9 to 25"),
        ('[advanced.export]\nopset = "20"\n', "advanced[0].export.opset", "a whole number"),
        ("[advanced.export]\nmax_length = 0\n", "advanced[0].export.max_length", "from 1 to"),
        ("[advanced.export]\nmax_length = true\n", "advanced[0].export.max_length", "a whole number"),
        ('[advanced.export]\noutput_dir = "../out"\n', "advanced[0].export.output_dir", "no folder to make"),
        ('[advanced.export]\noutput_dir = "."\n', "advanced[0].export.output_dir", "no folder to make"),
        ('[advanced.export]\ncheck_files = ["../x"]\n', "advanced[0].export.check_files[0]", "path"),
        ('[advanced.export]\ncheck_files = "x"\n', "advanced[0].export.check_files", "a list of paths"),
        ('[advanced.export]\nlayout = "oracle"\n', "advanced[0].export", "needs the environment"),
        ("[advanced.export]\n" + ORACLE, "advanced[0].export.oracle", 'layout = "oracle"'),
        ('[advanced.export]\nformat = "files"\nopset = 20\n', "advanced[0].export.opset", "as they are"),
        (
            '[advanced.export]\nlayout = "oracle"\n' + ORACLE.replace("slug", "slag"),
            "advanced[0].export.oracle.slag",
            "did you mean 'slug'?",
        ),
        (
            '[advanced.export]\nlayout = "oracle"\n' + ORACLE.replace('slug = "s_v1"\n', ""),
            "advanced[0].export.oracle",
            "there is no slug",
        ),
        (
            '[advanced.export]\nlayout = "oracle"\n' + ORACLE.replace("oci://", "s3://"),
            "advanced[0].export.oracle.environment_path",
            "no path of object storage",
        ),
        (
            '[advanced.export]\nlayout = "oracle"\n' + ORACLE.replace("3.12", "3.20"),
            "advanced[0].export.oracle.python",
            "3.6 to 3.14",
        ),
        (
            '[advanced.export]\nlayout = "oracle"\n' + ORACLE.replace('"3.12"', '"new"'),
            "advanced[0].export.oracle.python",
            "no version",
        ),
    ],
)
def test_anything_else_is_told_with_its_place(text: str, place: str, said: str) -> None:
    with pytest.raises(ManifestError) as error:
        read(text)
    assert error.value.place == place
    assert said in f"{error.value.message} {error.value.hint}"
