"""Whether texts become the vectors that ``SentenceTransformer.encode`` gives, by tokenizer.json and graph alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prewarm.export.inside.sentences import prompt_of
from prewarm.worker.refused import Refused

TOLERANCE = 1e-5
_TEXTS = (
    "A cat sits on the mat.",
    "  Two spaces before, and an UPPER word  ",
    "ok",
    "Zürich, naïve — 日本語",
    "The quick brown fox jumps over the lazy dog, again and again. " * 60,
)


def encodes_alike(model: Any, session: Any, tokenizer: Path, *, is_exact: bool) -> None:
    """Raise Refused where they do not; ``is_exact``: else the numbers are smaller, and were compared before."""
    import numpy as np
    from tokenizers import Tokenizer

    if not is_exact:
        return
    own = Tokenizer.from_file(str(tokenizer))
    prompt = prompt_of(model)
    expected = model.encode(list(_TEXTS), convert_to_numpy=True, show_progress_bar=False)
    encoded = own.encode_batch([prompt + text for text in _TEXTS])
    given = {
        "input_ids": [one.ids for one in encoded],
        "attention_mask": [one.attention_mask for one in encoded],
        "token_type_ids": [one.type_ids for one in encoded],
    }
    names = [one.name for one in session.get_inputs()]
    found = session.run(None, {name: np.array(given[name], dtype="int64") for name in names})[0]
    difference = float(np.abs(found - expected).max() / max(1.0, float(np.abs(expected).max())))
    if not difference <= TOLERANCE:
        raise Refused(
            "export-error",
            f"texts give other vectors than SentenceTransformer.encode does: they differ by {difference:.1e}",
            "its tokenizer does something that tokenizer.json cannot say; serve this one with sentence-transformers",
        )
