"""The repositories that scenarios work on."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from prewarm.localhub import Repository

MB = 1_000_000
_MAKE = """
import sys
from pathlib import Path
from transformers import BertConfig, BertModel
from prewarm.demo.models import save, word_tokenizer

folder, vocabulary = Path(sys.argv[1]), int(sys.argv[2])
config = BertConfig(
    vocab_size=vocabulary, hidden_size=200, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64
)
save(BertModel(config), folder)
word_tokenizer(folder)
"""


@cache
def bert(folder: Path, vocabulary: int = 305) -> Path:
    """A BERT with a tokenizer; its weights have 800 bytes for each word."""
    target = folder / f"bert-{vocabulary}"
    target.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", _MAKE, str(target), str(vocabulary)], check=True, capture_output=True)
    return target


def models(folder: Path, count: int, *, vocabulary: int = 305) -> list[Repository]:
    """So many repositories of such a model, each with a readme and a configuration of its own."""
    found = []
    source = bert(folder, vocabulary)
    for number in range(count):
        repository = Repository(repo_id=f"bench/model-{number}")
        files: dict[str, bytes | Path] = {path.name: path for path in source.iterdir()}
        files["README.md"] = f"# Model {number}\n".encode() * 100
        # Another configuration, and so another blob, for each.
        config = (source / "config.json").read_text().rstrip().removesuffix("}").rstrip()
        files["config.json"] = f'{config},\n  "number": {number}\n}}\n'.encode()
        repository.commit(files)
        found.append(repository)
    return found


def bytes_of(repository: Repository) -> int:
    """Bytes of all files of a repository."""
    commit = repository.resolve("main")
    assert commit is not None
    return sum(file.size for file in commit.files.values())


def random_file(path: Path, size: int) -> Path:
    """A file that no compression makes smaller."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        for _ in range(size // MB):
            file.write(os.urandom(MB))
        file.write(os.urandom(size % MB))
    return path


def small_files(repo_id: str, count: int) -> Repository:
    """A repository of so many files of some bytes."""
    repository = Repository(repo_id=repo_id)
    repository.commit(
        {f"{number // 100:03}/{number:05}.txt": f"{repo_id} {number}".encode() for number in range(count)}
    )
    return repository
