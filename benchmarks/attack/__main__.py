"""The command line; see the package."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import partial
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


DAMAGE: dict[str, ShardKind] = {
    "flipped bits": _damaged(flipped, "flips"),
    "cut short": _damaged(truncated, "cuts"),
    "overwritten": _damaged(overwritten, "cuts"),
}


def kinds(options: argparse.Namespace, scratch: Path) -> dict[str, Callable[[], Iterable[Result]]]:
    """What makes and runs the trials of each kind."""
    sealed = publish_rows([(GOLDEN, 0), (GOLDEN, 1)], scratch / "sealed.h5")
    return {
        **{f"shards: {kind}": partial(run, sealed, scratch, options) for kind, run in DAMAGE.items()},
        **{
            f"shards of before seals: {kind}": partial(run, GOLDEN, scratch, options)
            for kind, run in DAMAGE.items()
        },
        "files of others as shards": lambda: verified(foreign(), scratch, None),
        "folders, pipes, devices as shards": lambda: verified_places(scratch / "places"),
        "hostile HDF5 as shards": lambda: verified(hostile(GOLDEN, scratch), scratch, GOLDEN),
        **{kind: partial(results, kind, scratch) for kind in BOUNDED},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run everything and print the table; 1 if anything was missed or crashed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attack", description=__doc__)
    parser.add_argument("--flips", type=int, default=1000, help="flipped bits, per shard")
    parser.add_argument("--cuts", type=int, default=100, help="lengths to cut at, per shard")
    parser.add_argument("--only", default="*", help="pattern of the kinds to run, such as 'shards*'")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    done: list[Tally] = []
    with tempfile.TemporaryDirectory(prefix="attack-") as scratch:
        for kind, run in kinds(options, Path(scratch)).items():
            if fnmatchcase(kind, options.only):
                done.append(Tally(kind=kind, results=tuple(run())))
                print(f"{kind}: {len(done[-1].results)}", file=sys.stderr, flush=True)
    print(table(done), end="")
    for tally in done:
        for result in tally.bad:
            print(f"{result.outcome}: {tally.kind}: {result.name}: {result.said[:300]}")
    return int(any(tally.bad for tally in done))


if __name__ == "__main__":
    sys.exit(main())
