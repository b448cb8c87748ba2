"""Rendered scenes of every style pass the checks, and mistakes in them are found."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from fsd_gen.backends.registry import create_backend
from fsd_gen.checks.defects import DefectCode
from fsd_gen.checks.sample import Examined, examine_sample
from fsd_gen.checks.truth import check_truth
from fsd_gen.production.attempt import draw, expose
from fsd_gen.scene.slots import SlotKey
from fsd_gen.shards.sample import StereoSample
from fsd_gen.styles.compose import compose_scene
from tests.fsd_gen.checks.mutations import MUTATIONS, stale
from tests.fsd_gen.styles.only import only

STYLES = ("flying", "mixed", "indoor", "outdoor", "driving", "navigation", "manipulation")


@pytest.fixture(scope="module")
def pairs(small_config, library) -> dict[str, tuple[StereoSample, np.ndarray]]:
    """A pair of each style, and where it looks alike from both eyes; what its truth rules out is redrawn."""
    image = small_config.image.model_copy(update={"width": 320, "height": 180})
    render = small_config.render.model_copy(update={"spp": 8, "denoise": True})
    config = small_config.model_copy(update={"image": image, "render": render})
    backend = create_backend("mitsuba", threads=1)
    made = {}
    for style in STYLES:
        for attempt in range(6):
            spec = compose_scene(only(config, style), library, SlotKey(slot=0, attempt=attempt))
            with draw(spec, library) as draft:
                if not check_truth(draft.blank()):
                    made[style] = expose(draft, backend).ideal, draft.steady()
                    break
    backend.close()
    return made


def examined(sample: StereoSample, steady: np.ndarray) -> Examined:
    return examine_sample(sample, steady_left_hw=steady)


def misfits(sample: StereoSample, steady: np.ndarray) -> bool:
    return DefectCode.PHOTOMETRIC in [defect.code for defect in examined(sample, steady).defects]


@pytest.mark.slow
def test_sound_pairs_of_every_style_are_judged_and_pass(pairs):
    assert set(pairs) == set(STYLES)
    for style, pair in pairs.items():
        found = examined(*pair)
        assert (style, found.defects, found.enough_judged) == (style, (), True)


@pytest.mark.slow
def test_mistakes_are_found_in_nearly_all_of_them(pairs):
    caught = Counter(
        name
        for sample, steady in pairs.values()
        for name, mutation in MUTATIONS.items()
        if misfits(mutation(sample), steady)
    )
    whole = [name for name in MUTATIONS if "truth" in name or "rows" in name or "eyes" in name]
    assert all(caught[name] >= len(STYLES) - 1 for name in whole), caught


@pytest.mark.slow
def test_the_right_image_of_another_scene_is_found(pairs):
    samples = list(pairs.values())  # `mixed` and `indoor`, side by side, are of one room
    for (sample, steady), (before, _) in zip(samples, samples[2:] + samples[:2], strict=True):
        assert misfits(stale(sample, before), steady)
