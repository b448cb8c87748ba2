"""The worker that fills shards: one warm renderer, one shard at a time, sample by sample.

It reports every finished sample, so that a shard goes on where a killed worker left it. What it cannot make
after `max_attempts` draws is quarantined in the shard with its reasons, and reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from assets_manifest.attribution import attribution_text
from assets_manifest.delivery import PackSource
from assets_manifest.library import AssetLibrary
from assets_manifest.made.registry import is_made
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.defects import DefectCode
from fsd_gen.production.attempt import Attempt, attempts
from fsd_gen.production.counts import Counts, quarantined, refused, stored
from fsd_gen.production.delivery import open_packs
from fsd_gen.production.log import given_up
from fsd_gen.production.places import opened_place
from fsd_gen.production.run import Run
from fsd_gen.production.watch import MOST_DEATHS, MOST_STACKS, Watch, code_of
from fsd_gen.production.worlds import refuse_another_world, require_worlds, world_attribution
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.format import ShardMeta
from fsd_gen.shards.sample import StereoSample
from fsd_gen.shards.writer import ShardWriter
from jobs.task import Event, EventKind, Report, Task


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
    ) -> None:
        """`place` names the run (`fsd_gen.production.places`); `limit_s` bounds each attempt at a sample.

        `backend` is the renderer, where it is not the configuration's; `packs` is where a machine that has
        not the run's packs gets them.
        """
        self._limit_s = limit_s
        self._place = opened_place(place)
        self._run = Run.open(self._place.folder)
        self._library: AssetLibrary = open_packs(self._run.folder, self._run.config.assets.packs, packs)
        self._backend = create_backend(backend or self._run.config.render.backend, threads=threads)
        self._worlds = require_worlds(self._run.folder)
        self._faults: set[str] = set()  # of styles, told already
        self._meta = replace(
            self._run.shard_meta(self._library),
            renderer=self._backend.name,
            renderer_version=self._backend.version,
        )

    def run(self, task: Task, report: Report) -> dict[str, Any]:
        """Fill the shard of `task`; reports each sample once it is on disk."""
        keys: Sequence[SlotKey] = task.payload["keys"]
        writer = ShardWriter(
            self._place.path_of(task.payload["path"]), [key.slot for key in keys], self._meta
        )
        watch = Watch(writer.part, self._backend.name, self._limit_s)
        if writer.done:
            report(Event(kind=EventKind.RESUMED, done=len(writer.done)))
        for key in keys:
            if key.slot in writer.done:
                continue
            gave_up = self._gave_up(writer, key.slot, watch, task.deaths, report)
            took = {} if gave_up else self._fill(writer, key, watch, report)
            report(Event(kind=EventKind.ITEM, done=len(writer.done), counts=took))
        self._place.keep(writer.finish())
        return {"path": task.payload["path"], "samples": len(keys)}

    def _gave_up(self, writer: ShardWriter, slot: int, watch: Watch, deaths: int, report: Report) -> bool:
        """Tell that processes ended at this slot before; too often, and the slot is quarantined."""
        if not watch.cut_short(slot):
            return False
        stacks, who = watch.stacks(slot), self._backend.name
        if stacks:
            reasons, most = [code_of(stack) for stack in stacks], MOST_STACKS
            what = f"{who} {'hung' if reasons[-1] is DefectCode.HUNG else 'crashed'} on it"
        else:
            reasons, most = [DefectCode.CRASHED] * deaths, MOST_DEATHS
            what = f"the process of {who} died at it"
        given_up = len(reasons) >= most or deaths >= MOST_DEATHS
        if given_up:
            writer.quarantine(slot, [[reason] for reason in reasons])
        then = "quarantined" if given_up else "tried again"
        message = f"slot {slot}: {what} ({len(reasons)} of {most}); {then}"
        if reasons:
            trace = stacks[-1] if stacks else None
            counts = quarantined([reasons]) if given_up else {}
            report(Event(kind=EventKind.WARNING, message=message, data=trace, counts=counts))
        return given_up

    def _fill(self, writer: ShardWriter, key: SlotKey, watch: Watch, report: Report) -> Counts:
        """Store a sample of the slot, or that there is none; what the sample took."""
        tried: list[Attempt] = []
        with watch.over(key.slot) as still_at_work:
            for attempt in attempts(key, self._run.config, self._library, self._backend):
                still_at_work()
                if attempt.sample is not None:
                    refuse_another_world(self._worlds, attempt.sample.spec)
                    writer.add(attempt.sample, meta=self._meta_with_attribution(attempt.sample))
                    _report_remark(attempt, report)
                    return stored(attempt.sample)
                tried.append(attempt)
                report(self._drawn_again(attempt))
        reasons = [[defect.code for defect in attempt.defects] for attempt in tried]
        writer.quarantine(key.slot, reasons)
        message = given_up(key.slot, tried)
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

    def _meta_with_attribution(self, sample: StereoSample) -> ShardMeta:
        ids = [asset_id for asset_id in sample.spec.asset_ids() if not is_made(asset_id)]
        assets = [self._library.get(asset_id) for asset_id in ids]
        lines = [attribution_text(assets), *world_attribution(sample.spec)]
        return replace(self._meta, attribution="\n".join(filter(None, lines)))

    def close(self) -> None:
        """Give the renderer's memory back."""
        self._backend.close()


def _report_remark(attempt: Attempt, report: Report) -> None:
    """Tell what the checks could not tell of a sample that passed them, if anything."""
    if attempt.remark:
        report(Event(kind=EventKind.NOTE, message=f"{attempt.key.sample_id}: {attempt.remark}"))
