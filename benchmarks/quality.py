"""What a pair costs and how near it comes to its own converged picture: CPU seconds by stage, and decibels.

    python -m benchmarks.quality [--styles flying,indoor] [--size 320x180] [--variant spp=16 --variant spp=8]
                                 [--against CHECKOUT] [--reference-spp 256] [--references FOLDER]

Scenes as the preset `fsd` draws them, one per style. `--against` renders the same with another checkout, in
turns. Each form of each scene starts in a process of its own, on one thread and without compiled kernels, as
a scene that nobody rendered before; the first variant also pays for what is started once in a process.

PSNR of developed sRGB, both eyes, pixels whose first surface is not see-through, against a picture of
`--reference-spp` samples without denoising, which `--references` keeps. That picture has noise too: "less
its noise" takes off what its two halves tell of it, but for fireflies, which hit one half only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.film import auto_exposure, develop, white_balance
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.shards.flags import Flag

HERE = Path(__file__).resolve().parents[1]
STAGES = ("load", "trace", "denoise")
HALVES = ({"denoise": False, "seed": 101}, {"denoise": False, "seed": 202})
HEAD = f"{'style':<14}{'form':<8}{'settings':<22}" + "".join(f"{s:>9}" for s in (*STAGES, "sum"))
HEAD += f"{'dB':>8}{'less noise':>12}"

Eyes = NDArray[np.float32]  # (2, H, W, 3), linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A converged pair in two independent halves, and where it is looked at."""

    halves: tuple[Eyes, Eyes]
    judged_2hw: NDArray[np.bool_]

    def _gains(self) -> NDArray[np.float32]:
        left_hwc, right_hwc = (self.halves[0] + self.halves[1]) / 2
        exposure = np.float32(auto_exposure(left_hwc, right_hwc, 0.0))
        gains_3: NDArray[np.float32] = white_balance(left_hwc, right_hwc) * exposure
        return gains_3

    def _levels(self, eyes: Eyes) -> NDArray[np.float64]:
        gains_3 = self._gains()
        levels_2hwc = np.stack([develop(eye, gains_3) for eye in eyes]).astype(np.float64)
        chosen: NDArray[np.float64] = levels_2hwc[self.judged_2hw]
        return chosen

    def noise(self) -> float:
        """Mean squared error of the mean of both halves, levels of 255."""
        one, other = map(self._levels, self.halves)
        return float(np.mean((one - other) ** 2)) / 4

    def decibels(self, eyes: Eyes) -> tuple[float, float]:
        """PSNR of a pair against the reference, and what it would be against one without noise."""
        mean = (self.halves[0] + self.halves[1]) / 2
        error = float(np.mean((self._levels(eyes) - self._levels(mean)) ** 2))
        return psnr(error), psnr(error - self.noise())


def psnr(error: float) -> float:
    """Decibels of a mean squared error in levels of 255."""
    return float(10 * np.log10(255**2 / max(error, 1e-6)))


def settings_of(text: str) -> dict[str, Any]:
    """`spp=16,rr_depth=1` as render settings. Raises ValueError for what is none."""
    changes = dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    if unknown := set(changes) - set(RenderSettings.model_fields):
        known = ", ".join(RenderSettings.model_fields)
        raise ValueError(
            f"--variant {text}: no setting {', '.join(sorted(unknown))}; expected some of {known}"
        )
    explicit = RenderSettings.model_validate({"spp": 16, **changes}).model_dump()
    return {name: explicit[name] for name in ("spp", *changes)}


def rendered(job: dict[str, Any], checkout: Path, folder: Path) -> tuple[list[Eyes], Any]:
    """The pairs of a job, made by the package in `checkout`, and the CPU seconds of their stages."""
    (folder / "job.json").write_text(json.dumps(job))
    with tempfile.TemporaryDirectory() as kernels:
        around = os.environ | {
            "PYTHONPATH": str(checkout),
            "DRJIT_CACHE_DIR": kernels,
            "OMP_NUM_THREADS": "1",
        }
        subprocess.run([sys.executable, __file__, "--job", str(folder)], check=True, env=around)
    with np.load(folder / "eyes.npz") as file:
        eyes = [file[f"arr_{number}"] for number in range(len(job["renders"]))]
    return eyes, json.loads((folder / "told.json").read_text())


