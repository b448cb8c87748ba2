"""Text files as people and their editors write them: with a byte order mark, with any line ends."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def read_text(path: str | os.PathLike[str]) -> str:
    """The text of a UTF-8 file, or of the UTF-16 that a byte order mark announces; line ends become \\n.

    Raises OSError, and UnicodeDecodeError (a ValueError) for other bytes.
    """
    content = Path(path).read_bytes()
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
