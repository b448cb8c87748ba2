"""What the operating system refused, in words: where, what, the remedy. The one translation of `OSError`."""

from __future__ import annotations

import errno
import os
from pathlib import Path

REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again, finished files are kept",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again, finished files "
    "are kept",
    errno.EROFS: "lies on a read-only file system; name a place where files may be written",
    errno.EACCES: "access is not permitted; name another place, or change its permissions",
    errno.EPERM: "the operation is not permitted; name another place, or change its permissions",
    errno.EEXIST: "is there already, and is not what was expected; name another place, or move it away",
    errno.ENOTDIR: "is no folder, or lies below a file; expected a folder: name another",
    errno.EISDIR: "is a folder; expected a file: name another",
    errno.ENAMETOOLONG: "the name is too long for the file system; choose a shorter one",
    errno.ELOOP: "symbolic links lead in a circle; name another place, or mend the link",
    errno.ENOENT: "no such file or folder",
    errno.EMFILE: "too many files are open; raise the limit (`ulimit -n`)",
    errno.EIO: "the disk failed to read or write (input/output error); see the system's log",
    errno.ESTALE: "the network file system lost this file (stale handle); mount it again",
    errno.EBUSY: "is in use by the system; try again, or name another place",
}


def from_the_system(error: BaseException) -> bool:
    """Whether the operating system refused something, which is no bug of ours."""
    return isinstance(error, OSError) and error.errno is not None


def explain(error: OSError, place: Path | None = None) -> str:
    """One line about `error`: the file it is about (else `place`), what is wrong there, and the remedy.

    Errors that carry no code of the system have a text of their own, which is returned as it is.
    """
    if error.errno is None or error.strerror is None:
        return " ".join(str(error).split())
    name = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else error.filename
    where = place if name is None else Path(str(name))
    if type(error).__module__ != "builtins":  # one of ours: its text says what to do
        what = error.strerror
    else:
        what = _broken_link(where) or _file_in_the_way(error, where) or _remedy(error)
    return " ".join(f"{'' if where is None else f'{where}: '}{what}".split())


def _remedy(error: OSError) -> str:
    assert error.errno is not None
    return REMEDIES.get(error.errno) or f"{error.strerror} [errno {error.errno}]"


def _broken_link(where: Path | None) -> str | None:
    """What to say where a link on the way to `where` leads nowhere."""
    for path in () if where is None else (where, *where.parents):
        try:
            if path.is_symlink() and not path.exists():
                it = "it" if path == where else str(path)
                return f"{it} is a symbolic link to {os.readlink(path)}, which is not there; mend the link"
        except OSError:  # too long a name, a circle, a folder that may not be read: the error itself says so
            return None
    return None


def _file_in_the_way(error: OSError, where: Path | None) -> str | None:
    if error.errno not in (errno.EEXIST, errno.ENOTDIR) or where is None:
        return None
    file = next((path for path in (where, *where.parents) if os.path.isfile(path)), None)
    if file is None:
        return None
    return (
        f"{'it' if file == where else file} is a file; expected a folder: name another, or move the file away"
    )
