"""Folders of results that are either absent or complete.

What marks a folder as ours is `RESULT`, a JSON file that every such folder holds; a folder without one is
never replaced.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.files import part_folder
from jobs.store.mirror import refuse_url

RESULT = "result.json"


class ResultFolderError(OSError):
    """A folder of results cannot be written where it was asked for."""


@contextmanager
def result_folder(final: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield an empty folder to fill, which must get a RESULT; publish it as `final` if the block succeeds.

    An empty `final` is taken over, an earlier result only if `replace`.

    Raises:
        ResultFolderError: something is at `final`, or the block wrote no RESULT.
    """
    require_free(final, replace=replace)
    final.parent.mkdir(parents=True, exist_ok=True)
    with part_folder(final) as part:
        yield part
        if not (part / RESULT).is_file():
            raise ResultFolderError(f"{final}: nothing to publish, {RESULT} was not written")


def require_free(final: Path, *, replace: bool = False) -> None:
    """Raise ResultFolderError unless a result may be put at `final`, UnknownStoreError for a URL."""
    refuse_url(final, "writing results")
    if final.is_symlink() or (final.exists() and not final.is_dir()):
        raise ResultFolderError(f"{final}: not a folder; choose another place for the results")
    above = next((place for place in final.parents if place.exists()), None)
    if above is not None and not above.is_dir():
        raise ResultFolderError(f"{above}: not a folder but a file; choose another place for the results")
    if not final.exists() or not any(final.iterdir()):
        return
    if not (final / RESULT).is_file():
        raise ResultFolderError(f"{final}: holds files that are not results; choose an empty or a new folder")
    if not replace:
        raise ResultFolderError(
            f"{final}: holds an earlier result; choose another folder, or replace it (--replace)"
        )


def write_result(folder: Path, content: dict[str, Any]) -> None:
    """Write RESULT into a folder in work. NaN and infinity raise ValueError."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    (folder / RESULT).write_text(text + "\n", encoding="utf-8")


def read_result(folder: Path) -> dict[str, Any] | None:
    """RESULT of a folder, None if there is none. Raises ResultFolderError if it is not JSON."""
    path = folder / RESULT
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ResultFolderError(f"{path}: not JSON ({error}); remove the folder") from error
    if not isinstance(content, dict):
        raise ResultFolderError(f"{path}: expected a JSON object; remove the folder")
    return content
