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
)
_WORDS = (
    *("river", "stone", "paper", "morning", "window", "seven", "above", "under", "letter", "garden", "winter"),
    *("coffee", "market", "silver", "bridge", "music"),
)


def encodes_alike(model: Any, session: Any, tokenizer: Path, longest: int, *, least: float | None) -> None:
    """Raise Refused where they do not.

    Args:
        model: the original.
        session: the graph.
        tokenizer: of the artifact.
        longest: tokens that a text is cut to.
        least: the least cosine that is enough; None: they have to be the same.
    """
    import numpy as np
    from tokenizers import Tokenizer

    own = Tokenizer.from_file(str(tokenizer))
    prompt = prompt_of(model)
    texts = [*_TEXTS, _longer_than(longest)]
    # As long as the artifact takes them.
    before, model.max_seq_length = model.max_seq_length, longest
    try:
        expected = model.encode(texts, convert_to_numpy=True, show_progress_bar=False)
    finally:
        model.max_seq_length = before
    encoded = own.encode_batch([prompt + text for text in texts])
    given = {
        "input_ids": [one.ids for one in encoded],
        "attention_mask": [one.attention_mask for one in encoded],
        "token_type_ids": [one.type_ids for one in encoded],
    }
    names = [one.name for one in session.get_inputs()]
    found = session.run(None, {name: np.array(given[name], dtype="int64") for name in names})[0]
    if least is None:
        difference = float(np.abs(found - expected).max() / max(1.0, float(np.abs(expected).max())))
        is_right, said = difference <= TOLERANCE, f"they differ by {difference:.1e}"
    else:
        norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
        cosine = float(((found * expected).sum(axis=1) / np.maximum(norms, 1e-12)).min())
        is_right, said = cosine >= least, f"a cosine of {cosine:.4f}"
    if not is_right:
        raise Refused(
            "export-error",
            f"texts give other vectors than SentenceTransformer.encode does: {said}",
            "its tokenizer does something that tokenizer.json cannot say; serve this one with sentence-transformers",
        )


def _longer_than(tokens: int) -> str:
    """A text that is cut, wherever that is, to something that no other part of it says."""
    state, words = 7, []
    for _ in range(tokens + 20):
        state = (state * 1103515245 + 12345) % (1 << 31)
        words.append(_WORDS[(state >> 8) % len(_WORDS)])
    return " ".join(words)
