"""What is missing for the backend is said in one line, with its remedy."""

from __future__ import annotations

import pytest

from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.backends.registry import backend_names, create_backend, offered_backends, why_unavailable
from fsd_gen.backends.replicator.backend import replicator_launch
from fsd_gen.backends.replicator.installed import gpu_index
from tests.fsd_gen.rtx.isaac import make_isaac


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("FSD_ISAAC_PYTHON", "OMNI_KIT_ACCEPT_EULA", "CUDA_VISIBLE_DEVICES", "FSD_ISAAC_ASSUME"):
        monkeypatch.delenv(name, raising=False)


def test_without_isaac_sim_the_backend_is_known_but_not_offered():
    assert "replicator" in backend_names() and "replicator" not in offered_backends()
    with pytest.raises(
        BackendUnavailableError,
        match="'replicator' cannot run here: Isaac Sim was not found; set FSD_ISAAC_PYTHON to isaac-sim/",
    ):
        create_backend("replicator")


def test_a_path_that_is_no_program_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("FSD_ISAAC_PYTHON", str(tmp_path / "python.sh"))
    assert f"FSD_ISAAC_PYTHON={tmp_path}/python.sh is no program; set" in why_unavailable("replicator")


def test_python_sh_is_offered_without_being_started(tmp_path, monkeypatch):
    monkeypatch.setenv("FSD_ISAAC_PYTHON", str(make_isaac(tmp_path)))
    assert why_unavailable("replicator") is None
    assert replicator_launch().python == (str(tmp_path / "isaac-sim-6.0.1" / "python.sh"),)


def test_a_venv_needs_the_licence_accepted_by_its_user(monkeypatch):
    monkeypatch.setenv("FSD_ISAAC_PYTHON", "python3")
    assert "read NVIDIA's licence, and where you agree, set OMNI_KIT_ACCEPT_EULA=YES" in why_unavailable(
        "replicator"
    )
    monkeypatch.setenv("OMNI_KIT_ACCEPT_EULA", "YES")
    assert why_unavailable("replicator") is None


@pytest.mark.parametrize(("visible", "gpu"), [(None, 0), ("", 0), ("3", 3), (" 2,5", 2)])
def test_the_gpu_is_the_first_that_is_visible_and_given_to_kit_by_number(tmp_path, monkeypatch, visible, gpu):
    monkeypatch.setenv("FSD_ISAAC_PYTHON", str(make_isaac(tmp_path)))
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    launch = replicator_launch()
    assert launch.config["gpu"] == gpu and "CUDA_VISIBLE_DEVICES" not in launch.environ


def test_a_worker_that_was_given_no_gpu_is_told_of(monkeypatch, caplog):
    assert gpu_index() == 0 and not caplog.records
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert gpu_index() == 0
    assert "was given no GPU and takes GPU 0; give it one: --gpus-per-worker 1" in caplog.text


def test_a_gpu_that_is_named_otherwise_is_refused(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8932f937-d72c-4106")
    with pytest.raises(BackendUnavailableError, match="Kit takes a GPU by its number alone"):
        gpu_index()
