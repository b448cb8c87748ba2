"""A run as it lies on disk at one moment, read once: its samples, its complete rounds, their verdicts.

Everything comes from the run's index and from the rounds' small tables; no shard is opened that the index
already lists. What the run holds later is another state: read it again, it costs what is new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from curation.judging.tables import read_verdicts
from curation.judging.verdicts import Verdict
from curation.rounds.layout import RoundDir, completed_rounds
from curation.rounds.population import Population, RunSample, after_round, first_draw
from fsd_gen.production.membership import refuse_foreign
from fsd_gen.production.run import Run
from fsd_gen.production.survey import remedied
from fsd_gen.production.unfinished import parts_in
from fsd_gen.shards.index import FIRST_DRAW, Index, refresh_index
from fsd_gen.shards.record import SampleRecord
from stereo_model.data.shards.find import runs_in


class RunError(ValueError):
    """The directory is not a run that can be curated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """What a run holds. Rounds count from 1; 0 stands for the first draw."""

    run_dir: Path
    rounds: tuple[RoundDir, ...]  # complete ones, in order
    verdicts: Mapping[int, tuple[Verdict, ...]]  # of each complete round
    final: tuple[Verdict, ...] | None  # on the last round's successors; None: not scored
    drawn: Mapping[int, tuple[RunSample, ...]]  # by the round that drew them, one in work included
    slots: frozenset[int]  # all that there should be
    slots_per_shard: int  # of the largest shard of the first draw
    smallest_hw: tuple[int, int]  # height and width that no sample falls below, pixels

    @property
    def first(self) -> Population:
        """The first draw."""
        return first_draw(self.drawn[0], self.slots)

    @property
    def now(self) -> Population:
        """The samples that count once all complete rounds are over."""
        return self.population_before(len(self.rounds) + 1)

    @property
    def last_successors(self) -> tuple[RunSample, ...]:
        """What the last complete round drew, judged by no round yet."""
        return self.successors(len(self.rounds)) if self.rounds else ()

    def population_before(self, number: int) -> Population:
        """The samples that count when round `number` begins: the first draw and rounds 1 .. number - 1."""
        population = self.first
        for earlier in range(1, number):
            population = after_round(population, self.verdicts[earlier], self.successors(earlier))
        return population

    def successors(self, number: int) -> tuple[RunSample, ...]:
        """What round `number` has drawn in place of what it rejected."""
        return self.drawn.get(number, ())

    def drawn_before(self, number: int) -> tuple[RunSample, ...]:
        """Every sample that was drawn before round `number`, rejected ones included."""
        return tuple(sample for earlier in range(number) for sample in self.successors(earlier))

    def last_round(self) -> RoundDir:
        """The last complete round. Raises RunError when there is none."""
        if not self.rounds:
            raise RunError(
                f"{self.run_dir}: no round is complete; run `fsd-curate round --iter 1 {self.run_dir}` first"
            )
        return self.rounds[-1]


def read_run(run_dir: Path) -> RunState:
    """What lies in `run_dir` now.

    Raises:
        RunError: it is no run, or holds no finished shard.
        ConfigError: its frozen configuration was changed.
        ShardError, TableError: a file is damaged, or a shard is of another run.
    """
    if not run_dir.is_dir():
        raise RunError(f"{run_dir}: no such directory; expected a run of `fsd-gen render`")
    rounds = completed_rounds(run_dir)
    folders = _folders(run_dir, len(rounds) + 1)
    with remedied(run_dir):
        index = refresh_index(run_dir, tuple(folders.values()))
        _refuse_foreign(run_dir, index)
    shards = [entry for entry in index.shards if entry.folder == FIRST_DRAW]
    if not shards:
        if runs := runs_in(run_dir):
            raise RunError(f"{run_dir}: is no run; {runs}")
        begun = "".join(f"; {part}" for part in parts_in(run_dir / FIRST_DRAW))
        raise RunError(
            f"{run_dir}: no finished shard in {run_dir / FIRST_DRAW}{begun}; render the dataset first"
        )
    drawn = _drawn(index, folders)
    empty = {entry.slot for shard in shards for entry in shard.quarantined}
    return RunState(
        run_dir=run_dir,
        rounds=rounds,
        verdicts={round_dir.number: read_verdicts(round_dir.verdicts) for round_dir in rounds},
        final=_final(rounds),
        drawn=drawn,
        slots=frozenset(empty | {sample.key.slot for sample in drawn[0]}),
        slots_per_shard=max(shard.rows + len(shard.quarantined) for shard in shards),
        smallest_hw=_smallest_hw(index),
    )


def _smallest_hw(index: Index) -> tuple[int, int]:
    heights, widths = ([getattr(record, side) for record in index.records] for side in ("height", "width"))
    return min(heights, default=0), min(widths, default=0)


def _refuse_foreign(run_dir: Path, index: Index) -> None:
    if index.shards and Run.is_at(run_dir):
        refuse_foreign(Run.open(run_dir), index)


def _folders(run_dir: Path, last: int) -> dict[int, str]:
    """Where the first draw (0) and the successors of rounds 1 .. `last` lie, relative to the run."""
    rounds = (RoundDir(run_dir=run_dir, number=number) for number in range(1, last + 1))
    successors = {place.number: place.regenerated.relative_to(run_dir).as_posix() for place in rounds}
    return {0: FIRST_DRAW} | successors


def _drawn(index: Index, folders: Mapping[int, str]) -> dict[int, tuple[RunSample, ...]]:
    records = index.by_shard()
    samples: dict[str, list[RunSample]] = {folder: [] for folder in folders.values()}
    for shard in index.shards:
        samples[shard.folder] += [_sample(index.root, record) for record in records[shard.path]]
    return {number: tuple(samples[folder]) for number, folder in folders.items()}


def _sample(root: Path, record: SampleRecord) -> RunSample:
    return RunSample(
        key=record.key,
        stratum=record.stratum,
        content_id=record.content_id,
        path=root / record.shard,
        row=record.row,
        baseline_m=record.baseline_m,
        focal_px=record.focal_px,
        disparity_px=record.disparity_p50,
        cpu_s=record.cpu_s,
    )


def _final(rounds: tuple[RoundDir, ...]) -> tuple[Verdict, ...] | None:
    if not rounds or not rounds[-1].final_verdicts.exists():
        return None
    return read_verdicts(rounds[-1].final_verdicts)
