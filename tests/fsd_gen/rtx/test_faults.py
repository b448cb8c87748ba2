"""Everything that a renderer is known to do wrong, through the whole backend: survived, or refused by name.

What is survived gives the very samples of a run without the fault. What is refused is refused before the
first scene, in one line that says what was found and what to do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from fsd_gen.backends.base import StereoImages
from fsd_gen.backends.ovrtx.backend import ovrtx_launch
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.backends.replicator.backend import replicator_launch
from fsd_gen.checks.renderer import agreement
from fsd_gen.rtx.backend import RtxBackend
from fsd_gen.rtx.layer import RtxStage
from fsd_gen.rtx.process import Limits
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.truth.maps import compute_truth
from fsd_gen.usd.reader import read_stage
from fsd_gen.usd.staged import StagedScene
from tests.fsd_gen.backends.replicator.test_backend import RIG, STAGE
from tests.fsd_gen.rtx.runs import stand_in

VERSION = {"replicator": "6.0.1", "ovrtx": "0.5.1.385782"}
LAUNCH = {"replicator": replicator_launch, "ovrtx": ovrtx_launch}
SETTINGS = RenderSettings(spp=4, denoise=False)
FIRST = 11  # the number of the first scene in a process: the probe has ten
READ = {"replicator": 2, "ovrtx": 10}  # the step of a scene that is read first
FEW_BYTES = 300 << 20

pytestmark = pytest.mark.slow


@dataclass(frozen=True, kw_only=True)
class Shots:
    """Two scenes, and the process that each was rendered by."""

    images: tuple[StereoImages, ...]
    processes: tuple[int | None, ...]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory) -> tuple[StagedScene, ...]:
    folder = tmp_path_factory.mktemp("stages")
    paths = [folder / "grey.usda", folder / "red.usda"]
    for path, colour in zip(paths, ("(0.5, 0.25, 0.125)", "(0.75, 0.125, 0.125)"), strict=True):
        path.write_text(STAGE.replace("(0.5, 0.25, 0.125)", colour))
    return tuple(StagedScene(path=path, flat=read_stage(path, RIG)) for path in paths)


def shoot(engine: str, scenes: tuple[StagedScene, ...], limits: Limits) -> Shots:
    launch = LAUNCH[engine]()
    soon = {"grace_s": 1.0} if engine == "ovrtx" else {}  # to be told of a hang
    backend = RtxBackend(replace(launch, config={**launch.config, **soon}), limits=limits)
    images, processes = [], []
    try:
        for scene in scenes:
            images.append(backend.render(scene, RIG, SETTINGS, seed=1))
            processes.append(backend._process.pid)
    finally:
        backend.close()
    return Shots(images=tuple(images), processes=tuple(processes))


@pytest.fixture
def faulty(tmp_path, monkeypatch, scenes) -> Callable[..., Shots]:
    """`faulty(engine, resident_bytes=..., **faults)`: both scenes by a renderer with these faults."""
    job = RtxStage.job
    monkeypatch.setattr(
        RtxStage, "job", lambda self, told: replace(job(self, told), step_limit_s=4.0, load_limit_s=20.0)
    )

    def shots(engine: str, *, resident_bytes: int = 8 << 30, **faults: object) -> Shots:
        for name in ("ISAAC_PATH", "CUDA_VISIBLE_DEVICES"):
            monkeypatch.delenv(name, raising=False)
        for name, value in stand_in(tmp_path, engine, VERSION[engine], **faults).items():
            monkeypatch.setenv(name, value)
        return shoot(engine, scenes, Limits(start_s=90, close_s=2, starts=2, resident_bytes=resident_bytes))

    return shots


@pytest.fixture(scope="module")
def calm(tmp_path_factory, scenes) -> Callable[[str], Shots]:
    """`calm(engine)`: the same scenes by a renderer without faults."""

    @cache
    def shots(engine: str) -> Shots:
        with pytest.MonkeyPatch.context() as patch:
            for name in ("ISAAC_PATH", "CUDA_VISIBLE_DEVICES"):
                patch.delenv(name, raising=False)
            for name, value in stand_in(tmp_path_factory.mktemp(engine), engine, VERSION[engine]).items():
                patch.setenv(name, value)
            return shoot(engine, scenes, Limits(start_s=90))

    return shots


def assert_same(found: Shots, expected: Shots, scenes: tuple[StagedScene, ...], *, ids: bool = True) -> None:
    for scene, one, other in zip(scenes, found.images, expected.images, strict=True):
        assert np.array_equal(one.left_hwc, other.left_hwc)
        assert np.array_equal(one.right_hwc, other.right_hwc)
        for eye, again in zip(one.seen, other.seen, strict=True):
            assert np.array_equal(eye.depth_hw, again.depth_hw)
        agrees = agreement(scene.flat, RIG, compute_truth(scene.flat, RIG), one.seen)
        assert (agrees.depth_off_share, agrees.instance_off_share) == (0.0, 0.0 if ids else None)


BOTH = ("replicator", "ovrtx")
Table = dict[str, tuple[dict[str, object], str]]  # name: faults, and what is said of them
PASSES: Table = {  # the same process goes on
    "black first frames": ({"black": "first"}, ""),
    "None at first": ({"none": "first"}, ""),
    "empty buffers at first": ({"empty": "first"}, ""),
    "old frames at first": ({"stale": "first"}, ""),
    "flat buffers": ({"flat": True}, ""),
    "inf where nothing is": ({"miss": "inf"}, ""),
    "0 where nothing is": ({"miss": "zero"}, ""),
    "a hang in close": ({"hang_in_close": True}, "hung in close for 2 s and was killed; nothing is lost"),
    "a crash at exit": ({"crash_in_close": True}, "ended its close with SIGSEGV; nothing is lost"),
    "another exit code": ({"exit_in_close": 7}, "ended its close with exit code 7; nothing is lost"),
}
PASSES_OF: dict[str, Table] = {
    "replicator": {
        "no HdrColor in the registry": ({"no_hdr": True}, ""),
        "annotators that do not detach": ({"no_detach": True}, ""),
    },
    "ovrtx": {
        "samples in many steps": ({"unfinished": 13}, ""),
        "depth as bits": ({"depth_as_bits": True}, ""),
    },
}
RENEWS: Table = {  # another process renders the scene
    "a hang in step": ({"hang_in_step": FIRST}, "hangs in: .*step .its Python still runs.; killed"),
    "a hang with Python's lock": ({"hang_in_step_with_the_lock": FIRST}, "hangs in: .*step .*; killed"),
    "a crash in step": (
        {"crash_in_step": FIRST},
        "ended with SIGSEGV in: .*step; its last words: .*crash in",
    ),
    "an end without a word": ({"exit_in_step": FIRST}, "ended with exit code 0 without having said why in:"),
    "an error in step": ({"raise_in_step": FIRST}, "renderer: (OrchestratorError|RuntimeError): .*"),
}
WRONG = "renders known scenes wrongly: "
EMPTY = r"empty: after 8 steps: .*\(started 2 times\); "
REFUSED: Table = {
    "black for good": ({"black": 999}, r"black: after 8 steps: .*every pixel is 0 \(started 2 times\); "),
    "None for good": ({"none": 999}, EMPTY),
    "empty for good": ({"empty": 999}, EMPTY),
    "half a buffer": ({"half": True}, "flat: after 8 steps: .*: shape .* for 96 x 64 pixels.*; "),
    "old frames for good": (
        {"stale": 999},
        r"stale: after 8 steps: the very pixels of the scene before \(started 2 times\); ",
    ),
    "a wrong exposure": ({"exposure": 1.05}, WRONG + "radiance of a dome: expected 1, measured 1.05; "),
    "a dim exposure": ({"exposure": 8.8e-4}, WRONG + "radiance of a dome: expected 1, measured 0.0008[78]"),
    "a sun pi times": (
        {"distant": 3.14159265},
        WRONG + "a grey card in the sun: expected 0.5, measured 1.57.*set FSD_RTX_LUX=distant=3.14",
    ),
    "a rotated dome": ({"dome_turn": 90}, WRONG + "turn of a panorama: expected 0 degrees, measured 90"),
}


def told(faults: dict[str, object], engine: str) -> dict[str, object]:
    """With the number of steps that "first" means: two more than are thrown away."""
    return {name: READ[engine] + 1 if value == "first" else value for name, value in faults.items()}


def cases(of_both: Table, more: dict[str, Table] | None = None) -> list[object]:
    tables = {engine: {**of_both, **(more or {}).get(engine, {})} for engine in BOTH}
    return [
        pytest.param(engine, told(faults, engine), says, id=f"{engine}: {name}")
        for engine, table in tables.items()
        for name, (faults, says) in table.items()
    ]


@pytest.mark.parametrize(("engine", "faults", "says"), cases(PASSES, PASSES_OF))
def test_what_passes_leaves_no_trace_in_a_sample(faulty, calm, scenes, caplog, engine, faults, says):
    found = faulty(engine, **faults)
    assert_same(found, calm(engine), scenes)
    assert len(set(found.processes)) == 1
    assert [record.getMessage() for record in caplog.records] == ([f"{engine} {says}"] if says else [])


@pytest.mark.parametrize(("engine", "faults", "says"), cases(RENEWS))
def test_a_scene_that_a_process_does_not_survive_is_rendered_by_another(
    faulty, calm, scenes, caplog, tmp_path, engine, faults, says
):
    found = faulty(engine, once=tmp_path / "once", **faults)
    assert_same(found, calm(engine), scenes)
    (record,) = caplog.records
    assert re.search(says, record.getMessage()) and "\n" not in record.getMessage()


@pytest.mark.parametrize("engine", BOTH)
def test_memory_that_is_never_given_back_goes_with_its_process(faulty, calm, scenes, engine):
    found = faulty(engine, grows_mb=40, resident_bytes=FEW_BYTES)
    assert found.processes == (None, None)  # each was closed after its scene
    assert_same(found, calm(engine), scenes)


@pytest.mark.parametrize(("engine", "faults", "says"), cases(REFUSED))
def test_what_would_spoil_every_sample_is_refused_before_the_first(faulty, engine, faults, says):
    with pytest.raises(BackendUnavailableError) as refusal:
        faulty(engine, **faults)
    line = str(refusal.value)
    assert line.startswith(engine) and re.search(says, line), line
    assert "\n" not in line and f"fsd-gen selftest --backend {engine}" in line


@pytest.mark.parametrize("engine", BOTH)
def test_a_sun_pi_times_is_taken_back_by_the_switch_that_the_refusal_names(
    faulty, calm, scenes, monkeypatch, engine
):
    with pytest.raises(BackendUnavailableError) as refusal:
        faulty(engine, distant=3.14159265)
    switch = re.search(r"set (FSD_RTX_LUX)=(\S+)$", str(refusal.value))
    monkeypatch.setenv(switch[1], switch[2])
    found = faulty(engine, distant=3.14159265)
    for one, other in zip(found.images, calm(engine).images, strict=True):
        np.testing.assert_allclose(one.left_hwc, other.left_hwc, rtol=3e-3)


@pytest.mark.parametrize(
    ("fault", "measured"), [("no_ids", "nan"), ("cut_id_map", "nan"), ("mixed_ids", r"\d")]
)
def test_ids_that_are_wrong_are_told_and_spoil_nothing(faulty, calm, scenes, caplog, fault, measured):
    assert_same(faulty("ovrtx", **{fault: True}), calm("ovrtx"), scenes, ids=False)
    (record,) = caplog.records
    assert re.search(
        f"^ovrtx 0.5.1.385782 tells things apart wrongly: .*expected 0, measured {measured}",
        record.getMessage(),
    )


def test_no_switch_of_the_stand_ins_is_left_untested():
    fakes = Path(__file__).parents[2] / "fakes"
    sources = "".join(path.read_text() for path in fakes.rglob("*.py") if not path.name.startswith("test_"))
    found = set(re.findall(r"""(?:fault|in_scene|faults\.get|faults\.pop)\(\s*"(\w+)\"""", sources))
    tables = [PASSES, RENEWS, REFUSED, *PASSES_OF.values()]
    here = {name for table in tables for faults, _ in table.values() for name in faults}
    beside = {"grows_mb", "no_ids", "cut_id_map", "mixed_ids"}
    of_processes = {  # by test_process, test_ovrtx and the backends' own tests
        "hang_at_start",
        "exit_at_start",
        "dead_at_start",
        "never_loads",
        "never_opens",
        "wont_open",
        "hang_in_update",
        "slow_step",
        "no_cpu_map",
        "no_lens",
    }
    assert found == here | beside | of_processes
