"""What readers raise where a file is damaged, in words about the file and not about the program."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from assets_manifest.importing.raw import RejectedFileError
from jobs.system_errors import explain, from_the_system

DAMAGE: tuple[type[Exception], ...] = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(NotImplementedError, OSError, RecursionError, TypeError, ValueError, struct.error, zlib.error),
)
BAD_PICTURE: tuple[type[Exception], ...] = (
    *DAMAGE,
    SyntaxError,  # of Pillow's PNG reader
    Image.DecompressionBombError,
)


@contextmanager
def reading(kind: str) -> Iterator[None]:
    """Turn what readers say of damage into one error. A refusal of ours passes as it is."""
    try:
        yield
    except RejectedFileError:
        raise
    except DAMAGE as error:
        raise RejectedFileError(f"unreadable {kind}: {of_file(error)}") from error


def of_file(error: Exception) -> str:
    """What is wrong with the file that a reader failed on."""
    if isinstance(error, OSError) and from_the_system(error):
        return explain(error)
    if isinstance(error, json.JSONDecodeError):
        return f"its JSON is damaged in line {error.lineno}, column {error.colno}"
    if isinstance(error, KeyError):
        return f"it lacks {str(error.args[0])!r:.60}" if error.args else "it lacks a part"
    for kinds, words in _WORDS:
        if isinstance(error, kinds):
            return words
    return "its parts do not fit together, as in a file that is damaged or cut short"


_WORDS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (  # the first that fits
    ((UnidentifiedImageError,), "it is no picture of a known format"),
    ((Image.DecompressionBombError,), "it is an absurdly large picture"),
    ((UnicodeDecodeError,), "its text is no UTF-8"),
    ((RecursionError,), "it is nested too deeply"),
    ((MemoryError,), "it declares more than fits into memory"),
    ((EOFError, struct.error), "it is cut short"),
    ((zlib.error,), "its compressed data is damaged"),
    ((LookupError,), "it refers to a part that it does not have"),
)


def of_picture(error: Exception) -> str:
    """What is wrong with a picture that could not be decoded."""
    known = isinstance(error, (UnidentifiedImageError, Image.DecompressionBombError, MemoryError))
    return of_file(error) if known else "it is damaged or cut short"
