"""What Isaac Sim is asked for, version by version, in order."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fsd_gen.backends.base import BackendError
from fsd_gen.rtx.child.contract import Fault
from fsd_gen.rtx.child.engines.installed import find_version, gpu_notes
from fsd_gen.rtx.child.engines.kit_settings import UnknownKeyError, known, launch_config, scene_settings
from fsd_gen.rtx.child.engines.replicator import EngineError, ReplicatorConfig
from fsd_gen.rtx.child.engines.shared import config_of
from fsd_gen.rtx.child.versions import REPLICATOR
from fsd_gen.rtx.process import RenderProcess
from tests.fsd_gen.rtx.isaac import VERSIONS, launch_of, make_isaac, make_job

FAST = ("6.0.1",)


@pytest.mark.parametrize(
    "version", [v if v in FAST else pytest.param(v, marks=pytest.mark.slow) for v in VERSIONS]
)
def test_every_step_of_every_version_has_the_settings_of_its_scene(tmp_path, version):
    journal = tmp_path / "journal"
    process = RenderProcess(launch_of(make_isaac(tmp_path, version), journal=journal))
    assert process.hello().version == version
    jobs = [make_job(tmp_path, 0), make_job(tmp_path, 1, spp=9, max_bounces=2, denoise=True)]
    for job in jobs:
        process.render(job)
    process.close()
    launch, *steps = map(json.loads, journal.read_text().splitlines())
    assert "extra_args" in launch["launch"] and "disable_viewport_updates" in launch["launch"]
    assert [(step["step"], step["delta_time"]) for step in steps] == [(4, 0.0), (2, 0.0)] * 2
    for job, step in zip([jobs[0]] * 2 + [jobs[1]] * 2, steps, strict=True):
        wanted = scene_settings(job, 2)
        assert {path: step["settings"][path] for path in wanted} == dict(wanted)
        assert step["settings"]["/omni/kit/plugin/syncUsdLoads"] is True  # also where SimulationApp misses it


def test_pixels_are_boxes_and_nothing_trades_light_for_time(tmp_path):
    """The names are those of Kit's own settings window; values as ovrtx is told them (`products`)."""
    told = scene_settings(make_job(tmp_path), 2)
    assert (told["/rtx/pathtracing/aa/op"], told["/rtx/pathtracing/aa/filterRadius"]) == (0, 0.5)
    off = ("fireflyFilter/enabled", "adaptiveSampling/enabled", "cached/enabled", "lightcache/cached/enabled")
    assert not any(told[f"/rtx/pathtracing/{name}"] for name in off)
    assert told["/rtx/pathtracing/ris/meshLights"] is True


@pytest.mark.parametrize("row", REPLICATOR.values(), ids=REPLICATOR)
def test_every_key_that_is_given_is_known_to_every_version(row):
    config = launch_config(version=row, gpu=1, width=64, height=32)
    assert config["active_gpu"] == config["physics_gpu"] == 1 and config["multi_gpu"] is False
    assert set(config) <= row.config_keys


def test_a_key_that_a_version_does_not_know_is_refused():
    with pytest.raises(UnknownKeyError, match="Isaac Sim 5.1 knows no launch key minimal_shading_mode"):
        known({"headless": True, "minimal_shading_mode": 0}, REPLICATOR["5.1"])


@pytest.mark.parametrize("told", [{"gpus": 1}, {"gpu": "0"}, {"gpu": True}, {"assume": None}])
def test_a_setting_of_the_process_that_is_none_is_refused(told):
    with pytest.raises(EngineError, match="has no setting") as caught:
        config_of(ReplicatorConfig, "replicator", told)
    assert caught.value.fault == Fault(code="unavailable", message=str(caught.value), fatal=True)


@pytest.mark.parametrize("text", ["6.0.1-rc.7+release.29113.ab.gl\n", "6.0.1.0", " 6.0.1"])
def test_the_version_is_read_from_isaac_sims_folder(tmp_path, monkeypatch, text):
    (tmp_path / "VERSION").write_text(text)
    monkeypatch.setenv("ISAAC_PATH", str(tmp_path))
    assert find_version() == "6.0.1"


def test_a_folder_that_tells_no_version_tells_none(tmp_path, monkeypatch):
    monkeypatch.setenv("ISAAC_PATH", str(tmp_path))
    assert find_version() == ""


def test_gpus_without_rt_cores_are_told_of():
    assert gpu_notes("NVIDIA H100 80GB HBM3")[0].startswith("NVIDIA H100 80GB HBM3 has no RT cores")
    assert gpu_notes("NVIDIA A100-SXM4-40GB") and not gpu_notes("NVIDIA L40S") and not gpu_notes("")
    assert not gpu_notes("NVIDIA A10") and not gpu_notes("NVIDIA RTX A1000")


def test_an_unknown_version_can_be_taken_for_a_known_one(tmp_path):
    launch = launch_of(make_isaac(tmp_path, "6.1.0"))
    process = RenderProcess(replace(launch, config={"assume": "6.0.1"}))
    assert process.hello().version == "6.1.0"
    process.close()


def test_a_camera_that_is_not_there_is_the_scenes_fault(tmp_path):
    process = RenderProcess(launch_of(make_isaac(tmp_path)))
    job = make_job(tmp_path)
    lost = [replace(product, camera="/Nowhere") for product in job.products]
    with pytest.raises(BackendError, match="load: Replicator took no camera at </Nowhere>"):
        process.render(replace(job, products=(job.products[0], lost[1])))
    assert len(process.render(job)) == 2  # and the products of the other eye are gone
    process.close()
