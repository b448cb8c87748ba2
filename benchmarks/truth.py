"""What the truth of both eyes costs: CPU seconds, beside the plain form of it, and whether both are equal.

    python -m benchmarks.truth [--size 1280x720] [--scenes 6] [--style indoor] [--stage hall.usd]

Scenes as the preset `fsd` draws them, each traced in both forms in turn, the best of `--repeat` runs. The
plain form (tests/fsd_gen/truth/plain.py) asks embreex for every ray by itself. Equal means all bits: of
disparity and flags of both eyes, of distance and triangle of every left ray.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assets_manifest.library import AssetLibrary, open_library
from fsd_gen.config import load_config
from fsd_gen.production.staging import staged_scene
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.registry import style_names
from fsd_gen.truth.maps import Truth, compute_truth
from fsd_gen.usd.flat_scene import FlatScene
from tests.fsd_gen.truth.plain import plain_truth

HEAD = f"{'style':<14}{'slot':>5}{'triangles':>11}{'plain':>8}{'now':>8}{'ratio':>8}  equal"
Cost = tuple[float, float]  # CPU seconds, plain and now


def both_forms(scene: FlatScene, rig: StereoRig, repeat: int) -> tuple[Cost, bool]:
    """What both forms cost, and whether they agree."""
    runs = [(_timed(plain_truth, scene, rig), _timed(compute_truth, scene, rig)) for _ in range(repeat)]
    plain, now = runs[0]
    cost = min(run[0][0] for run in runs), min(run[1][0] for run in runs)
    return cost, equal(plain[1], now[1])


def equal(one: Truth, other: Truth) -> bool:
    """To the bit, in all that a truth says."""
    pairs: list[tuple[NDArray[Any], NDArray[Any]]] = [
        (one.disparity_left_hw, other.disparity_left_hw),
        (one.disparity_right_hw, other.disparity_right_hw),
        (one.flags_left_hw, other.flags_left_hw),
        (one.flags_right_hw, other.flags_right_hw),
        (one.hits_left.t_n, other.hits_left.t_n),
        (one.hits_left.primitive_n, other.hits_left.primitive_n),
    ]
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def _timed(
    form: Callable[[FlatScene, StereoRig], Truth], scene: FlatScene, rig: StereoRig
) -> tuple[float, Truth]:
    start = time.process_time()
    truth = form(scene, rig)
    return time.process_time() - start, truth


def style_costs(
    style: str, settings: dict[str, Any], asked: argparse.Namespace, library: AssetLibrary
) -> list[Cost]:
    """Print a line per scene of a style; what they cost."""
    width, height = map(int, asked.size.split("x"))
    config = load_config("fsd", {"image.width": width, "image.height": height, "styles": {style: settings}})
    costs = []
    for slot in range(asked.scenes):
        spec = compose_scene(config, library, SlotKey(slot=slot))
        with staged_scene(spec, library) as staged:
            cost, same = both_forms(staged.flat, spec.rig, asked.repeat)
        triangles = sum(len(mesh.faces_f3) for mesh in staged.flat.meshes)
        print(row(style, str(slot), str(triangles), cost, "yes" if same else "NO"), flush=True)
        costs.append(cost)
    return costs


def row(style: str, slot: str, triangles: str, cost: Cost, same: str) -> str:
    """One line of the table."""
    plain, now = cost
    return f"{style:<14}{slot:>5}{triangles:>11}{plain:>8.2f}{now:>8.2f}{plain / now:>8.2f}  {same}"


def main() -> None:
    """Print the table: a line per scene, and the mean of each style."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--scenes", type=int, default=6, help="per style")
    parser.add_argument("--repeat", type=int, default=2, help="runs of each form; the cheapest counts")
    parser.add_argument("--style", help="this style alone")
    parser.add_argument("--stage", type=Path, help="for the style environment, left out without it")
    asked = parser.parse_args()
    library = open_library(load_config("fsd").assets.packs)
    print(HEAD, flush=True)
    found: list[Cost] = []
    for style in [asked.style] if asked.style else sorted(style_names()):
        if style == "environment" and asked.stage is None:
            continue
        settings: dict[str, Any] = {"stages": [str(asked.stage.resolve())]} if style == "environment" else {}
        costs = style_costs(style, settings, asked, library)
        plain, now = np.mean(costs, axis=0)
        print(row(style, "mean", "", (plain, now), ""), flush=True)
        found += costs
    plain, now = np.mean(found, axis=0)
    print(row("all", "mean", "", (plain, now), ""), flush=True)


if __name__ == "__main__":
    main()