def do_job(folder: Path) -> None:
    """What that process does: draw the scene, render it as often as the job says, write what came of it."""
    from assets_manifest.library import open_library
    from fsd_gen.backends.registry import create_backend
    from fsd_gen.config import load_config
    from fsd_gen.production.attempt import draw
    from fsd_gen.scene.slots import SlotKey
    from fsd_gen.styles.compose import compose_scene

    job = json.loads((folder / "job.json").read_text())
    style = {"styles": {job["style"]: {"weight": 1.0}}}
    config = load_config("fsd", {"image.width": job["width"], "image.height": job["height"], **style})
    library = open_library(config.assets.packs)
    spec = compose_scene(config, library, SlotKey(slot=job["slot"]))
    backend = create_backend("mitsuba", threads=1)
    pairs, costs = [], []
    with draw(spec, library) as draft:
        for changes in job["renders"]:
            settings = spec.settings.model_copy(update={k: v for k, v in changes.items() if k != "seed"})
            images = backend.render(draft.staged, spec.rig, settings, seed=changes.get("seed", 7))
            pairs.append(np.stack([images.left_hwc, images.right_hwc]))
            costs.append(dict(images.stage_cpu_s))
        clear = [(f & Flag.TRANSPARENT) == 0 for f in (draft.truth.flags_left_hw, draft.truth.flags_right_hw)]
    np.savez(folder / "eyes.npz", *pairs)
    np.save(folder / "judged.npy", np.stack(clear))
    (folder / "told.json").write_text(json.dumps(costs))


def reference_of(job: dict[str, Any], spp: int, kept: Path) -> Reference:
    """The converged pair of the job's scene, rendered by this checkout unless `kept` has it."""
    path = kept / f"{job['style']}_{job['slot']}_{job['width']}x{job['height']}_{spp}.npz"
    if not path.exists():
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            renders = [{**half, "spp": spp // 2} for half in HALVES]
            halves, _ = rendered({**job, "renders": renders}, HERE, Path(folder))
            np.savez(path, one=halves[0], other=halves[1], judged=np.load(Path(folder) / "judged.npy"))
    with np.load(path) as file:
        return Reference(halves=(file["one"], file["other"]), judged_2hw=file["judged"])


def one_scene(job: dict[str, Any], forms: dict[str, Path], reference: Reference) -> list[str]:
    """A row of the table for each form and variant."""
    rows = []
    for form, checkout in forms.items():
        with tempfile.TemporaryDirectory() as folder:
            pairs, costs = rendered(job, checkout, Path(folder))
        for changes, eyes, cost in zip(job["renders"], pairs, costs, strict=True):
            name = ",".join(f"{key}={value}" for key, value in changes.items())
            seconds = [cost[stage] for stage in STAGES]
            row = f"{job['style']:<14}{form:<8}{name:<22}"
            row += "".join(f"{value:>9.2f}" for value in (*seconds, sum(seconds)))
            rows.append(row + "{:>8.2f}{:>12.2f}".format(*reference.decibels(eyes)))
    return rows


def arguments() -> argparse.Namespace:
    """From the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--styles", default="flying,indoor,outdoor,manipulation")
    parser.add_argument("--slot", type=int, default=0)
    parser.add_argument("--size", default="320x180")
    parser.add_argument("--variant", action="append", help="render settings, such as spp=16,rr_depth=1")
    parser.add_argument("--reference-spp", type=int, default=256)
    parser.add_argument("--references", type=Path, default=Path("runs/references"))
    parser.add_argument("--against", type=Path, help="another checkout, rendered beside this one")
    parser.add_argument("--job", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """The table, scene by scene."""
    given = arguments()
    if given.job:
        return do_job(given.job)
    width, height = map(int, given.size.split("x"))
    renders = [settings_of(text) for text in given.variant or ["spp=16"]]
    forms = {**({"before": given.against.resolve()} if given.against else {}), "now": HERE}
    print(f"CPU seconds of a pair, {given.size}, one thread\n{HEAD}", flush=True)
    for style in given.styles.split(","):
        job = {"style": style, "slot": given.slot, "width": width, "height": height, "renders": renders}
        reference = reference_of(job, given.reference_spp, given.references)
        print("\n".join(one_scene(job, forms, reference)), flush=True)
        print(f"{style:<14}the reference itself has {psnr(reference.noise()):.1f} dB", flush=True)
    return None


if __name__ == "__main__":
    main()
