"""Opening the image files of a scene: a bad one is an AssetFileError, a big one is no attack.

Pillow refuses images beyond 179 megapixels, to guard those who open strangers' files. A 16384 x 16384
texture is none, so the bound is ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from fsd_gen.usd.errors import AssetFileError

MAX_PIXELS = 2**29  # of one image; four bytes each are 2 GiB while it is decoded


@contextmanager
def open_image(path: Path) -> Iterator[Image.Image]:
    """The opened image; also what goes wrong while the block decodes it is reported.

    Raises:
        AssetFileError: no image that can be read, or one of more than MAX_PIXELS.
    """
    guard, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        with Image.open(path) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise AssetFileError(
                    f"{path}: expected a texture of at most {MAX_PIXELS / 1e6:.0f} megapixels, "
                    f"got {width} x {height}; scale it down"
                )
            yield image
    except (OSError, SyntaxError, EOFError) as error:  # what Pillow raises for what is damaged
        raise AssetFileError(f"{path}: cannot be read as an image: {error}") from error
    finally:
        Image.MAX_IMAGE_PIXELS = guard
