"""What it costs to author scenes: drawing, physics, made pictures and solids, USD; renders none.

    python -m benchmarks.authoring [--config fsd] [--styles indoor,driving] [--scenes 20] [--profile]

CPU seconds of one process, per style, as a worker spends them: everything that is remembered between scenes
is warm after the first, which is shown apart. `read` is reading the stage back, which a worker
does once for each scene; first, median and 90 % are of everything from drawing to reading.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np

from assets_manifest.library import AssetLibrary, open_library
from fsd_gen.config import Config, load_config
from fsd_gen.production.staging import asset_paths
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.usd.author import write_stage
from fsd_gen.usd.reader import read_stage

PARTS = ("draw", "physics", "made", "encode", "usd", "read")  # what authoring consists of
TAKEN_FROM = {  # what is done inside of something else -> part that it counts for
    "fsd_gen.physics.settle:settle": "physics",
    "assets_manifest.made.registry:_make": "made",
    "assets_manifest.made.picture:save_picture": "encode",
    "assets_manifest.exr:write_exr": "encode",
}
Cost = dict[str, float]  # CPU seconds by part


class Watch:
    """CPU seconds by part; what runs inside of another part counts for itself alone."""

    def __init__(self) -> None:
        self.spent: Cost = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def on(self, part: str) -> Iterator[None]:
        """Count for `part` until the block ends, and no longer for what it lies in."""
        self._charge()
        self._running.append(part)
        try:
            yield
        finally:
            self._charge()
            self._running.pop()

    def _charge(self) -> None:
        now = time.process_time()
        if self._running:
            self.spent[self._running[-1]] += now - self._since
        self._since = now

    @contextmanager
    def on_calls(self, of: dict[str, str]) -> Iterator[None]:
        """Within the block, calls of functions ("module:name") count for the parts that `of` names."""
        with ExitStack() as patches:
            for place, part in of.items():
                module, _, name = place.partition(":")
                function = getattr(import_module(module), name)
                watched = self._watched(function, part)
                for user in [user for user in sys.modules.values() if vars(user).get(name) is function]:
                    patches.enter_context(patch.object(user, name, watched))
            yield

    def _watched(self, function: Callable[..., Any], part: str) -> Callable[..., Any]:
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.on(part):
                return function(*args, **kwargs)

        return watched


def scene_cost(config: Config, library: AssetLibrary, slot: int) -> Cost:
    """CPU seconds of one scene, by part."""
    watch = Watch()
    with TemporaryDirectory(prefix="fsd-authoring-") as folder, watch.on_calls(TAKEN_FROM):
        with watch.on("draw"):
            spec = compose_scene(config, library, SlotKey(slot=slot))
        with watch.on("usd"):
            path = write_stage(spec, Path(folder) / "scene.usdc", asset_paths(library, Path(folder)))
        with watch.on("read"):
            read_stage(path, spec.rig)
    return watch.spent


def only(config: Config, style: str) -> Config:
    """`config` with no other style."""
    return config.model_copy(update={"styles": {style: config.styles[style]}})


def row(style: str, costs: list[Cost]) -> str:
    """One line of the table: the first scene apart, then median and 90th percentile of the others."""
    totals = [sum(cost.values()) for cost in costs]
    middle = {part: np.median([cost.get(part, 0.0) for cost in costs[1:]]) for part in PARTS}
    numbers = (totals[0], np.median(totals[1:]), np.quantile(totals[1:], 0.9), *middle.values())
    return f"{style:<14}" + "".join(f"{number:>9.2f}" for number in numbers)


def head() -> str:
    """What the columns are."""
    return f"{'style':<14}" + "".join(f"{name:>9}" for name in ("first", "median", "90 %", *PARTS))


@contextmanager
def profiled(wanted: bool) -> Iterator[None]:
    """Print what took longest in the block, by function, if wanted."""
    if not wanted:
        yield
        return
    with cProfile.Profile(time.process_time) as profile:
        yield
    pstats.Stats(profile).sort_stats("tottime").print_stats(35)


def main() -> None:
    """Print the table, one line per style."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--config", default="fsd", help="a preset or a YAML file")
    parser.add_argument("--styles", help="these alone, with commas between them")
    parser.add_argument("--scenes", type=int, default=20, help="per style, at least 2")
    parser.add_argument("--profile", action="store_true", help="say which functions took longest")
    asked = parser.parse_args()
    if asked.scenes < 2:
        parser.error(f"--scenes: expected at least 2, got {asked.scenes}")
    config = load_config(asked.config)
    styles = asked.styles.split(",") if asked.styles else sorted(config.styles)
    if strange := [style for style in styles if style not in config.styles]:
        parser.error(f"--styles: {asked.config} has {', '.join(config.styles)}; got {strange[0]!r}")
    library = open_library(config.assets.packs)
    print(f"CPU seconds per scene, {asked.scenes} scenes per style\n{head()}", flush=True)
    for style in styles:
        with profiled(asked.profile):
            costs = [scene_cost(only(config, style), library, slot) for slot in range(asked.scenes)]
        print(row(style, costs), flush=True)


if __name__ == "__main__":
    main()
