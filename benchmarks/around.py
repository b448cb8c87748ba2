"""What a pair costs around its trace: CPU seconds of a worker whose GPU renders, plain forms beside ours.

    python -m benchmarks.around [--styles indoor,driving] [--scenes 1] [--spp 4] [--images FOLDER]

Scenes as the preset `fsd` draws them, at 1280x720. Their pictures are rendered once, with few samples, kept
in `--images`, and handed out by a stub in place of a renderer, with the truth's own depth as what it saw.
Each stage runs in both forms in turn (tests/fsd_gen/*/plain.py has the plain ones), the cheaper of
`--repeat` runs counts. Equal means that both forms find the same and write the same bytes. Shown beside the
sum: the truth (`benchmarks.truth`), and authoring early in a worker's life, while what lies in packs is still
read for the first time (`benchmarks.authoring` tells what it costs later).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets_manifest.library import AssetLibrary, open_library
from fsd_gen.backends.base import SeenByRenderer, StereoImages, check_images
from fsd_gen.backends.film import auto_exposure, develop, white_balance
from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.limits import CheckLimits
from fsd_gen.checks.renderer import agreement
from fsd_gen.checks.sample import examine_images
from fsd_gen.checks.steady import image_averages, steady_mask
from fsd_gen.checks.truth import check_truth
from fsd_gen.config import Config, load_config
from fsd_gen.production.attempt import BLANK, Draft, draw, noise_seed
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.format import ShardMeta
from fsd_gen.shards.sample import StereoSample
from fsd_gen.shards.writer import ShardWriter
from fsd_gen.styles.compose import compose_scene
from tests.fsd_gen.checks import plain
from tests.fsd_gen.shards.plain import plain_writing

STAGES = ("develop", "agreement", "steady", "checks", "write")  # of the sum
BESIDE = ("author", "truth")  # shown, but not of the sum
Eyes = tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(slots=True)
class Costs:
    """CPU seconds by stage, the least of several runs, in both forms."""

    plain_s: dict[str, float] = field(default_factory=dict)
    ours_s: dict[str, float] = field(default_factory=dict)
    equal: bool = True

    def run(self, stage: str, ours: Callable[[], Any], plainly: Callable[[], Any] | None = None) -> Any:
        """What a stage gives; both forms have to agree."""
        found = _timed(ours, stage, self.ours_s)
        if plainly is not None:
            self.equal &= bool(np.all(_timed(plainly, stage, self.plain_s) == found))
        return found

    def total(self, of: dict[str, float]) -> float:
        """CPU seconds of all stages; what has no plain form counts as it is."""
        return sum(of.get(stage, self.ours_s[stage]) for stage in STAGES)


def _timed(form: Callable[[], Any], stage: str, into: dict[str, float]) -> Any:
    start = time.process_time()
    found = form()
    into[stage] = min(into.get(stage, np.inf), time.process_time() - start)
    return found


class Pictures:
    """A folder of rendered pictures, which are made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._backend: Any = None

    def of(self, draft: Draft, name: str) -> Eyes:
        """Both eyes of a scene, linear."""
        path = self._folder / f"{name}.npz"
        if not path.exists():
            self._backend = self._backend or create_backend("mitsuba", threads=1)
            spec = draft.spec
            made = self._backend.render(draft.staged, spec.rig, spec.settings, seed=noise_seed(spec))
            np.savez(path, left=made.left_hwc, right=made.right_hwc)
        with np.load(path) as kept:
            return kept["left"], kept["right"]


def stub_images(draft: Draft, eyes: Eyes) -> StereoImages:
    """As a renderer gives them that sees what the truth says."""
    truth, rig = draft.truth, draft.spec.rig
    left, right = (
        SeenByRenderer(depth_hw=np.asarray(rig.depth(disparity_hw), np.float32))
        for disparity_hw in (truth.disparity_left_hw, truth.disparity_right_hw)
    )
    return StereoImages(
        left_hwc=eyes[0],
        right_hwc=eyes[1],
        stage_cpu_s={},
        backend="stub",
        backend_version="0",
        variant="",
        denoiser="",
        seen=(left, right),
    )


def developed(draft: Draft, images: StereoImages) -> StereoSample:
    """The sample that a renderer's images make of a drawn scene."""
    check_images(images, draft.spec.rig)
    exposure = auto_exposure(images.left_hwc, images.right_hwc, draft.spec.settings.exposure_ev)
    gains_3 = white_balance(images.left_hwc, images.right_hwc) * np.float32(exposure)
    return draft.sample(develop(images.left_hwc, gains_3), develop(images.right_hwc, gains_3), BLANK)


def written(sample: StereoSample) -> bytes:
    """The shard of this sample alone, written, gathered and verified."""
    spec = sample.spec
    about = dict.fromkeys(("config_json", "config_digest", "renderer", "renderer_version", "licence"), "x")
    size = {"width": spec.rig.width, "height": spec.rig.height}
    meta = ShardMeta(**size, **about, seed=spec.seed, generator_version="x")  # type: ignore[arg-type]
    with TemporaryDirectory(prefix="fsd-around-") as folder:
        writer = ShardWriter(Path(folder) / "0.h5", [spec.key.slot], meta)
        writer.add(sample)
        return writer.finish().read_bytes()


