"""What ovrtx is asked for, version by version; whatever it does wrong is survived, or refused by name."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest

from fsd_gen.backends.base import BackendError
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.child.contract import EngineError
from fsd_gen.rtx.child.engines.ovrtx import OvrtxConfig, renderer_config
from fsd_gen.rtx.child.engines.shared import config_of
from fsd_gen.rtx.process import Limits, RenderProcess
from tests.fsd_gen.rtx.isaac import wait_until_gone
from tests.fsd_gen.rtx.ovrtx import USED, VERSIONS, launch_of, make_driver, make_job, make_ovrtx

SLOW = pytest.mark.slow
QUICK = Limits(start_s=60, close_s=60, starts=2, tries=2, lost_scenes=3)
FAST = USED[0]
SIDES = {f"/Render/{eye}{kind}" for eye in ("Left", "Right") for kind in ("Colour", "Truth")}


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory):
    return make_ovrtx(tmp_path_factory.mktemp("ovrtx"))


@pytest.fixture
def keeper(python):
    """`keeper(limits, config=..., **faults)`: a keeper that is closed after the test."""
    kept = []

    def make(limits: Limits = QUICK, **told: object) -> RenderProcess:
        kept.append(RenderProcess(launch_of(told.pop("python", python), **told), limits=limits))
        return kept[-1]

    yield make
    for each in kept:
        group = each.pid
        each.close()
        assert group is None or wait_until_gone(group)


@pytest.mark.parametrize("ovstage", [False, pytest.param(True, marks=SLOW)])
@pytest.mark.parametrize("version", [v if v == FAST else pytest.param(v, marks=SLOW) for v in USED])
def test_scene_after_scene_is_rendered_by_one_process(keeper, tmp_path, version, ovstage):
    journal = tmp_path / "journal"
    process = keeper(python=make_ovrtx(tmp_path, version), journal=journal, config={"ovstage": ovstage})
    assert process.hello().version == version
    group, views = process.pid, []
    for number in range(2):
        views.append(process.render(make_job(tmp_path, number)))
    assert process.pid == group
    left = views[0][0]
    assert left.colour_hwc.shape == (6, 8, 3) and left.colour_hwc.dtype == np.float32
    assert np.isinf(left.depth_hw[0]).all() and np.isfinite(left.depth_hw[1:]).all()
    assert left.normals_hwc[0, 0].tolist() == [0, 0, 1]
    (wall,) = left.labels
    assert (left.ids_hw[1:] == wall).all() and left.labels[wall] == "class:fsdthing0"
    assert not np.array_equal(left.colour_hwc, views[1][0].colour_hwc)
    start, *steps = map(json.loads, journal.read_text().splitlines())
    assert all(set(step["step"]) == SIDES for step in steps)  # no product is ever left out
    assert len(steps) == 2 * (1 + 2 + 1)  # the first one, warm-ups, the one that is read
    assert start["config"]["texture_streaming_mode"] == "synchronous"


@SLOW
@pytest.mark.parametrize("version", VERSIONS[:2])
def test_versions_that_are_refused_render_once_they_are_switched_on(keeper, tmp_path, version):
    python = make_ovrtx(tmp_path, version)
    with pytest.raises(BackendUnavailableError, match="FSD_OVRTX_ASSUME=") as refused:
        keeper(python=python).hello()
    assume = re.search("FSD_OVRTX_ASSUME=([0-9.]+)", str(refused.value)).group(1)
    process = keeper(python=python, config={"assume": assume})
    assert len(process.render(make_job(tmp_path))) == 2


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        pytest.param({"crash_in_step": 1}, "ended with SIGSEGV in: first step", marks=SLOW),
        pytest.param({"exit_in_step": 1}, "ended with exit code 0 without having said why", marks=SLOW),
        pytest.param({"hang_in_step_with_the_lock": 1}, "hangs in: first step", marks=SLOW),
        ({"slow_step": 1}, "timeout: ovrtx took longer than 0 s for a first step"),
        pytest.param(
            {"never_opens": True}, "timeout: ovrtx took longer than 0 s to open the stage", marks=SLOW
        ),
        pytest.param(
            {"raise_in_step": 1}, "renderer: RuntimeError: Operation 'step' failed: device lost", marks=SLOW
        ),
        pytest.param(
            {"black": 99},
            r"black: after 8 steps: /Render/LeftColour/HdrColor: every pixel is 0",
            marks=SLOW,
        ),
        pytest.param({"none": 99}, "empty: after 8 steps: /Render/LeftColour gave no frame", marks=SLOW),
        pytest.param({"empty": 99}, r"empty: after 8 steps: .*an array of shape \(0, 8, 4\)", marks=SLOW),
        pytest.param({"half": True}, r"flat: after 8 steps: .*: shape \(3, 8, 4\) for 8 x 6", marks=SLOW),
        pytest.param(
            {"unfinished": 99},
            r"unfinished: after \d steps: /Render/LeftColour: \d+ of 4 samples",
            marks=SLOW,
        ),
    ],
)
def test_a_fault_is_named_and_the_scene_is_rendered_by_a_new_process(keeper, tmp_path, caplog, fault, named):
    process = keeper(once=tmp_path / "once", **fault)
    limits = (
        {"step_limit_s": 0.3, "load_limit_s": 0.3} if "slow" in str(fault) or "never" in str(fault) else {}
    )
    with caplog.at_level("WARNING"):
        views = process.render(make_job(tmp_path, **limits))
    assert len(views) == 2
    (record,) = caplog.records
    assert re.search(named, record.getMessage()), record.getMessage()


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"black": 6, "miss": "inf"}, marks=SLOW),
        {"none": 6, "flat": True, "depth_as_bits": True},
        pytest.param({"empty": 6, "miss": "zero"}, marks=SLOW),
        pytest.param({"unfinished": 5}, marks=SLOW),
    ],
)
def test_what_passes_is_waited_for_without_a_new_process(keeper, tmp_path, caplog, fault):
    process = keeper(**fault)
    process.hello()
    group = process.pid
    views = process.render(make_job(tmp_path))
    assert process.pid == group and not caplog.records
    assert np.isinf(views[1].depth_hw[0]).all() and (views[1].depth_hw[1:] < 6).all()


@SLOW
def test_samples_that_come_step_by_step_are_no_failures(keeper, tmp_path):
    process = keeper(unfinished=14)  # more steps than a process tries in vain
    assert len(process.render(make_job(tmp_path, spp=16))) == 2


def test_a_variable_that_only_the_gpu_gives_is_read_from_it(keeper, tmp_path):
    process = keeper(no_cpu_map=True, driver=make_driver(tmp_path))
    depth_hw = process.render(make_job(tmp_path))[0].depth_hw
    assert np.isinf(depth_hw[0]).all() and ((depth_hw[1:] >= 1) & (depth_hw[1:] <= 5)).all()


@SLOW
def test_the_pixels_of_the_scene_before_are_never_taken_for_the_next(keeper, tmp_path):
    process = keeper(stale=6)
    first, second = (process.render(make_job(tmp_path, number)) for number in range(2))
    assert not np.array_equal(first[0].colour_hwc, second[0].colour_hwc)


def test_a_stage_that_cannot_be_opened_costs_no_process(keeper, tmp_path):
    process = keeper(wont_open=True)
    process.hello()
    group = process.pid
    with pytest.raises(BackendError, match=r"ovrtx: load: ovrtx could not open .*stage-0.usda: Operation"):
        process.render(make_job(tmp_path))
    assert process.pid == group


@SLOW
def test_a_product_that_is_not_there_is_named(keeper, tmp_path):
    job = make_job(tmp_path)
    lost = replace(job.products[1], truth_path="/Render/Nothing")
    with pytest.raises(BackendError, match="no RenderProduct at /Render/Nothing"):
        keeper().render(replace(job, products=(job.products[0], lost)))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("no_ids", "has no SemanticSegmentation"),
        pytest.param("cut_id_map", r"\d+ bytes cannot hold", marks=SLOW),
    ],
)
def test_pictures_do_without_ids_where_ovrtx_gives_none(tmp_path, python, fault, told):
    launch = replace(launch_of(python, **{fault: True}), logs=tmp_path / "logs")
    process = RenderProcess(launch, limits=QUICK)
    views = process.render(make_job(tmp_path))
    process.close()
    assert [(view.ids_hw, view.labels) for view in views] == [(None, {})] * 2
    assert np.isfinite(views[0].depth_hw[1:]).all()
    assert re.search(f"no ids: .*{told}", next((tmp_path / "logs").glob("*.log")).read_text())


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        pytest.param({"hang_at_start": True}, "did not come up: hangs in: creating the renderer", marks=SLOW),
        pytest.param({"exit_at_start": 1}, "ended with exit code 1 .*ERROR_INCOMPATIBLE_DRIVER", marks=SLOW),
        pytest.param({"dead_at_start": True}, "Failed to create renderer: no suitable device", marks=SLOW),
    ],
)
def test_a_renderer_that_does_not_come_up_is_the_machines_fault(keeper, fault, named):
    process = keeper(Limits(start_s=3 if "hang_at_start" in fault else 60, starts=2), **fault)
    with pytest.raises(BackendUnavailableError, match=named + r".*\(started 2 times\)"):
        process.hello()
    assert process.pid is None


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"hang_in_close": True}, "hung in close for 1 s and was killed; nothing is lost"),
        pytest.param({"crash_in_close": True}, "ended its close with SIGSEGV; nothing is lost", marks=SLOW),
        pytest.param({"exit_in_close": 0}, None, marks=SLOW),
    ],
)
def test_an_odd_close_is_told_and_loses_nothing(keeper, tmp_path, caplog, fault, named):
    process = keeper(Limits(start_s=60, close_s=1 if "hang_in_close" in fault else 60), **fault)
    assert len(process.render(make_job(tmp_path))) == 2
    process.close()
    assert [record.getMessage() for record in caplog.records] == ([f"ovrtx {named}"] if named else [])


@SLOW
def test_a_process_that_holds_too_much_memory_is_renewed(keeper, tmp_path):
    process = keeper(Limits(start_s=60, resident_bytes=300 << 20), grows_mb=300)
    process.render(make_job(tmp_path, 0))
    assert process.pid is None
    assert len(process.render(make_job(tmp_path, 1))) == 2


def test_what_is_missing_is_named_with_its_remedy(keeper, tmp_path, python):
    bare = tmp_path / "bare"
    bare.write_text(python.read_text().replace(str(python.parent), "/nowhere"))
    bare.chmod(0o755)
    with pytest.raises(
        BackendUnavailableError, match="this Python has no ovrtx; `pip install ovrtx` into it"
    ):
        keeper(python=bare).hello()
    with pytest.raises(BackendUnavailableError, match="ovrtx 0.9.0 is not known here.*FSD_OVRTX_ASSUME=0.7"):
        keeper(python=make_ovrtx(tmp_path, "0.9.0")).hello()


@SLOW
def test_a_version_without_ovstage_refuses_the_switch(keeper, tmp_path):
    told = {"assume": "0.3", "ovstage": True}
    with pytest.raises(BackendUnavailableError, match="takes no stage of ovstage; unset FSD_OVRTX_OVSTAGE"):
        keeper(python=make_ovrtx(tmp_path, VERSIONS[0]), config=told).hello()


@pytest.mark.parametrize("told", [{"gpus": "1"}, {"gpu": 0}, {"ovstage": "1"}, {"tries": True}])
def test_a_setting_of_the_process_that_is_none_is_refused(told):
    with pytest.raises(EngineError, match="the ovrtx process has no setting"):
        config_of(OvrtxConfig, "ovrtx", told)


def test_fields_that_a_version_does_not_have_are_not_given():
    @dataclass
    class RendererConfig:
        log_level: str | None = None
        sync_mode: bool | None = None

    assert renderer_config(RendererConfig) == RendererConfig(log_level="warn")
