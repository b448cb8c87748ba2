"""What a dataset holds and what is wrong with it: for a run, measured by what the run should hold.

`survey` opens every shard and reads its columns (of one in a store the description beside it, instead); deep,
it reads every byte. Nothing is changed: `repair` moves what is damaged or foreign out of the way, where it is
kept, and `fsd-gen render` makes it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

from fsd_gen.production.assets import ASSETS_NAME, RunAssetsError
from fsd_gen.production.binding import SHARDS, holds_samples, set_aside
from fsd_gen.production.membership import Origin
from fsd_gen.production.run import Run
from fsd_gen.production.unfinished import WANTED_NAME, Part, WantedError, parts_in, wanted_shards
from fsd_gen.scene.slots import SlotKey
from fsd_gen.sections import ConfigError
from fsd_gen.shards.apart import verify_apart
from fsd_gen.shards.entry import described_contents, read_contents
from fsd_gen.shards.find import NoShardsError, found_shards
from fsd_gen.shards.format import Quarantined, ShardError, ShardMeta
from fsd_gen.shards.record import SampleRecord
from jobs.rundir import CONFIG_NAME, DIGEST_NAME, DigestError, read_digest
from jobs.store.bases import base_of
from stereo_model.data.shards.find import FoundShard

SHARD_NAME = re.compile(r"\d{5}\.h5")
REGENERATED = "rounds/*/regenerated"  # folders of a run's later draws


class NoRunError(ShardError):
    """Only the folder of a run will do."""


class DamagedRunError(ShardError):
    """A shard of a run is damaged; the message says how it is made again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    place: Path
    what: str
    movable: bool = False  # a file or part that is better out of the way

    def __str__(self) -> str:
        return self.what


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A finished shard that could be read."""

    path: Path
    records: tuple[SampleRecord, ...]
    quarantined: tuple[Quarantined, ...]
    meta: ShardMeta
    refused: tuple[str, ...] = ()  # codes of defects of attempts that were drawn again, once for each attempt
    unmeant: int = 0  # samples beside `records`, which were not asked for

    @property
    def slots(self) -> frozenset[int]:
        """Those with a sample, and those that were given up."""
        empty = (entry.slot for entry in self.quarantined)
        return frozenset((*(record.slot for record in self.records), *empty))


@dataclass(slots=True)
class Survey:
    """What there is, and what is wrong with it."""

    place: Path | None = None  # the run's folder; None for shards that are not asked for as a run
    run: Run | None = None  # None: no run, or one whose configuration cannot be read
    shards: list[Shard] = field(default_factory=list)
    parts: tuple[Part, ...] = ()
    findings: list[Finding] = field(default_factory=list)

    @property
    def intact(self) -> int:
        """Samples of the finished shards that nothing is wrong with."""
        wrong = {finding.place for finding in self.findings}
        return sum(len(shard.records) for shard in self.shards if shard.path not in wrong)

    @property
    def kept(self) -> int:
        """Samples of the shards that are still being filled."""
        return sum(len(part.samples) for part in self.parts)

    def add(self, place: Path, what: str, *, movable: bool = False) -> None:
        """Note what is wrong at `place`."""
        self.findings.append(Finding(place=place, what=what, movable=movable))


def remedy(run_dir: Path) -> str:
    """How shards that are damaged or not of a run are made again."""
    moves = f"`fsd-gen verify --repair {run_dir}` moves such files aside"
    return f"{moves}, and `fsd-gen render` makes the shards again"


@contextmanager
def remedied(path: Path) -> Iterator[None]:
    """Damage that is met inside is told with its remedy, where `path` is a run. Raises DamagedRunError."""
    try:
        yield
    except NoShardsError:
        raise
    except ShardError as error:
        if not is_run(path):
            raise
        raise DamagedRunError(f"{error}; {remedy(path)}") from error


def is_run(path: Path) -> bool:
    """Whether `path` is the folder of a run, a damaged one too."""
    return (path / DIGEST_NAME).is_file() or ((path / CONFIG_NAME).is_file() and (path / SHARDS).is_dir())


def survey(path: Path, *, deep: bool) -> Survey:
    """What the run, or the shards that `path` names, hold.

    Raises:
        NoShardsError: it is neither a run nor names a finished shard.
    """
    found = Survey()
    if is_run(path):
        _survey_run(path, found, deep=deep)
    else:
        meant = {shard.path: shard for shard in found_shards(path)}
        _read(meant, found, deep=deep)
        found.shards = [_only_meant(shard, meant[shard.path], found) for shard in found.shards]
        _find_twice(found)
    return found


def repair(path: Path) -> list[tuple[Path, Path]]:
    """Move what is damaged in the run at `path`, or not of it, aside: from where, to where. Hold its lock."""
    movable = [finding.place for finding in survey(path, deep=True).findings if finding.movable]
    return [(place, set_aside(path, place)) for place in dict.fromkeys(movable)]


def shown_shards(path: Path) -> list[FoundShard]:
    """Files with samples to look at: of a run the finished shards and then the samples of unfinished ones.

    Raises:
        NoShardsError: there is none, or `path` is no run and names no finished shard.
    """
    if not is_run(path):
        return found_shards(path)
    stored = [sample for part in parts_in(path / SHARDS) for sample in part.samples]
    shown = [FoundShard(path=each) for each in (*_shards_in(path / SHARDS), *stored)]
    return shown or found_shards(path)


def _survey_run(folder: Path, found: Survey, *, deep: bool) -> None:
    found.place = folder
    origin = _origin(folder, found)
    _read(_shards_in(folder / SHARDS), found, deep=deep)
    _find_misplaced(found)
    for odd in sorted(path for path in (folder / SHARDS).glob("*.h5") if not path.is_file()):
        found.add(odd, f"{odd}: is a folder or device, expected a shard", movable=True)
    later = (path for place in sorted(folder.glob(REGENERATED)) for path in _shards_in(place))
    _read(later, found, deep=deep)
    _find_foreign(found, origin)
    _find_twice(found)
    found.parts = parts_in(folder / SHARDS)
    _find_missing(folder, found)
    _find_unfinished(found, origin, deep=deep)


def _shards_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.h5") if path.is_file() and not path.name.startswith("."))


def _origin(folder: Path, found: Survey) -> Origin:
    """What the run is bound to, as far as it can be read."""
    digest_path = folder / DIGEST_NAME
    nobody_knows = Origin(folder=folder, config_digest=None, packs=None)
    try:
        digest = read_digest(folder)
    except FileNotFoundError:
        found.add(digest_path, f"{digest_path}: missing; the command that rendered the run writes it again")
        return nobody_knows
    except (ConfigError, DigestError) as error:
        found.add(digest_path, str(error))
        return nobody_knows
    try:
        found.run = Run.open(folder)
        if found.run.known_as.names_assets and holds_samples(folder) and not (folder / ASSETS_NAME).exists():
            again = "the command that rendered the run writes it again"
            found.add(folder / ASSETS_NAME, f"{folder / ASSETS_NAME}: missing; {again}")
        return Origin.of(found.run)
    except RunAssetsError as error:
        found.add(folder / ASSETS_NAME, str(error))
    except ConfigError as error:
        found.add(folder / CONFIG_NAME, str(error))
    return Origin(folder=folder, config_digest=digest, packs=None, vouched=found.run is not None)


def _find_foreign(found: Survey, origin: Origin) -> None:
    """Name the shards that are not of the run; where that is all of them, the document that says so."""
    if what := origin.disowns([shard.meta for shard in found.shards]):
        found.add(origin.folder, what)
        return
    for shard in found.shards:
        if problem := origin.foreign(shard.meta):
            found.add(shard.path, f"{shard.path} {problem}", movable=True)


def _read(paths: Iterable[Path], found: Survey, *, deep: bool) -> None:
    for path, problems in _verified(paths) if deep else ((path, []) for path in paths):
        try:
            if not problems:
                found.shards.append(_shard(path, found, deep=deep))
        except (ShardError, FileNotFoundError) as error:
            problems = [str(error)]
        for problem in problems:
            found.add(path, problem, movable=True)


def _verified(paths: Iterable[Path]) -> Iterator[tuple[Path, list[str]]]:
    """Each file with its problems. Read in another process: a damaged file may crash HDF5."""
    for finding in verify_apart(paths):
        yield finding.path, list(map(str, finding.problems))


def _shard(path: Path, found: Survey, *, deep: bool) -> Shard:
    """A shard by what it says of itself; of one in a store, where not `deep`, by its description."""
    told = described_contents(path) if base_of(path) is not None else None
    itself = read_contents(path) if deep or told is None else told
    if told is not None and told != itself:
        what = "its description in index/entries says something else; remove the description"
        found.add(path, f"{path}: {what}")
    return Shard(
        path=path,
        records=itself.records,
        quarantined=itself.quarantined,
        meta=itself.meta,
        refused=itself.refused,
    )


def _only_meant(shard: Shard, meant: FoundShard, found: Survey) -> Shard:
    """What a list or a round names of a shard; what it names and is not there is a finding."""
    records = tuple(record for record in shard.records if meant.holds((record.slot, record.attempt)))
    if absent := len(meant.only or ()) - len(records) if meant.only is not None else 0:
        found.add(shard.path, f"{shard.path}: {absent} samples of a list are not in it; write the list again")
    if len(records) == len(shard.records):
        return shard
    unmeant = len(shard.records) - len(records)
    return replace(shard, records=records, quarantined=(), refused=(), unmeant=unmeant)


def _find_misplaced(found: Survey) -> None:
    """Name the shards of the first draw whose name stands for other slots than they hold."""
    for shard in found.shards:
        if not SHARD_NAME.fullmatch(shard.path.name):
            expected = "expected 00000.h5, 00001.h5 ...; move it away"
            found.add(shard.path, f"{shard.path}: no shard of a run has this name: {expected}", movable=True)
        elif found.run is not None:
            wanted = found.run.slots_of_shard(int(shard.path.stem))
            if shard.slots != set(wanted):
                found.add(
                    shard.path,
                    f"{shard.path}: holds slots {_span(sorted(shard.slots))}, its name stands for "
                    f"{_span(wanted)}; move it away and render again",
                    movable=True,
                )


def _find_twice(found: Survey) -> None:
    listed: dict[SlotKey, Path] = {}
    for shard in found.shards:
        for record in shard.records:
            if (first := listed.setdefault(record.key, shard.path)) != shard.path:
                what = f"{shard.path}: {record.sample_id} is in {first} too; move one away"
                found.add(shard.path, what, movable=True)


def _find_missing(folder: Path, found: Survey) -> None:
    there = {int(path.stem) for path in _shards_in(folder / SHARDS) if SHARD_NAME.fullmatch(path.name)}
    begun = {int(part.shard.stem) for part in found.parts if SHARD_NAME.fullmatch(part.shard.name)}
    wanted = max([_wanted(folder, found), *(number + 1 for number in there | begun)])
    again = f"`fsd-gen render --shards {wanted} --config {folder / CONFIG_NAME} --out {folder}`"
    for first, last in _stretches(number for number in range(wanted) if number not in there | begun):
        place = folder / SHARDS / f"{first:05d}.h5"
        many = f" to {last:05d}.h5 ({last - first + 1} shards)" if last > first else ""
        found.add(place, f"{place}{many}: missing; {again} makes what is missing")


def _wanted(folder: Path, found: Survey) -> int:
    """How many shards the run is to have, as far as it can be read."""
    try:
        return wanted_shards(folder) or 0
    except WantedError as error:
        found.add(folder / WANTED_NAME, str(error))
        return 0


def _find_unfinished(found: Survey, origin: Origin, *, deep: bool) -> None:
    for part in found.parts:
        if part.shard.exists():  # finished, and only the emptying of the part was interrupted
            continue
        if problem := part.problem(origin.config_digest):
            known = origin.vouched or part.slots is None  # else the run's digest may be what is wrong
            found.add(part.path, f"{part.path}: {problem}", movable=known)
            continue
        found.add(part.path, f"{part.path.parent}: {part}; unfinished, the same `fsd-gen render` goes on")
        damaged = [sample for sample, problems in _verified(part.samples) if problems] if deep else []
        for sample in damaged:
            found.add(sample, f"{sample}: damaged; `fsd-gen render` makes this sample again")


def _stretches(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """First and last of every run of consecutive numbers."""
    ordered = list(numbers)
    breaks = [index for index, (one, other) in enumerate(pairwise(ordered), 1) if other != one + 1]
    for begin, end in pairwise([0, *breaks, len(ordered)] if ordered else []):
        yield ordered[begin], ordered[end - 1]


def _span(slots: Sequence[int]) -> str:
    return f"{slots[0]} to {slots[-1]}" if slots else "none"