def plainly_written(sample: StereoSample) -> bytes:
    """The same in the plain form."""
    with plain_writing():
        return written(sample)


def checked(draft: Draft, sample: StereoSample, steady_hw: NDArray[np.bool_]) -> tuple[object, ...]:
    """All defects: of the truth before rendering, then of the images."""
    limits = CheckLimits()
    return (*check_truth(draft.blank(), limits), *examine_images(sample, limits, steady_hw).defects)


def plainly_checked(draft: Draft, sample: StereoSample, steady_hw: NDArray[np.bool_]) -> tuple[object, ...]:
    """The same in the plain form, which judges the truth once more beside the images."""
    with plain.plain_truth():
        before = check_truth(draft.blank(), CheckLimits())
    return before or plain.examine(sample, CheckLimits(), steady_hw)


def around(draft: Draft, eyes: Eyes, costs: Costs, repeat: int) -> None:
    """All stages after the renderer, in both forms in turn."""
    images, truth = stub_images(draft, eyes), draft.truth
    flat, rig = draft.staged.flat, draft.spec.rig
    for _ in range(repeat):
        sample = costs.run("develop", partial(developed, draft, images))
        costs.run("agreement", partial(agreement, flat, rig, truth, images.seen))
        asked = (flat, rig, truth.hits_left)
        steady_hw = costs.run(
            "steady", partial(freshly, steady_mask, *asked), partial(freshly, plain.steady_mask, *asked)
        )
        judged = (draft, sample, steady_hw)
        costs.run("checks", partial(checked, *judged), partial(plainly_checked, *judged))
        costs.run("write", partial(written, sample), partial(plainly_written, sample))


def freshly(mask: Callable[..., NDArray[np.bool_]], *asked: Any) -> NDArray[np.bool_]:
    """The mask, every image decoded for it, though a worker remembers those of packs."""
    image_averages.cache_clear()
    return mask(*asked)


def scene_costs(
    config: Config, style: str, slot: int, library: AssetLibrary, pictures: Pictures, repeat: int
) -> Costs:
    """CPU seconds of one scene."""
    costs, start = Costs(), time.process_time()
    spec = compose_scene(config, library, SlotKey(slot=slot))
    composed_s = time.process_time() - start
    with draw(spec, library) as draft:
        costs.ours_s |= {
            "author": composed_s + draft.clock.cpu_s["author"],
            "truth": draft.clock.cpu_s["truth"],
        }
        around(draft, pictures.of(draft, f"{style}_{slot}"), costs, repeat)
    return costs


def row(style: str, all_costs: list[Costs]) -> str:
    """One line of the table: means; plain form and ours where there are both."""
    cells = []
    for stage in STAGES:
        ours = np.mean([costs.ours_s[stage] for costs in all_costs])
        plainly = [costs.plain_s[stage] for costs in all_costs if stage in costs.plain_s]
        cells.append(f"{np.mean(plainly):.2f} -> {ours:.2f}" if plainly else f"{ours:.2f}")
    totals = [(costs.total(costs.plain_s), costs.total(costs.ours_s)) for costs in all_costs]
    before, now = np.mean(totals, axis=0)
    equal = "yes" if all(costs.equal for costs in all_costs) else "NO"
    beside = [np.mean([costs.ours_s[stage] for costs in all_costs]) for stage in BESIDE]
    return " | ".join([style, *cells, f"{before:.2f} -> {now:.2f}", *(f"{s:.2f}" for s in beside), equal])


@contextmanager
def kept_in(folder: Path | None) -> Iterator[Path]:
    """`folder`, made where there is none; without one, a folder that is gone afterwards."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with nullcontext(folder) if folder is not None else TemporaryDirectory(prefix="fsd-around-") as place:
        yield Path(place)


def main() -> None:
    """Print the table, one line per style. The first scene of all warms what a worker keeps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--styles", help="these alone, with commas between them")
    parser.add_argument("--scenes", type=int, default=1, help="per style, after one that warms up")
    parser.add_argument("--spp", type=int, default=4, help="of the pictures")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each stage; the cheapest counts")
    parser.add_argument("--images", type=Path, help="where pictures are kept; by default nowhere")
    asked = parser.parse_args()
    config = load_config("fsd", {"image.width": 1280, "image.height": 720, "render.spp": asked.spp})
    library = open_library(config.assets.packs)
    print(" | ".join(["style", *STAGES, "sum", *(f"({stage})" for stage in BESIDE), "equal"]), flush=True)
    with kept_in(asked.images) as folder:
        for style in asked.styles.split(",") if asked.styles else sorted(config.styles):
            alone = config.model_copy(update={"styles": {style: config.styles[style]}})
            with draw(compose_scene(alone, library, SlotKey(slot=asked.scenes)), library):
                pass  # warm: what lies in packs is read once per worker
            pictures = Pictures(folder)
            slots = range(asked.scenes)
            found = [scene_costs(alone, style, slot, library, pictures, asked.repeat) for slot in slots]
            print(row(style, found), flush=True)


if __name__ == "__main__":
    main()
