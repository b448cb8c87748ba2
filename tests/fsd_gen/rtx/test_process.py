"""Whatever a renderer does wrong is seen, named, survived or refused; and nothing of it stays behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from fsd_gen.backends.base import BackendError
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.child.contract import EngineError
from fsd_gen.rtx.childprocess import ChildProcess
from fsd_gen.rtx.process import Limits, RenderProcess
from tests.fsd_gen.rtx.isaac import launch_of, make_isaac, make_job, processes_of, wait_until_gone

SLOW = pytest.mark.slow  # seconds of waiting, or much like a case of the fast suite
QUICK = Limits(start_s=60, close_s=15, starts=2, tries=2, lost_scenes=3)


@pytest.fixture(scope="module")
def python_sh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_isaac(tmp_path_factory.mktemp("isaac"))


@pytest.fixture
def keeper(python_sh, request):
    """`keeper(limits, **faults)`: a keeper that is closed after the test."""
    kept = []

    def make(limits: Limits = QUICK, **faults: object) -> RenderProcess:
        kept.append(RenderProcess(launch_of(python_sh, **faults), limits=limits))
        return kept[-1]

    yield make
    for each in kept:
        group = each.pid
        each.close()
        assert group is None or wait_until_gone(group)


def test_scene_after_scene_is_rendered_by_one_process(keeper, tmp_path):
    process = keeper()
    first = process.render(make_job(tmp_path, 0))
    group = process.pid
    second = process.render(make_job(tmp_path, 1))
    assert process.pid == group
    assert [view.eye for view in first] == ["left", "right"]
    left = first[0]
    assert left.colour_hwc.shape == (6, 8, 3) and left.colour_hwc.dtype == np.float32
    assert np.isinf(left.depth_hw[0]).all() and np.isfinite(left.depth_hw[1:]).all()
    assert left.labels == {1: "/World/Wall"} and left.ids_hw.dtype == np.uint32
    assert left.normals_hwc[0, 0].tolist() == [0, 0, 1]
    assert not np.array_equal(left.colour_hwc, second[0].colour_hwc)


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"crash_in_step": 1}, "ended with SIGSEGV in: step"),
        pytest.param(
            {"exit_in_step": 1}, "ended with exit code 0 without having said why in: step", marks=SLOW
        ),
        ({"hang_in_step": 1}, r"hangs in: step \(its Python still runs\); killed"),
        pytest.param({"hang_in_update": 1}, "hangs in: loading assets", marks=SLOW),
        pytest.param(
            {"raise_in_step": 1}, "renderer: OrchestratorError: the graph could not be built", marks=SLOW
        ),
        pytest.param(
            {"black": 99}, r"black: after 8 steps: HdrColor of /World/Rig/Left: every pixel is 0", marks=SLOW
        ),
        pytest.param({"none": 99}, "empty: after 8 steps: HdrColor of /World/Rig/Left: None", marks=SLOW),
        pytest.param(
            {"empty": 99},
            r"empty: after 8 steps: HdrColor of /World/Rig/Left: an array of shape \(0,\)",
            marks=SLOW,
        ),
        pytest.param(
            {"half": True}, r"flat: after 8 steps: .*: shape \(3, 8, 4\) for 8 x 6 pixels", marks=SLOW
        ),
    ],
)
def test_a_fault_is_named_and_the_scene_is_rendered_by_a_new_process(keeper, tmp_path, caplog, fault, named):
    process = keeper(once=tmp_path / "once", **fault)
    hangs = any(name.startswith("hang") for name in fault)
    job = make_job(tmp_path, **({"step_limit_s": 2.0, "load_limit_s": 2.0} if hangs else {}))
    with caplog.at_level("WARNING"):
        views = process.render(job)
    assert len(views) == 2
    (record,) = caplog.records
    assert re.search(named, record.getMessage()), record.getMessage()


@pytest.mark.parametrize(
    "fault",
    [
        {"black": 3, "no_hdr": True},
        pytest.param({"none": 3, "flat": True}, marks=SLOW),
        pytest.param({"empty": 3, "no_detach": True}, marks=SLOW),
    ],
)
def test_what_passes_is_waited_for_without_a_new_process(keeper, tmp_path, caplog, fault):
    process = keeper(**fault)
    process.hello()
    group = process.pid
    views = process.render(make_job(tmp_path))
    assert process.pid == group and not caplog.records
    assert np.isinf(views[1].depth_hw[0]).all() and views[1].colour_hwc.any()


@SLOW
def test_the_pixels_of_the_scene_before_are_never_taken_for_the_next(keeper, tmp_path, caplog):
    process = keeper(stale=3)
    first = process.render(make_job(tmp_path, 0))
    second = process.render(make_job(tmp_path, 1))
    assert not np.array_equal(first[0].colour_hwc, second[0].colour_hwc)
    process = keeper(stale=99, once=tmp_path / "once")
    process.render(make_job(tmp_path, 0))
    process.render(make_job(tmp_path, 1))
    (record,) = caplog.records
    assert "stale: after 8 steps: the very pixels of the scene before" in record.getMessage()


@SLOW
def test_a_fault_that_stays_is_the_scenes_and_scene_after_scene_the_machines(keeper, tmp_path):
    process = keeper(crash_in_step=1)
    for number in range(2):
        with pytest.raises(BackendError, match="ended with SIGSEGV .*last words: .*libomni.hydra.rtx.so"):
            process.render(make_job(tmp_path, number))
    with pytest.raises(
        BackendUnavailableError, match="rendered none of the last 3 scenes here; of the last: .*SIGSEGV"
    ):
        process.render(make_job(tmp_path, 2))


def test_a_stage_that_cannot_be_opened_costs_no_process(keeper, tmp_path):
    process = keeper(wont_open=True)
    process.hello()
    group = process.pid
    for number in range(4):
        with pytest.raises(BackendError, match=r"replicator: load: Kit could not open .*stage-\d.usda"):
            process.render(make_job(tmp_path, number))
    assert process.pid == group


@SLOW
def test_a_stage_that_never_loads_is_given_up_at_its_deadline(keeper, tmp_path):
    process = keeper(never_loads=True)
    with pytest.raises(BackendError, match="load: 3 assets were still loading after 2 s"):
        process.render(make_job(tmp_path, load_limit_s=2.0))


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        pytest.param({"hang_at_start": True}, "did not come up: hangs in: starting Kit", marks=SLOW),
        ({"exit_at_start": 1}, "did not come up: ended with exit code 1 .*ERROR_INCOMPATIBLE_DRIVER"),
        pytest.param(
            {"exit_at_start": 0},
            "did not come up: ended with exit code 0 without having said why",
            marks=SLOW,
        ),
        pytest.param({"dead_at_start": True}, "SimulationApp was made, but is not running", marks=SLOW),
    ],
)
def test_a_renderer_that_does_not_come_up_is_the_machines_fault(keeper, fault, named):
    process = keeper(Limits(start_s=3 if "hang_at_start" in fault else 60, starts=2), **fault)
    with pytest.raises(BackendUnavailableError, match=named + r".*\(started 2 times\)"):
        process.hello()
    assert process.pid is None


@SLOW
def test_a_start_that_fails_once_is_tried_again(keeper, tmp_path):
    process = keeper(exit_at_start=1, once=tmp_path / "once")
    assert process.hello().version == "6.0.1"


def test_an_unknown_version_is_refused_at_once_with_the_switch_to_try(tmp_path):
    process = RenderProcess(launch_of(make_isaac(tmp_path, "7.3.0")), limits=QUICK)
    with pytest.raises(
        BackendUnavailableError, match=r"Isaac Sim 7.3.0 is not known here.*FSD_ISAAC_ASSUME=6.2"
    ):
        process.hello()


def test_a_python_without_isaac_sim_is_refused_at_once(tmp_path):
    script = make_isaac(tmp_path)
    script.write_text(script.read_text().replace("fakes/isaac", "fakes/nothing"))
    process = RenderProcess(launch_of(script), limits=QUICK)
    with pytest.raises(BackendUnavailableError, match="no module 'isaacsim'; FSD_ISAAC_PYTHON must name"):
        process.hello()


def test_an_interpreter_that_is_none_is_named(tmp_path):
    process = RenderProcess(launch_of(tmp_path / "nothing.sh"), limits=QUICK)
    with pytest.raises(BackendUnavailableError, match="nothing.sh cannot be started: No such file"):
        process.hello()


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"hang_in_close": True}, "hung in close for 1 s and was killed; nothing is lost"),
        pytest.param({"crash_in_close": True}, "ended its close with SIGSEGV; nothing is lost", marks=SLOW),
        pytest.param({"exit_in_close": 7}, "ended its close with exit code 7; nothing is lost", marks=SLOW),
        pytest.param({"exit_in_close": 0}, None, marks=SLOW),  # what fast_shutdown does
    ],
)
def test_an_odd_close_is_told_and_loses_nothing(keeper, tmp_path, caplog, fault, named):
    process = keeper(Limits(start_s=60, close_s=1 if "hang_in_close" in fault else 60), **fault)
    assert len(process.render(make_job(tmp_path))) == 2
    process.close()
    assert [record.getMessage() for record in caplog.records] == ([f"replicator {named}"] if named else [])


def test_a_process_is_renewed_after_so_many_scenes(keeper, tmp_path):
    process = keeper(Limits(start_s=60, scenes=2))
    process.render(make_job(tmp_path, 0))
    group = process.pid
    process.render(make_job(tmp_path, 1))
    process.render(make_job(tmp_path, 2))
    assert process.pid not in (None, group)


@SLOW
def test_a_process_that_holds_too_much_memory_is_renewed(keeper, tmp_path):
    process = keeper(Limits(start_s=60, resident_bytes=200 << 20), grows_mb=200)
    process.render(make_job(tmp_path, 0))
    assert process.pid is None  # the next scene starts another
    assert len(process.render(make_job(tmp_path, 1))) == 2


@SLOW
def test_every_process_is_checked_before_its_first_scene(python_sh, tmp_path):
    seen = []

    def check(hello, render):
        seen.append((hello.version, len(render(make_job(tmp_path, 10 + len(seen))))))

    process = RenderProcess(launch_of(python_sh), limits=Limits(start_s=60, scenes=1), check=check)
    process.render(make_job(tmp_path, 0))
    process.render(make_job(tmp_path, 1))
    assert seen == [("6.0.1", 2), ("6.0.1", 2)]

    def refuse(hello, render):
        raise BackendUnavailableError("the dome reads 3.14")

    process = RenderProcess(launch_of(python_sh), limits=QUICK, check=refuse)
    with pytest.raises(BackendUnavailableError, match="3.14"):
        process.render(make_job(tmp_path, 2))
    assert process.pid is None


def child_at_work(python_sh: Path, **faults: object) -> ChildProcess:
    child = ChildProcess(launch_of(python_sh, **faults))
    child.hello(60)
    return child


def test_kill_9_of_the_renderer_is_named_and_survived(keeper, tmp_path, caplog):
    process = keeper()
    process.hello()
    (renderer,) = [pid for pid in processes_of(process.pid) if "boot.py" in command_of(pid)]
    os.kill(renderer, signal.SIGKILL)
    assert len(process.render(make_job(tmp_path))) == 2
    assert "ended with SIGKILL, as when memory runs out in: " in caplog.records[0].getMessage()


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def test_kill_9_of_the_guard_ends_the_renderer(python_sh):
    child = child_at_work(python_sh)
    (guard,) = [
        pid
        for pid in processes_of(child.pid)
        if "guard.py" in command_of(pid) and "bash" not in command_of(pid)
    ]
    os.kill(guard, signal.SIGKILL)
    assert wait_until_gone(child.pid)
    child.kill()


WORKER = """
import sys, time
from pathlib import Path
from tests.fsd_gen.rtx.isaac import launch_of, make_job
from fsd_gen.rtx.process import RenderProcess
process = RenderProcess(launch_of(Path(sys.argv[1]), **{sys.argv[3]: 1}))
process.hello()
print(process.pid, flush=True)
process.render(make_job(Path(sys.argv[2])))
print("rendered", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    "doing",
    [
        pytest.param("idle", marks=SLOW),
        pytest.param("hang_in_step", marks=SLOW),
        "hang_in_step_with_the_lock",
    ],
)
def test_kill_9_of_the_worker_ends_all_of_the_process_and_leaves_no_memory(python_sh, tmp_path, doing):
    before = set(os.listdir("/dev/shm"))
    command = [sys.executable, "-c", WORKER, str(python_sh), str(tmp_path), doing]
    worker = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    group = int(worker.stdout.readline())
    if doing == "idle":
        worker.stdout.readline()
    else:
        time.sleep(0.3)
    assert len(processes_of(group)) == 3  # python.sh, the guard, the renderer
    worker.kill()
    worker.wait()
    assert wait_until_gone(group)
    assert set(os.listdir("/dev/shm")) <= before


