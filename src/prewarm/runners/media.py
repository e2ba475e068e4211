"""Images and sounds of files: pillow and soundfile, without ffmpeg. Changes with what is read, and by what."""

from __future__ import annotations

import io
import math
from pathlib import Path
from typing import Any

from prewarm.runners.question import cannot

_INSTALL = 'pip install "hf-prewarm[samples]"'
SIDE = 224
"""Pixels of a picture that nobody named."""
RATE = 16_000


def image(source: str | bytes) -> Any:
    """The picture in a file, or in its content, as pillow has it.

    Raises:
        Refused: it is none, or pillow is missing.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise cannot("a package is missing: pillow, which reads images", _INSTALL) from error
    try:
        with Image.open(_opened(source)) as found:
            return found.convert("RGB")
    except FileNotFoundError:
        raise cannot(f"there is no file {source!s}") from None
    # Pillow's plug-ins raise anything at a damaged file.
    except Exception as error:
        raise cannot(f"{_name(source)} is no image that pillow reads", "a PNG, JPEG or WebP file") from error


def sound(source: str | bytes, rate: int) -> Any:
    """The sound in a file, or in its content: one channel at ``rate`` samples a second, as float32.

    Raises:
        Refused: it is none, or a package is missing.
    """
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise cannot("a package is missing: soundfile, which reads sounds", _INSTALL) from error
    try:
        found, given = soundfile.read(_opened(source), dtype="float32", always_2d=True)
    except Exception as error:
        raise cannot(f"{_name(source)} is no sound that soundfile reads", "a WAV, FLAC, OGG or MP3 file") from error
    wave = found.mean(axis=1)
    if not len(wave):
        raise cannot(f"{_name(source)} is a sound of no length")
    if given == rate:
        return wave
    try:
        import soxr
    except ImportError as error:
        said = f"{_name(source)} has {given} samples a second, and the model takes {rate}: soxr is missing"
        raise cannot(said, _INSTALL) from error
    return soxr.resample(wave, given, rate)


def usual_image() -> Any:
    """A picture, where none is named."""
    try:
        from PIL import Image
    except ImportError as error:
        raise cannot("a package is missing: pillow, which makes an image", _INSTALL) from error
    red = Image.linear_gradient("L").resize((SIDE, SIDE))
    return Image.merge("RGB", (red, red.rotate(90), red.rotate(180)))


def usual_sound(rate: int) -> Any:
    """A tone of a second, where no sound is named."""
    import numpy as np

    return (0.3 * np.sin(np.arange(rate) * (2 * math.pi * 440 / rate))).astype("float32")


def _opened(source: str | bytes) -> Any:
    return io.BytesIO(source) if isinstance(source, bytes) else source


def _name(source: str | bytes) -> str:
    return Path(source).name if isinstance(source, str) else "what was sent"
