"""A backend that shows the known scenes as they are passes; whatever it does wrong is in the report."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from fsd_gen.backends import registry
from fsd_gen.backends.base import BackendError, SeenByRenderer, StereoImages
from fsd_gen.backends.plugin import BackendPlugin, BackendUnavailableError
from fsd_gen.cli import app
from fsd_gen.rtx.measures import Row
from fsd_gen.rtx.probe import Probe
from fsd_gen.selftest.measure import parts_of, selftest, stored_reference
from fsd_gen.selftest.scenes import RIG, known_scenes
from fsd_gen.truth.maps import compute_truth

ROW = Row(name="radiance of a dome", expected=1.0, measured=1.0, tolerance=0.02, factor=True)


class Remembering:
    """A backend that knows the reference by heart, scene by scene, and has a probe of its own."""

    name, version = "remembering", "1.0"

    def __init__(self, *, light: float = 1.0, depth: float | None = 1.0, row: Row = ROW) -> None:
        self._light, self._depth, self._row = light, depth, row
        self._left = iter(stored_reference().values())

    def measure(self) -> Probe:
        return Probe(named="remembering 1.0", rows=(self._row,))

    def render(self, staged, rig, settings, seed) -> StereoImages:
        image_hwc = np.kron(next(self._left), np.ones((16, 16, 1))).astype(np.float32) * np.float32(
            self._light
        )
        return StereoImages(
            left_hwc=image_hwc,
            right_hwc=image_hwc,
            stage_cpu_s={},
            backend=self.name,
            backend_version=self.version,
            variant="",
            denoiser="",
            seen=None if self._depth is None else self._seen(staged, rig),
        )

    def _seen(self, staged, rig) -> tuple[SeenByRenderer, SeenByRenderer]:
        truth = compute_truth(staged.flat, rig)
        maps = (truth.disparity_left_hw, truth.disparity_right_hw)
        left, right = (
            SeenByRenderer(depth_hw=(rig.depth(hw) * self._depth).astype(np.float32)) for hw in maps
        )
        return left, right

    def close(self) -> None:
        pass


def test_a_backend_that_is_right_passes():
    found = selftest(Remembering())
    assert found.right and not found.problem
    assert [scene.name for scene in found.scenes] == ["room", "yard", "panes"]
    assert all(scene.worst < 0.001 and scene.depth_off_share == 0 for scene in found.scenes)


def test_a_backend_without_depth_is_judged_by_its_light():
    found = selftest(Remembering(depth=None))
    assert found.right and all(scene.depth_off_share is None for scene in found.scenes)


@pytest.mark.parametrize(
    ("wrong", "scenes"),
    [({"light": 1.12}, [False, False, True]), ({"depth": 1.3}, [False, False, False])],
)
def test_wrong_light_and_wrong_depth_are_found(wrong, scenes):
    found = selftest(Remembering(**wrong))
    assert [scene.right for scene in found.scenes] == scenes and not found.right


def test_what_the_probe_finds_counts_too():
    assert not selftest(Remembering(row=replace(ROW, measured=3.14))).right


def test_a_backend_that_renders_nothing_is_in_the_report_as_well():
    class Refusing(Remembering):
        def measure(self):
            raise BackendUnavailableError("the process ended: signal 11")

        def render(self, *args, **kwargs):
            raise BackendError("the frame of the left eye is black")

    found = selftest(Refusing())
    assert found.probe is None and "signal 11" in found.problem
    assert {scene.problem for scene in found.scenes} == {"the frame of the left eye is black"}
    assert not found.right


def test_the_command_prints_a_report_to_paste(monkeypatch):
    made = {"remembering": Remembering(), "dim": Remembering(light=0.5)}
    plugins = {name: BackendPlugin(create=lambda threads, b=backend: b) for name, backend in made.items()}
    monkeypatch.setattr(registry, "_plugin", lambda name: plugins[name])
    monkeypatch.setattr(registry, "backend_names", lambda: tuple(plugins))
    right = CliRunner().invoke(app, ["selftest", "--backend", "remembering"])
    assert right.exit_code == 0 and "| radiance of a dome | 1        | 1     | ok |" in right.output
    assert "everything is as it should be" in right.output
    wrong = CliRunner().invoke(app, ["selftest", "--backend", "dim"])
    assert wrong.exit_code == 1 and "50.0% of 10%" in wrong.output and "WRONG" in wrong.output


def test_the_known_scenes_fill_their_pictures_in_whole_parts():
    for scene in known_scenes():
        assert scene.spec.rig == RIG
        assert stored_reference()[scene.name].shape == parts_of(np.zeros((64, 96, 3), np.float32)).shape
        assert stored_reference()[scene.name].min() > 0


@pytest.mark.slow
def test_mitsuba_passes():
    result = CliRunner().invoke(app, ["selftest", "--backend", "mitsuba"])
    assert result.exit_code == 0, result.output
