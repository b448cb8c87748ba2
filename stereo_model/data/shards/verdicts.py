"""What the curation of a run decided about its samples, read from the tables that it leaves.

run/rounds/<n>/report.json             the round is over
               verdicts.parquet        a verdict on each sample that counted when it began
               final_verdicts.parquet  those on the successors that it drew, once they are scored
published/published.json               a published run
          verdicts.parquet             a verdict on each sample in it
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stereo_model.data.base import DataFolderError
from stereo_model.data.encodings import one_line
from stereo_model.data.shards.lists import Key
from stereo_model.data.shards.tables import read_table

ROUNDS = "rounds"
OUTCOMES = ("keep", "drop", "unscorable", "unjudged")
REJECTED = frozenset({"drop", "unscorable"})
UNJUDGED = "unjudged"
DEEPEST = 4  # folders between a shard and its run: run/rounds/1/regenerated/00000.h5
COLUMNS = ("slot", "attempt", "outcome")


class VerdictTableError(DataFolderError):
    """The verdicts of a round are missing or unreadable."""


def rejected_in(run: Path, last: int) -> frozenset[Key]:
    """The samples that rounds 1 .. `last` of a run took away.

    Raises:
        VerdictTableError: one of the rounds is not over, or its table is unreadable.
    """
    rejected: set[Key] = set()
    for number in range(1, last + 1):
        place = run / ROUNDS / str(number)
        if not (place / "report.json").is_file():
            raise VerdictTableError(
                f"{run / ROUNDS / str(last)}: round {number} is not over, so nothing says yet which samples "
                f"count after it; finish it with `fsd-curate round {run}`, or name the run"
            )
        rejected |= {key for key, outcome in _read(place / "verdicts.parquet") if outcome in REJECTED}
    return frozenset(rejected)


def verdicts_near(shard: Path) -> dict[Key, str]:
    """The last outcome on each sample of the run that `shard` belongs to.

    Raises:
        VerdictTableError: nobody has judged them, or a table is unreadable.
    """
    for folder in list(shard.absolute().parents)[: DEEPEST + 1]:
        if tables := list(_tables(folder)):
            return {key: outcome for table in tables for key, outcome in _read(table)}
    raise VerdictTableError(
        f"keep.verdict: nothing has judged the samples of {shard.parent}: no round of a run is over near it; "
        "curate the run first (`fsd-curate round`), or leave the filter out"
    )


def _tables(folder: Path) -> Iterator[Path]:
    """The tables of a run or of a published run in `folder`, in the order in which they were made."""
    if (folder / "published.json").is_file():
        yield from _there(folder / "verdicts.parquet")
    number = 1
    while (place := folder / ROUNDS / str(number)).joinpath("report.json").is_file():
        yield from _there(place / "verdicts.parquet", place / "final_verdicts.parquet")
        number += 1


def _there(*paths: Path) -> Iterator[Path]:
    return (path for path in paths if path.is_file())


def _read(path: Path) -> list[tuple[Key, str]]:
    try:
        table = read_table(path, COLUMNS).to_pydict()
        return [((slot, attempt), outcome) for slot, attempt, outcome in _rows(table)]
    except (OSError, ValueError, KeyError) as error:  # what pyarrow raises
        raise VerdictTableError(f"{path}: not a readable table of verdicts ({one_line(error)})") from error


def _rows(table: dict[str, list[object]]) -> Iterator[tuple[int, int, str]]:
    for slot, attempt, outcome in zip(*(table[name] for name in COLUMNS), strict=True):
        if not (isinstance(slot, int) and isinstance(attempt, int) and isinstance(outcome, str)):
            raise ValueError(f"row {slot!r}, {attempt!r}, {outcome!r} is no verdict")
        yield slot, attempt, outcome
