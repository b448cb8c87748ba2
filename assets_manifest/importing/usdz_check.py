"""Whether a .usdz is a package as USD reads it: an uncompressed zip whose files stay inside it."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path, PurePosixPath

from assets_manifest.importing.raw import RejectedFileError
from jobs.contents import contents

LAYERS = (".usd", ".usda", ".usdc")
MOST_FILES = 100_000


def check_package(path: Path) -> None:
    """Raises RejectedFileError, which names the file in the package."""
    try:
        with zipfile.ZipFile(path) as package:
            members = package.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        raise RejectedFileError(f"unreadable USD: it is {contents(path)}, expected a USD package") from None
    if len(members) > MOST_FILES:
        raise RejectedFileError(f"a package of {len(members)} files, more than {MOST_FILES}")
    for member in members:
        _check_member(member)
    if not members or PurePosixPath(members[0].filename).suffix.lower() not in LAYERS:
        raise RejectedFileError("unreadable USD: the first file of the package is no layer of USD")


def _check_member(member: zipfile.ZipInfo) -> None:
    name = PurePosixPath(member.filename)
    if name.is_absolute() or ".." in name.parts or "\\" in member.filename:
        raise RejectedFileError(f"its package holds {member.filename!r:.120}, which leads out of it")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise RejectedFileError(f"its package holds {member.filename!r:.120}, which is a link")
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
        raise RejectedFileError(
            f"its package holds {member.filename!r:.120} compressed or encrypted, which USD does not read; "
            "make it again (`usdzip`)"
        )
