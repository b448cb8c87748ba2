"""The command line; see the package."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.attack.bounded import results
from benchmarks.attack.flips import (
    Named,
    flipped,
    foreign,
    overwritten,
    truncated,
    verified,
    verified_places,
)
from benchmarks.attack.hostile import hostile
from benchmarks.attack.kinds import BOUNDED
from benchmarks.attack.trials import Result, Tally, table
from fsd_gen.shards.gather import publish_rows

GOLDEN = Path("tests/data/golden_shard.h5")  # made before shards were sealed
ShardKind = Callable[[Path, Path, argparse.Namespace], Iterator[Result]]


def _damaged(how: Callable[[bytes, int, random.Random], Iterator[Named]], count: str) -> ShardKind:
    def run(sound: Path, scratch: Path, options: argparse.Namespace) -> Iterator[Result]:
        rng = random.Random(options.seed)
        return verified(how(sound.read_bytes(), getattr(options, count), rng), scratch, sound)

    return run


SHARDS: dict[str, ShardKind] = {
    "flipped bits": _damaged(flipped, "flips"),
    "cut short": _damaged(truncated, "cuts"),
    "overwritten": _damaged(overwritten, "cuts"),
}


def tallies(options: argparse.Namespace, scratch: Path) -> Iterator[Tally]:
    """The results of every kind, one after the other."""
    sealed = publish_rows([(GOLDEN, 0), (GOLDEN, 1)], scratch / "sealed.h5")
    for sound, which in ((sealed, "shards"), (GOLDEN, "shards of before seals")):
        for kind, run in SHARDS.items():
            yield Tally(kind=f"{which}: {kind}", results=tuple(run(sound, scratch, options)))
    yield Tally(kind="files of others as shards", results=tuple(verified(foreign(), scratch, None)))
    yield Tally(kind="folders, pipes, devices as shards", results=tuple(verified_places(scratch / "places")))
    made = hostile(GOLDEN, scratch)
    yield Tally(kind="hostile HDF5 as shards", results=tuple(verified(made, scratch, GOLDEN)))
    for kind in BOUNDED:
        yield Tally(kind=kind, results=results(kind, scratch))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and print the table; 1 if anything was missed or crashed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack", description=__doc__)
    parser.add_argument("--flips", type=int, default=1000, help="flipped bits, per shard")
    parser.add_argument("--cuts", type=int, default=100, help="lengths to cut at, per shard")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    done: list[Tally] = []
    with tempfile.TemporaryDirectory(prefix="attack-") as scratch:
        for tally in tallies(options, Path(scratch)):
            print(f"{tally.kind}: {len(tally.results)}", file=sys.stderr, flush=True)
            done.append(tally)
    print(table(done), end="")
    for tally in done:
        for result in tally.bad:
            print(f"{result.outcome}: {tally.kind}: {result.name}: {result.said[:300]}")
    return int(any(tally.bad for tally in done))


if __name__ == "__main__":
    sys.exit(main())
