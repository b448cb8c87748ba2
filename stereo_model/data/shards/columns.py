"""What is known of the samples of some shards: from the index of their run where it fits, else from them.

An index fits the shards of one folder where it is no older than any of them and lists each of them whole.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import h5py

from stereo_model.data.encodings import DataFileError, one_line
from stereo_model.data.shards.files import DAMAGE, read_again
from stereo_model.data.shards.tables import read_table
from stereo_model.data.shards.verdicts import DEEPEST

INDEX = Path("index") / "samples.parquet"  # within a run
ALWAYS = ("slot", "attempt", "width", "height")
Row = Mapping[str, Any]  # the columns of a sample by name; None where there is no value

log = logging.getLogger(__name__)


def rows_of(
    paths: Iterable[Path], columns: Sequence[str], opened: Callable[[Path], h5py.File]
) -> dict[Path, list[Row]]:
    """For every shard the `ALWAYS` and `columns` of each sample in order; `opened` opens a shard.

    Raises:
        DataFileError: a shard that has to be opened is damaged.
    """
    names = tuple(dict.fromkeys((*ALWAYS, *columns)))
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        by_folder[path.absolute().parent].append(path)
    found: dict[Path, list[Row]] = {}
    for folder, shards in by_folder.items():
        listed = _indexed(folder, shards, names)
        found |= (
            listed
            if listed is not None
            else {path: read_again(path, partial(_stored, path, names, opened)) for path in shards}
        )
    return found


def _indexed(folder: Path, shards: Sequence[Path], names: Sequence[str]) -> dict[Path, list[Row]] | None:
    """The rows of all these shards of one folder, from the index of its run; None where it does not fit."""
    root = next((root for root in list(folder.parents)[:DEEPEST] if (root / INDEX).is_file()), None)
    if root is None:
        return None
    index = root / INDEX
    if index.stat().st_mtime_ns < max(path.stat().st_mtime_ns for path in shards):
        log.info("index=%s older than its shards, which are read instead", index)
        return None
    try:
        columns = _index_columns(index, ("shard", "row", *names))
    except (OSError, ValueError) as error:  # what pyarrow raises
        log.warning("index=%s unreadable (%s); the shards are read instead", index, one_line(error))
        return None
    rows = _by_shard(columns, folder.relative_to(root).as_posix())
    return {path: rows[path.name] for path in shards} if {path.name for path in shards} <= set(rows) else None


def _index_columns(index: Path, names: Sequence[str]) -> Mapping[str, list[Any]]:
    table: Mapping[str, list[Any]] = read_table(index, names).to_pydict()
    missing = [name for name in names if name not in table]
    if missing:
        raise ValueError(f"no column {', '.join(missing)}")
    return table


def _by_shard(columns: Mapping[str, list[Any]], folder: str) -> dict[str, list[Row]]:
    """The rows of each shard in this folder of the run, by its name; a shard with gaps is left out."""
    rows: dict[str, dict[int, Row]] = defaultdict(dict)
    for values in zip(*columns.values(), strict=True):
        row = dict(zip(columns, values, strict=True))
        parent, _, name = row["shard"].rpartition("/")
        if parent == folder:
            rows[name][row["row"]] = row
    whole = {name: found for name, found in rows.items() if set(found) == set(range(len(found)))}
    return {name: [found[row] for row in sorted(found)] for name, found in whole.items()}


def _stored(path: Path, names: Sequence[str], opened: Callable[[Path], h5py.File]) -> list[Row]:
    with opened(path) as file:
        rows, height, width = file["disparity_left"].shape
        try:
            sizes = {"width": [width] * rows, "height": [height] * rows}
            columns = {name: sizes.get(name) or _values(file[name][:].tolist()) for name in names}
            values = zip(*columns.values(), strict=True)
            return [dict(zip(columns, each, strict=True)) for each in values]
        except DAMAGE as error:
            raise DataFileError(f"{path}: not a readable shard ({one_line(error)})") from error


def _values(stored: list[Any]) -> list[Any]:
    """Texts as texts; no number as None."""
    return [
        value.decode() if isinstance(value, bytes) else None if value != value else value for value in stored
    ]
