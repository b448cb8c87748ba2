"""Finding shards: what a user means by naming some. The one place that decides it, for every program here.

    00000.h5               a shard: itself
    runs/demo              a run: the finished shards of its first draw; so does a published run
    runs/demo/rounds/2     a round: what counts after it, without what was rejected, with the successors
    val.txt                a list: the samples that it names, see `stereo_model.data.shards.lists`
    runs/demo/shards       any other folder: the shards in it
    runs/*, 0000[0-3].h5   a pattern: everything that it matches

A name that exists is never read as a pattern, so brackets in the names of folders and files are harmless.
Hidden files are no shards: some systems leave `._00000.h5` beside a copied one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.store.bases import as_urls
from jobs.store.mirror import local_place
from stereo_model.data.base import DataFolderError
from stereo_model.data.shards.lists import SUFFIX as LIST_SUFFIX
from stereo_model.data.shards.lists import Key, read_list
from stereo_model.data.shards.verdicts import ROUNDS, rejected_in

StrPath = str | os.PathLike[str]
Source = StrPath | Iterable[StrPath]
WILDCARDS = frozenset("*?[")
ONE_SAMPLE = re.compile(r".+:\d+(-a\d+)?")
FIRST_DRAW = "shards"  # folder in a run
MOST_NAMED = 5  # runs
REGENERATED = "regenerated"  # folder in a round
EXPECTED = "expected a shard, a folder of shards, a run, a round, a list of samples, or a pattern of those"


class NoShardsError(DataFolderError, FileNotFoundError):
    """Nothing there is a finished shard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundShard:
    """A shard, and which of its samples are meant: all but `without`, or `only` those."""

    path: Path
    only: frozenset[Key] | None = None
    without: frozenset[Key] = frozenset()

    def holds(self, key: Key) -> bool:
        """Whether the sample of this slot and attempt is meant."""
        return key not in self.without if self.only is None else key in self.only

    def joined(self, other: FoundShard) -> FoundShard:
        """What either of the two means of the same shard."""
        if self.only is not None and other.only is not None:
            return FoundShard(path=self.path, only=self.only | other.only)
        if self.only is None and other.only is None:
            return FoundShard(path=self.path, without=self.without & other.without)
        listed = self.only or other.only or frozenset()
        return FoundShard(path=self.path, without=(self.without | other.without) - listed)


def found_shards(source: Source) -> list[FoundShard]:
    """The finished shards that `source` means, each once.

    Those of one folder are sorted; several sources keep their order. A shard named twice is meant as far as
    either name means it.

    Raises:
        NoShardsError: `source`, or one of several, means no finished shard.
        SampleListError, VerdictTableError: a list of samples or a round's table is unreadable.
    """
    sources = [source] if isinstance(source, str | os.PathLike) else list(source)
    if not sources:
        raise NoShardsError(f"no shard was named; {EXPECTED}")
    found: dict[str, FoundShard] = {}
    for each in sources:
        for shard in _meant_by(local_place(each)):
            name = os.path.abspath(shard.path)
            found[name] = found[name].joined(shard) if name in found else shard
    return list(found.values())


def shards_in(folder: Path) -> list[Path]:
    """The finished shards right in a folder, by name."""
    return sorted(path for path in folder.glob("*.h5") if path.is_file() and not path.name.startswith("."))


def runs_in(folder: Path) -> str:
    """In words, the runs that lie in a folder which is none itself; empty where there are none."""
    runs = sorted({str(shard.parent.parent) for shard in folder.glob(f"[!.]*/{FIRST_DRAW}/*.h5")})
    more = f" and {len(runs) - MOST_NAMED} more" if len(runs) > MOST_NAMED else ""
    return (
        f"{', '.join(runs[:MOST_NAMED])}{more} {'are runs' if len(runs) > 1 else 'is a run'}" if runs else ""
    )


def _meant_by(path: Path) -> list[FoundShard]:
    places = [path] if path.exists() else sorted(_matches(path))
    shards = [shard for place in places for shard in _found_at(place)]
    if not shards:
        message = f"{path}: no finished shards (*.h5) here{_what_is_there(path)}; {EXPECTED}"
        raise NoShardsError(as_urls(message))
    return shards


def _matches(pattern: Path) -> Iterator[Path]:
    """What `pattern` matches below the deepest folder of it that exists, which is taken literally."""
    base = next((parent for parent in pattern.parents if parent.is_dir()), None)
    if base is None:
        return
    rest = str(pattern.relative_to(base))
    if WILDCARDS & set(rest):
        yield from (path for path in base.glob(rest) if not path.name.startswith("."))


def _found_at(place: Path) -> Iterator[FoundShard]:
    if place.is_file():
        yield from _listed(place) if place.suffix == LIST_SUFFIX else [FoundShard(path=place)]
    elif _is_round(place):
        yield from _after_round(place)
    else:
        folder = place / FIRST_DRAW if (place / FIRST_DRAW).is_dir() else place
        yield from (FoundShard(path=path) for path in shards_in(folder))


def _listed(place: Path) -> Iterator[FoundShard]:
    """What a list names; its lines may name all that may be named elsewhere, but no further list."""
    named: dict[Path, set[Key]] = {}
    for path, key in read_list(place):
        if key is not None:
            named.setdefault(path, set()).add(key)
        elif path.suffix == LIST_SUFFIX:
            raise NoShardsError(f"{place}: names another list, {path}; name both lists instead")
        else:
            yield from _meant_by(path)
    for path, keys in named.items():
        if not path.is_file():
            raise NoShardsError(f"{place}: names {path}, which is not there; was the list moved without it?")
        yield FoundShard(path=path, only=frozenset(keys))


def _is_round(place: Path) -> bool:
    run = place.parent.parent
    return place.parent.name == ROUNDS and place.name.isdigit() and (run / FIRST_DRAW).is_dir()


def _after_round(place: Path) -> Iterator[FoundShard]:
    """The population once a round is over, as `curation.rounds.population` defines it."""
    run, last = place.parent.parent, int(place.name)
    rejected = rejected_in(run, last)
    drawn = [run / ROUNDS / str(number) / REGENERATED for number in range(1, last + 1)]
    for folder in (run / FIRST_DRAW, *drawn):
        yield from (FoundShard(path=path, without=rejected) for path in shards_in(folder))


def _what_is_there(path: Path) -> str:
    """What a user may have meant, as far as it can be seen."""
    folder = path / FIRST_DRAW if (path / FIRST_DRAW).is_dir() else path
    if not path.exists() and ONE_SAMPLE.fullmatch(path.name):
        return ", for RUN:SLOT names one sample, to `fsd-gen replay` and `stage` only; name its run"
    if not path.exists():
        return ", for there is nothing of that name"
    unfinished = sorted(folder.glob("*.h5.part"))
    if unfinished:
        samples = sum(len(shards_in(part)) for part in unfinished)
        return (
            f": its {len(unfinished)} shards are unfinished ({samples} samples so far); the command that "
            f"rendered them goes on, or name what there is, such as {unfinished[0]}"
        )
    if runs := runs_in(path):
        return f"; {runs}"
    if path.name == ROUNDS and path.is_dir():
        return f"; name one round, such as {path / '1'}"
    return ""
