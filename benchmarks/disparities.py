"""How disparities are spread, style by style: traces the truth of many scenes, renders none.

    python -m benchmarks.disparities --scenes 60 --plot docs/disparities.png [--stage hall.usd]

Rays go through every fourth pixel of 1280x720 in both directions: scenes are composed for 320x180, whose
cameras are the same but for the size, and disparities count four times. As in a run, a scene whose truth
fails the checks is drawn again. Pixels without a surface are sky and count for nothing but the column `sky`.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Annotated, Any

import matplotlib
import numpy as np
import typer
from matplotlib.figure import Figure
from numpy.typing import NDArray

from assets_manifest.library import AssetLibrary, open_library
from fsd_gen.checks.truth import check_truth
from fsd_gen.config import Config, load_config
from fsd_gen.production.attempt import draw
from fsd_gen.report.intent import stated
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.flags import Flag
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.registry import style_names

SCALE, SIZE = 4, (320, 180)
LIMIT_PX, TINY_PX = 416.0, 2.0
ENOUGH = 0.995  # of the pixels within LIMIT_PX
EDGES = np.geomspace(0.5, 1024, 89)
ATTEMPTS = 6
HEAD = (
    "| style | scenes | drawn again | <= 416 px | 10 % | median | 90 % | < 2 px | scenes all < 2 px | sky |"
)
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """The disparities of one scene, in pixels of 1280x720."""

    style: str
    slot: int
    attempts: int
    disparity_n: Floats  # of pixels with a surface
    sky: float  # share of the pixels


def spread_of(style: str, settings: dict[str, Any], slot: int) -> Spread | None:
    """One scene; None where no attempt passes the checks."""
    config, library = _config(style, tuple(settings.items())), _library()
    for number in range(ATTEMPTS):
        spec = compose_scene(config, library, SlotKey(slot=slot, attempt=number))
        with draw(spec, library) as draft:
            if check_truth(draft.blank(), config.check_limits()):
                continue
            flags_hw = draft.truth.flags_left_hw
            seen_hw = (flags_hw & (Flag.SKY | Flag.NO_TRUTH)) == 0
            return Spread(
                style=style,
                slot=slot,
                attempts=number + 1,
                disparity_n=draft.truth.disparity_left_hw[seen_hw].astype(float) * SCALE,
                sky=float(((flags_hw & Flag.SKY) != 0).mean()),
            )
    return None


@cache
def _config(style: str, settings: tuple[tuple[str, Any], ...]) -> Config:
    width, height = SIZE
    return load_config(
        "fsd", {"image.width": width, "image.height": height, "styles": {style: dict(settings)}}
    )


@cache
def _library() -> AssetLibrary:
    return open_library(load_config("fsd").assets.packs)


def row(style: str, scenes: list[Spread]) -> str:
    """The line of a style in the table."""
    pixels_n = np.concatenate([scene.disparity_n for scene in scenes])
    low, middle, high = np.quantile(pixels_n, (0.1, 0.5, 0.9))
    tiny = sum(bool((scene.disparity_n < TINY_PX).mean() > 0.98) for scene in scenes)
    again = sum(scene.attempts - 1 for scene in scenes)
    return (
        f"| {style} | {len(scenes)} | {again} | {(pixels_n <= LIMIT_PX).mean():.2%} | {low:.1f} | "
        f"{middle:.1f} | {high:.1f} | {(pixels_n < TINY_PX).mean():.1%} | {tiny} | "
        f"{np.mean([scene.sky for scene in scenes]):.1%} |"
    )


def worst(scenes: list[Spread]) -> Iterator[str]:
    """The scenes with the largest share beyond the limit, where a style misses it."""
    pixels_n = np.concatenate([scene.disparity_n for scene in scenes])
    if (pixels_n <= LIMIT_PX).mean() >= ENOUGH:
        return
    by_share = sorted(scenes, key=lambda scene: -float((scene.disparity_n > LIMIT_PX).mean()))
    for scene in by_share[:5]:
        share = float((scene.disparity_n > LIMIT_PX).mean())
        where = f"{scene.style} slot {scene.slot} attempt {scene.attempts - 1}"
        yield f"{where}: {share:.1%} beyond {LIMIT_PX:g} px"


def plot(found: dict[str, list[Spread]], path: Path) -> None:
    """One outline per style over common bins, each scene with the same weight, beside what FSD states."""
    with matplotlib.rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        figure = Figure(figsize=(9, 0.6 + 1.05 * len(found)), layout="constrained")
        rows = figure.subplots(len(found), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (style, scenes) in zip(rows, found.items(), strict=True):
            shares = [np.histogram(s.disparity_n, EDGES)[0] / max(1, s.disparity_n.size) for s in scenes]
            axes.stairs(100 * np.mean(shares, axis=0), EDGES, fill=True, color="#2f6f9f", alpha=0.85)
            axes.axvline(LIMIT_PX, color="#c4472f", lw=1.1, ls="--")
            reach, words = stated(style)
            axes.set_title(f"{style}: {reach}. {words}", fontsize=8.5, loc="left")
            axes.set(xscale="log", xlim=(EDGES[0], EDGES[-1]), yticks=[])
        rows[-1].xaxis.set_major_formatter(matplotlib.ticker.FormatStrFormatter("%g"))
        rows[-1].set_xlabel(
            "disparity in pixels at 1280x720 (dashed: 416); titles: what FoundationStereo states"
        )
        figure.savefig(path, dpi=110)


def main(
    scenes: Annotated[int, typer.Option(min=1, help="Of each style.")] = 60,
    styles: Annotated[str, typer.Option(help="Comma-separated; all by default.")] = "",
    stage: Annotated[
        Path | None, typer.Option(help="For the style environment, left out without it.")
    ] = None,
    picture: Annotated[Path | None, typer.Option("--plot", help="A PNG.")] = None,
    workers: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Print the table, and write the plot."""
    wanted = (
        styles.split(",") if styles else [name for name in style_names() if stage or name != "environment"]
    )
    found: dict[str, list[Spread]] = {}
    print(f"{HEAD}\n|{'---|' * HEAD.count(' | ')}---|", flush=True)
    with ProcessPoolExecutor(workers) as pool:
        for style in wanted:
            settings = {"stages": [str(stage.resolve())]} if style == "environment" and stage else {}
            made = pool.map(partial(spread_of, style, settings), range(scenes))
            found[style] = [spread for spread in made if spread is not None]
            print(row(style, found[style]), flush=True)
    print("\n".join(line for each in found.values() for line in worst(each)))
    if picture is not None:
        plot(found, picture)


if __name__ == "__main__":
    typer.run(main)
