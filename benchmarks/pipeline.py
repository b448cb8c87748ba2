"""How much of the time the renderer is at work, one slot after the other and with hands beside it.

    python -m benchmarks.pipeline [--sizes 320x180,1280x720] [--pairs 16] [--seconds 1] [--hands 3]

In place of a renderer, a stub that takes `--seconds` without using a CPU, as one on a GPU does, and has one
real pair of pictures for every scene. What the checks say of these is not heeded; all else is the worker's.
Both forms fill the same shard. `steady` is from the first rendering to the end of the last one, `shard` all
of it: the first scene before, gathering and verifying after. CPU seconds are those of all processes, with the
start of the hands, which a worker pays once.

`reckoned` says what the steady share would be on cores that nobody else uses: a simulation of the hands with
the CPU seconds that each slot took here before and after its rendering.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from assets_manifest.library import open_library
from benchmarks.pair import cpu_name
from fsd_gen.backends.base import StereoImages
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.sample import Examined, examine_images
from fsd_gen.config import Config, load_config
from fsd_gen.production import attempt, worker
from fsd_gen.production.requests import requests_for, shard_tasks
from fsd_gen.production.run import Run
from fsd_gen.production.worker import Filler, ShardWorker, filler_of_a_hand
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.index import collect_records, manifest_digest
from jobs.task import Event, EventKind

STEP_S = 0.005  # of the simulation
CORES = (1, 2, 3, 4, 6)
Pictures = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(slots=True)
class Stub:
    """A renderer that takes a while and needs no CPU for it."""

    pictures: Pictures
    seconds: float
    name: str = "mitsuba"
    version: str = "stub"
    times: list[tuple[float, float]] = field(default_factory=list)  # of each rendering
    spent: list[tuple[str, float]] = field(default_factory=list)  # CPU seconds of this process, at what

    def render(self, staged: Any, rig: StereoRig, settings: Any, seed: int) -> StereoImages:
        """The same pair for every scene."""
        began = time.monotonic()
        self.mark("rendered")
        time.sleep(self.seconds)
        self.times.append((began, time.monotonic()))
        return StereoImages(
            left_hwc=self.pictures[0],
            right_hwc=self.pictures[1],
            stage_cpu_s={},
            backend=self.name,
            backend_version=self.version,
            variant="",
            denoiser="",
        )

    def mark(self, what: str) -> None:
        """Remember how much this process has used."""
        self.spent.append((what, time.process_time()))

    def close(self) -> None:
        """Nothing to give back."""


@dataclass(frozen=True, slots=True)
class Slot:
    """CPU seconds of a slot, before and after its last rendering."""

    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """What a shard took."""

    steady: float  # share of the time that the renderer was at work, from its first scene to its last
    whole: float  # and of the whole shard
    cpu_s: float  # per pair, everything
    cores: float  # that all processes used together, on average
    stages: Counter[str]  # CPU seconds per pair
    own_s: float  # CPU seconds per pair of the process that renders
    slots: list[Slot]  # where it does everything
    digest: str  # of what was stored


def unheeding(*given: Any, **named: Any) -> Examined:
    """What the checks find, but for the defects."""
    return replace(examine_images(*given, **named), defects=())


def swap(module: ModuleType, name: str, other: Any) -> None:
    """Put something else in place of what a module has. Raises AttributeError where it has none."""
    getattr(module, name)
    setattr(module, name, other)


def unheeding_hand(*given: Any) -> Filler:
    """What fills slots in a hand."""
    swap(attempt, "examine_images", unheeding)
    return filler_of_a_hand(*given)


def pictures(config: Config, width: int, height: int) -> Pictures:
    """A pair of the first slot, linear, rendered small and made as large as is wanted."""
    small = load_config("fsd", {"image.width": 320, "image.height": 180, "render.spp": 4})
    library, backend = open_library(config.assets.packs), create_backend("mitsuba", threads=1)
    spec = attempt.compose_scene(small, library, SlotKey(slot=0))
    with attempt.draw(spec, library) as draft:
        images = backend.render(draft.staged, spec.rig, spec.settings, seed=0)
    row_n, column_n = np.arange(height) * 180 // height, np.arange(width) * 320 // width
    left_hwc, right_hwc = (
        np.ascontiguousarray(hwc[np.ix_(row_n, column_n)]) for hwc in (images.left_hwc, images.right_hwc)
    )
    return left_hwc, right_hwc


def fill(folder: Path, config: Config, pairs: Pictures, seconds: float, hands: int) -> Took:
    """Fill one shard in `folder`."""
    from benchmarks import pipeline as importable  # not __main__, which a hand does not have

    stub = Stub(pairs, seconds)
    swap(worker, "create_backend", lambda name, threads: stub)
    swap(worker, "filler_of_a_hand", importable.unheeding_hand)
    swap(attempt, "examine_images", unheeding)
    run = Run.start(folder, config)
    run.bind_assets(open_library(config.assets.packs))
    (task,) = shard_tasks(requests_for(run, 1))
    events: list[Event] = []

    def report(event: Event) -> None:
        events.append(event)
        if event.kind is EventKind.ITEM:
            stub.mark("stored")

    began_s, began = cpu_s(), time.monotonic()
    filling = ShardWorker(str(folder), 1, hands=hands)
    stub.mark("stored")
    filling.run(task, report)
    ended = time.monotonic()
    filling.close()
    return took(stub, events, ended - began, cpu_s() - began_s, shard_digest(run), config.samples_per_shard)


def shard_digest(run: Run) -> str:
    """Of all that the shard holds."""
    return manifest_digest(collect_records([run.shard_path(0)], run.folder))


def took(stub: Stub, events: list[Event], wall_s: float, all_cpu_s: float, digest: str, pairs: int) -> Took:
    """What it came to."""
    at_work = sum(end - start for start, end in stub.times)
    stages: Counter[str] = Counter()
    for event in events:
        for (counter, stage), amount in event.counts.items():
            if counter == "stage_cpu_s":
                stages[stage] += amount / pairs
    return Took(
        steady=at_work / (stub.times[-1][1] - stub.times[0][0]),
        whole=at_work / wall_s,
        cpu_s=all_cpu_s / pairs,
        cores=all_cpu_s / wall_s,
        stages=stages,
        own_s=(stub.spent[-1][1] - stub.spent[0][1]) / pairs,
        slots=slots_of(stub.spent),
        digest=digest,
    )


def slots_of(spent: list[tuple[str, float]]) -> list[Slot]:
    """What each slot took, of those that were rendered and stored one after the other."""
    found = []
    for (first, start), (second, middle), (third, end) in zip(spent, spent[1:], spent[2:], strict=False):
        if (first, second, third) == ("stored", "rendered", "stored"):
            found.append(Slot(middle - start, end - middle))
    return found


def reckoned(slots: list[Slot], between: float, seconds: float, cores: int) -> float:
    """The renderer's share of the time from its first scene to its last.

    `cores` + 1 hands share the cores; the renderer takes the foremost scene, and `between` s more for each.
    """
    waiting, hands = list(range(len(slots))), [Hand() for _ in range(cores + 1)]
    at_work: Hand | None = None  # whose scene is rendered
    first: float | None = None
    now, free_at, rendered = 0.0, 0.0, 0
    while rendered < len(slots):
        busy = [hand for hand in hands if hand.left > 0]
        for hand in busy:
            hand.left -= STEP_S * min(1.0, cores / len(busy))
        if at_work is not None and now >= free_at:
            at_work.state, at_work.left = "after", slots[at_work.slot].after
            at_work, rendered = None, rendered + 1
        for hand in hands:
            if hand.left <= 0:
                hand.go_on(slots, waiting)
        ready = [hand for hand in hands if hand.state == "ready"]
        if at_work is None and ready:
            at_work = min(ready, key=lambda hand: hand.slot)
            at_work.state, free_at = "rendered", now + seconds + between
            first = now if first is None else first
        now += STEP_S
    return len(slots) * seconds / (now - (first or 0.0))


@dataclass(slots=True)
class Hand:
    """One of the simulation."""

    state: str = "idle"
    slot: int = -1
    left: float = 0.0  # CPU seconds

    def go_on(self, slots: list[Slot], waiting: list[int]) -> None:
        """What it was at is done."""
        if self.state == "before":
            self.state = "ready"
        elif self.state in ("idle", "after"):
            self.state = "idle"
            if waiting:
                self.slot = waiting.pop(0)
                self.state, self.left = "before", slots[self.slot].before


def cpu_s() -> float:
    """CPU seconds of this process, and of those that it has waited for."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def main(
    sizes: Annotated[str, typer.Option()] = "320x180,1280x720",
    pairs: Annotated[int, typer.Option(min=2)] = 16,
    seconds: Annotated[float, typer.Option(help="That the stub takes for a pair.")] = 1.0,
    hands: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Fill shards both ways and print what they took."""
    print(f"{pairs} pairs, stub of {seconds:g} s, {hands} hands; {cpu_name()}")
    for size in sizes.split(","):
        print("| size | form | steady | shard | CPU s a pair | cores used | of it by stage |")
        print("|---|---|---|---|---|---|---|")
        width, height = map(int, size.split("x"))
        sized = {"image.width": width, "image.height": height, "samples_per_shard": pairs}
        config = load_config("fsd", sized)
        pair = pictures(config, width, height)
        plain, beside = (
            measured(config, pair, seconds, size, count, f"{count} hands" if count else "plain")
            for count in (0, hands)
        )
        if plain.digest != beside.digest:
            raise SystemExit(f"{size}: the shards differ")
        shares = (
            f"{cores} cores {reckoned(plain.slots * 4, beside.own_s, seconds, cores):.1%}" for cores in CORES
        )
        print(f"{size}, reckoned, with {beside.own_s:.3f} s between two renderings: {', '.join(shares)}\n")
    peak_gib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"\nequal shards both ways; the largest hand held {peak_gib:.2f} GiB")


def measured(config: Config, pair: Pictures, seconds: float, size: str, hands: int, form: str) -> Took:
    """Fill a shard and print the row of it."""
    with tempfile.TemporaryDirectory() as folder:
        told = fill(Path(folder), config, pair, seconds, hands)
    print(line(size, form, told), flush=True)
    return told


def line(size: str, form: str, told: Took) -> str:
    """One row."""
    stages = ", ".join(f"{stage} {cpu:.2f}" for stage, cpu in told.stages.most_common())
    return (
        f"| {size} | {form} | {told.steady:.1%} | {told.whole:.1%} | {told.cpu_s:.2f} | {told.cores:.2f} "
        f"| {stages} |"
    )


if __name__ == "__main__":
    typer.run(main)
