"""What a pair costs is measured with the checks that a run makes."""

from __future__ import annotations

import numpy as np

import benchmarks.pair
from benchmarks.pair import shot
from fsd_gen.backends.base import StereoImages
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene


class Flat:
    """A renderer of one grey."""

    name = "flat"

    def render(self, staged, rig, settings, seed) -> StereoImages:
        grey_hwc = np.full((rig.height, rig.width, 3), 0.5, np.float32)
        return StereoImages(
            left_hwc=grey_hwc,
            right_hwc=grey_hwc,
            stage_cpu_s={},
            backend="flat",
            backend_version="1",
            variant="",
            denoiser="",
        )


def test_the_checks_are_those_of_a_run_by_the_materials_that_the_pair_shows(
    sparse_config, library, monkeypatch
):
    seen, examine = {}, benchmarks.pair.examine_sample

    def examined(sample, limits, *, steady_left_hw):
        seen.update(sample=sample, limits=limits, steady_hw=steady_left_hw)
        return examine(sample, limits, steady_left_hw=steady_left_hw)

    monkeypatch.setattr(benchmarks.pair, "examine_sample", examined)
    spec = compose_scene(sparse_config, library, SlotKey(slot=0))
    taken, cpu_s = shot(spec, sparse_config, library, Flat())
    assert seen["limits"] == sparse_config.check_limits() and seen["sample"] is taken.ideal
    assert seen["steady_hw"].shape == taken.ideal.left_hwc.shape[:2] and seen["steady_hw"].dtype == bool
    assert cpu_s > 0
