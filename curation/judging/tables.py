"""Scores and verdicts as Parquet: read with any tool, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curation.judging.scores import Score, from_row, sorted_by_key, to_row
from curation.judging.verdicts import Outcome, Verdict
from fsd_gen.scene.slots import SlotKey
from jobs.files import part_file
from stereo_model.data.shards.tables import read_table

_MASK_FIELDS = (
    ("n_valid", pa.int64()),
    *((name, pa.float64()) for name in ("bp1", "bp2", "bp3", "epe", "d1")),
    ("histogram", pa.list_(pa.int64())),
)
SCORE_SCHEMA = pa.schema(
    [
        pa.field("slot", pa.int64(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),
        ("content_id", pa.string()),
        ("stratum", pa.string()),
        ("model_digest", pa.string()),
        ("fold", pa.int32()),
        ("n_pixels", pa.int64()),
        ("n_beyond", pa.int64()),
        ("finite", pa.bool_()),
        ("bad_transparent", pa.float64()),
        ("bad_mirror", pa.float64()),
        ("bad_occluded", pa.float64()),
        *((f"{mask}_{name}", kind) for mask in ("visible", "all") for name, kind in _MASK_FIELDS),
    ]
)
VERDICT_SCHEMA = pa.schema(
    [
        pa.field("slot", pa.int64(), nullable=False),
        pa.field("attempt", pa.int32(), nullable=False),
        ("outcome", pa.string()),
        ("reason", pa.string()),
        ("bp2", pa.float64()),
        ("model_digest", pa.string()),
        ("policy_digest", pa.string()),
    ]
)


class TableError(ValueError):
    """A Parquet file that does not hold what its name promises."""


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Write all scores, by slot."""
    _write(path, [to_row(score) for score in sorted_by_key(scores)], SCORE_SCHEMA)


def read_scores(path: Path) -> tuple[Score, ...]:
    """All scores of a file. Raises TableError when it is not a score table."""
    return tuple(from_row(row) for row in _read(path, SCORE_SCHEMA))


def write_verdicts(path: Path, verdicts: Iterable[Verdict]) -> None:
    """Write all verdicts in the given order."""
    _write(path, [_verdict_row(verdict) for verdict in verdicts], VERDICT_SCHEMA)


def read_verdicts(path: Path) -> tuple[Verdict, ...]:
    """All verdicts of a file. Raises TableError when it is not a verdict table."""
    return tuple(_verdict(row) for row in _read(path, VERDICT_SCHEMA))


def _verdict_row(verdict: Verdict) -> dict[str, Any]:
    names = ("reason", "bp2", "model_digest", "policy_digest")
    key = {"slot": verdict.key.slot, "attempt": verdict.key.attempt, "outcome": verdict.outcome.value}
    return key | {name: getattr(verdict, name) for name in names}


def _verdict(row: dict[str, Any]) -> Verdict:
    key = SlotKey(slot=row.pop("slot"), attempt=row.pop("attempt"))
    return Verdict(key=key, outcome=Outcome(row.pop("outcome")), **row)


def _write(path: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with part_file(path) as part:
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), part, compression="zstd")


def _read(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    try:
        table = read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise TableError(f"{path}: not a readable Parquet table: {' '.join(str(error).split())}") from error
    if table.schema.names != schema.names:
        raise TableError(f"{path}: expected the columns {schema.names}, got {table.schema.names}")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