@SLOW
def test_a_worker_can_be_used_again_after_it_was_closed(keeper, tmp_path):
    process = keeper()
    process.render(make_job(tmp_path, 0))
    process.close()
    assert len(process.render(make_job(tmp_path, 1))) == 2


def test_a_child_that_is_lost_says_so_whatever_it_is_asked(python_sh, tmp_path):
    child = child_at_work(python_sh, raise_in_step=1)
    with pytest.raises(EngineError) as caught:
        child.render(make_job(tmp_path))
    assert caught.value.fault.fatal
    child.kill()
    child.kill()


def test_a_machine_sets_its_own_limits():
    assert Limits.of({}) == Limits()
    told = Limits.of({"FSD_RTX_START_S": "60", "FSD_RTX_SCENES": "5", "FSD_RTX_MEMORY_GIB": "1.5"})
    assert (told.start_s, told.scenes, told.resident_bytes) == (60.0, 5, 3 << 29)
    for text in ("0", "-1", "many", "inf", "nan"):
        with pytest.raises(BackendUnavailableError, match=f"FSD_RTX_SCENES={text}: expected a number"):
            Limits.of({"FSD_RTX_SCENES": text})


def test_what_was_read_is_kept_when_the_process_ends_right_after(keeper, tmp_path, monkeypatch):
    process = keeper()
    process.hello()
    send = ChildProcess._send

    def end_before_taken(self, kind, body=None):
        if kind == "taken":
            os.killpg(self.pid, signal.SIGKILL)
            assert wait_until_gone(self.pid)
        send(self, kind, body)

    monkeypatch.setattr(ChildProcess, "_send", end_before_taken)
    assert len(process.render(make_job(tmp_path, 0))) == 2
    monkeypatch.undo()
    assert len(process.render(make_job(tmp_path, 1))) == 2
