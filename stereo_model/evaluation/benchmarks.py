"""The customs of the public benchmarks: which pixels count, and by which number scenes are sorted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stereo_model.evaluation.metrics import MaskPolicy

HALF_WEIGHT = ("PianoL", "Playroom", "Playtable", "Shelves", "Vintage")
"""Training scenes that Middlebury's own mean counts half (vision.middlebury.edu/stereo/eval3: "weighted")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Which pixels a public benchmark counts, and the number its tables are sorted by.

    Papers differ in both, so a benchmark is chosen by name and never guessed from the data.
    """

    policies: tuple[MaskPolicy, ...]
    max_disparity: float | None = None  # pixels; truth at or above is left out
    headline: tuple[MaskPolicy, str]  # mask and metric that scenes are sorted by
    note: str


SCENE_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "middlebury": {
        f"{folder}{scene}": 0.5
        for folder in ("trainingQ/", "trainingH/", "trainingF/", "")
        for scene in HALF_WEIGHT
    }
}
"""By data set and scene: what a benchmark's own mean counts a scene, where that is not 1."""

BENCHMARKS = {
    "middlebury": Benchmark(
        policies=(MaskPolicy.NON_OCCLUDED, MaskPolicy.ALL),
        headline=(MaskPolicy.NON_OCCLUDED, "bp2"),
        note="Middlebury v3: share off by more than 2 px over the mask0nocc pixels, in pixels of the size "
        "evaluated (F, H or Q); its own mean counts five of the fifteen training scenes half",
    ),
    "eth3d": Benchmark(
        policies=(MaskPolicy.NON_OCCLUDED, MaskPolicy.ALL),
        headline=(MaskPolicy.NON_OCCLUDED, "bp1"),
        note="ETH3D two-view: share off by more than 1 px over the mask0nocc pixels; some papers count all",
    ),
    "kitti2012": Benchmark(
        policies=(MaskPolicy.NON_OCCLUDED, MaskPolicy.ALL),
        headline=(MaskPolicy.ALL, "d1"),
        note="KITTI 2012 as zero-shot papers report it: D1 over all pixels with truth; the benchmark's own "
        "table shows BP-3 over non-occluded ones (Out-Noc)",
    ),
    "kitti2015": Benchmark(
        policies=(MaskPolicy.ALL, MaskPolicy.NON_OCCLUDED),
        headline=(MaskPolicy.ALL, "d1"),
        note="KITTI 2015: D1-all, over all pixels with truth, with no limit on the disparity",
    ),
    "sceneflow192": Benchmark(
        policies=(MaskPolicy.ALL,),
        max_disparity=192.0,
        headline=(MaskPolicy.ALL, "epe"),
        note="Scene Flow as most papers report it: mean error over pixels whose truth is below 192 px",
    ),
    "sceneflow512": Benchmark(
        policies=(MaskPolicy.ALL,),
        max_disparity=512.0,
        headline=(MaskPolicy.ALL, "epe"),
        note="Scene Flow with nearly everything counted: truth below 512 px",
    ),
}
