"""Opening image files of strangers: large ones are opened, absurd ones are not.

Pillow refuses images beyond 179 megapixels with an error of its own kind. A 16384 x 16384 texture is no
attack, so the bound is ours: on the memory that the size in the header asks for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

MAX_PIXELS = 2**29  # four bytes each are 2 GiB


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """The opened image. Raises OSError where there is none, or one of more than MAX_PIXELS."""
    guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                limit = f"{MAX_PIXELS / 1e6:.0f} megapixels"
                raise OSError(f"{path}: expected an image of at most {limit}, got {width} x {height}")
            yield image
    finally:
        Image.MAX_IMAGE_PIXELS = guard
