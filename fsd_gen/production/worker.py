"""The worker that fills shards: one warm renderer, one shard at a time, sample by sample.

It reports every finished sample, so that a shard goes on where a killed worker left it. What it cannot make
after `max_attempts` draws is quarantined in the shard with its reasons, and reported.

With hands (`production.hands`) several slots are in work at once, and the renderer is seldom idle. The plain
form beside it fills one after the other; it is what the other is tested against, and takes the slots at which
processes ended before, so that it is known at which of them the next one ends.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from assets_manifest.attribution import attribution_text
from assets_manifest.delivery import PackSource
from assets_manifest.library import AssetLibrary
from assets_manifest.made.registry import is_made
from fsd_gen.backends.base import Backend
from fsd_gen.backends.registry import create_backend
from fsd_gen.production import parcel
from fsd_gen.production.attempt import Attempt, attempts
from fsd_gen.production.counts import Counts, quarantined, refused, stored
from fsd_gen.production.delivery import ComeAlready, open_packs
from fsd_gen.production.hand import LentBackend
from fsd_gen.production.hands import Hands
from fsd_gen.production.log import given_up
from fsd_gen.production.places import opened_place
from fsd_gen.production.run import Run
from fsd_gen.production.steps import Cut, Steps, Stored, cut_of
from fsd_gen.production.watch import Watch
from fsd_gen.production.worlds import refuse_another_world, require_worlds, world_attribution
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.format import ShardMeta
from fsd_gen.shards.sample import StereoSample
from fsd_gen.shards.writer import ShardWriter, part_of, store_row
from jobs.task import Event, EventKind, Report, Task


class Filler:
    """Fills slots of a run, one at a time, with the images of a renderer."""

    def __init__(
        self,
        run: Run,
        library: AssetLibrary,
        backend: Backend,
        worlds: dict[str, str],
        limit_s: float | None,
    ) -> None:
        """`worlds` are the stages that the run is bound to; `limit_s` bounds each attempt at a sample."""
        self.meta = replace(run.shard_meta(library), renderer=backend.name, renderer_version=backend.version)
        self._config = run.config
        self._library = library
        self._backend = backend
        self._worlds = worlds
        self._limit_s = limit_s

    def watch(self, shard: Path) -> Watch:
        """What watches over its slots of a shard."""
        return Watch(part_of(shard), self._backend.name, self._limit_s)

    def steps(self, key: SlotKey, shard: Path, *, beside: bool = False) -> Steps:
        """What comes of a slot: refused attempts, and a sample that is in the part of the shard then.

        `beside`: other processes work on other slots of it.
        """
        with self.watch(shard).over(key.slot, beside=beside) as still_at_work:
            if isinstance(self._backend, LentBackend):
                self._backend.alarm = still_at_work
            for attempt in attempts(key, self._config, self._library, self._backend):
                still_at_work()
                yield attempt if attempt.sample is None else self._stored(attempt, attempt.sample, shard)

    def _stored(self, attempt: Attempt, sample: StereoSample, shard: Path) -> Stored:
        refuse_another_world(self._worlds, sample.spec)
        store_row(shard, sample, self.meta, self._meta_with_attribution(sample))
        return Stored(key=sample.spec.key, counts=stored(sample), remark=attempt.remark)

    def _meta_with_attribution(self, sample: StereoSample) -> ShardMeta:
        ids = [asset_id for asset_id in sample.spec.asset_ids() if not is_made(asset_id)]
        assets = [self._library.get(asset_id) for asset_id in ids]
        lines = [attribution_text(assets), *world_attribution(sample.spec)]
        return replace(self.meta, attribution="\n".join(filter(None, lines)))


def filler_of_a_hand(
    folder: Path,
    packs: PackSource | None,
    renderer: tuple[str, str],
    worlds: dict[str, str],
    limit_s: float | None,
    lend: Callable[[str, str], Backend],
) -> Filler:
    """What fills slots in another process of a worker's machine, which has the run's packs by then."""
    run = Run.open(folder)
    library = open_packs(folder, run.config.assets.packs, packs)
    return Filler(run, library, lend(*renderer), worlds, limit_s)


class ShardWorker:
    """One warm renderer that fills one shard at a time."""

    def __init__(
        self,
        place: str,
        threads: int,
        limit_s: float | None = None,
        *,
        backend: str = "",
        packs: PackSource | None = None,
        hands: int = 0,
    ) -> None:
        """`place` names the run (`fsd_gen.production.places`); `limit_s` bounds each attempt at a sample.

        `backend` is the renderer, where it is not the configuration's; `packs` is where a machine that has
        not the run's packs gets them; `hands` is how many processes fill slots beside this one.
        """
        self._place = opened_place(place)
        run = Run.open(self._place.folder)
        library: AssetLibrary = open_packs(run.folder, run.config.assets.packs, packs)
        self._backend = create_backend(backend or run.config.render.backend, threads=threads)
        worlds = require_worlds(run.folder)
        self._filler = Filler(run, library, self._backend, worlds, limit_s)
        renderer, there = (
            (self._backend.name, self._backend.version),
            None if packs is None else ComeAlready(),
        )
        make = partial(filler_of_a_hand, run.folder, there, renderer, worlds, limit_s)
        self._hands = Hands(make, hands, self._backend) if hands and parcel.AVAILABLE else None
        self.labels = {"backend": self._backend.name}  # of its metrics
        self._faults: set[str] = set()  # of styles, told already

    def run(self, task: Task, report: Report) -> dict[str, Any]:
        """Fill the shard of `task`; reports each sample once it is on disk."""
        keys: Sequence[SlotKey] = task.payload["keys"]
        shard = self._place.path_of(task.payload["path"])
        writer = ShardWriter(shard, [key.slot for key in keys], self._filler.meta)
        if writer.done:
            report(Event(kind=EventKind.RESUMED, done=len(writer.done)))
        missing = [key for key in keys if key.slot not in writer.done]
        with closing(self._slots(missing, shard, task.deaths)) as slots:
            for key, steps in slots:
                took = self._settle(writer, key.slot, steps, report)
                report(Event(kind=EventKind.ITEM, done=len(writer.done), counts=took))
        self._place.keep(writer.finish())
        return {"path": task.payload["path"], "samples": len(keys)}

    def _slots(
        self, keys: Sequence[SlotKey], shard: Path, deaths: int
    ) -> Generator[tuple[SlotKey, Steps], None, None]:
        """Each slot and what comes of it; first those at which a process ended, which are filled alone."""
        suspects = self._filler.watch(shard).suspects()
        for key in keys:
            if self._hands is None or key.slot in suspects:
                yield key, self._alone(key, shard, deaths)
        if self._hands is None:
            return
        others = [key for key in keys if key.slot not in suspects]
        filling = self._hands.fill(shard, others, self._filler.watch(shard))
        try:
            for key in others:
                yield key, filling.steps(key)
        finally:
            filling.stop()

    def _alone(self, key: SlotKey, shard: Path, deaths: int) -> Steps:
        watch = self._filler.watch(shard)
        if watch.cut_short(key.slot) and (cut := cut_of(watch, key.slot, deaths, self._backend.name)):
            yield cut
        yield from self._filler.steps(key, shard)

    def _settle(self, writer: ShardWriter, slot: int, steps: Steps, report: Report) -> Counts:
        """Take what comes of a slot, up to its sample or the decision that it has none; what it took."""
        tried: list[Attempt] = []
        with closing(steps):
            for step in steps:
                if isinstance(step, Stored):
                    return _taken(writer, step, report)
                if isinstance(step, Attempt):
                    tried.append(step)
                    report(self._drawn_again(step))
                elif _cut_short(writer, slot, step, report):
                    return {}
                else:
                    tried.clear()
        reasons = [[defect.code for defect in attempt.defects] for attempt in tried]
        writer.quarantine(slot, reasons)
        message = given_up(slot, tried)
        report(Event(kind=EventKind.WARNING, message=message, counts=quarantined(reasons)))
        return {}

    def _drawn_again(self, attempt: Attempt) -> Event:
        """A fault of a style is a warning, the first time that it is met."""
        why = "; ".join(f"{defect.code} ({defect.detail})" for defect in attempt.defects)
        new = bool(attempt.trace) and why not in self._faults
        self._faults.add(why)
        return Event(
            kind=EventKind.WARNING if new else EventKind.NOTE,
            message=f"{attempt.key.sample_id} drawn again: {why}",
            data=attempt.trace or None,
            counts=refused(attempt),
        )

    def close(self) -> None:
        """Give the renderer's memory back."""
        if self._hands is not None:
            self._hands.close()
        self._backend.close()


def _taken(writer: ShardWriter, step: Stored, report: Report) -> Counts:
    """Tell what the checks could not tell of a sample that passed them, if anything."""
    writer.adopt(step.key)
    if step.remark:
        report(Event(kind=EventKind.NOTE, message=f"{step.key.sample_id}: {step.remark}"))
    return step.counts


def _cut_short(writer: ShardWriter, slot: int, step: Cut, report: Report) -> bool:
    """Tell that a process ended at the slot; whether it is given up for that."""
    if step.given_up:
        writer.quarantine(slot, [[reason] for reason in step.reasons])
    report(step.event())
    return step.given_up
