"""Reading the Parquet tables of a run: its index, its verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


def read_table(path: Path, columns: Sequence[str] | None = None) -> pyarrow.Table:
    """The table in `path`, or those of `columns` that it has. Raises OSError, ValueError, as pyarrow does.

    `pyarrow.parquet.read_table` loads pandas wherever that is installed: 0.35 CPU seconds and 60 MB.
    """
    import pyarrow.parquet  # takes a while to load

    with pyarrow.parquet.ParquetFile(path) as file:
        return file.read(columns=None if columns is None else list(columns))
