"""How alike some texts are: the look that people take by hand at an embedding model. Changes with how it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from prewarm.serve._server.server import Model, counted, embedded

_SHOWN = 40


def alike(folder: Path, texts: Sequence[str]) -> list[list[float]]:
    """The cosine of each text's vector with each other's.

    Raises:
        Exception: what the folder's files, or the libraries that read them, raise.
    """
    model = Model(folder)
    vectors = embedded(counted(model.tokens(texts)), model)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    found: list[list[float]] = (vectors @ vectors.T).tolist()
    return found


def draw(found: Sequence[Sequence[float]], texts: Sequence[str], output: Path) -> None:
    """A picture of it: a square for each pair, the number in it.

    Raises:
        OSError: it cannot be written.
        ValueError: nothing draws such a file.
    """
    import matplotlib as mpl  # noqa: PLC0415 (an extra)

    mpl.use("Agg")
    # The same bytes for the same numbers, and text that can be read and searched.
    mpl.rcParams.update({"svg.hashsalt": "prewarm", "svg.fonttype": "none"})
    from matplotlib import pyplot as plt  # noqa: PLC0415

    plain = [" ".join(text.split()) for text in texts]
    names = [text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…" for text in plain]
    side = 1.2 + 0.9 * len(texts)
    figure, axes = plt.subplots(figsize=(side + 2.5, side + 0.5))
    image: Any = axes.imshow(found, vmin=0, vmax=1, cmap="viridis")
    axes.set_xticks(range(len(texts)), [str(at + 1) for at in range(len(texts))])
    axes.set_yticks(range(len(texts)), [f"{name}  {at + 1}" for at, name in enumerate(names)], parse_math=False)
    for row, values in enumerate(found):
        for column, value in enumerate(values):
            colour = "black" if value > 0.6 else "white"
            axes.text(column, row, f"{value:.2f}", ha="center", va="center", color=colour)
    figure.colorbar(image, label="cosine")
    figure.tight_layout()
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)
    plt.close(figure)
