"""What is missing for the backend is said in one line with its remedy; each worker sees one GPU."""

from __future__ import annotations

import pytest

from fsd_gen.backends.ovrtx.backend import ovrtx_launch
from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.backends.registry import backend_names, create_backend, offered_backends, why_unavailable
from tests.fsd_gen.rtx.ovrtx import make_ovrtx


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("FSD_OVRTX_PYTHON", "FSD_OVRTX_ASSUME", "FSD_OVRTX_OVSTAGE", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


def test_without_ovrtx_the_backend_is_known_but_not_offered():
    assert "ovrtx" in backend_names() and "ovrtx" not in offered_backends()
    with pytest.raises(
        BackendUnavailableError, match="'ovrtx' cannot run here: ovrtx was not found; `pip inst"
    ):
        create_backend("ovrtx")


def test_a_path_that_is_no_program_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("FSD_OVRTX_PYTHON", str(tmp_path / "python"))
    assert f"FSD_OVRTX_PYTHON={tmp_path}/python is no program" in why_unavailable("ovrtx")


@pytest.mark.parametrize(
    ("visible", "gpu", "seen"),
    [(None, "0", None), ("3", "3", "3"), (" 2,5", "2", "2"), ("GPU-8932", *["GPU-8932"] * 2)],
)
def test_the_process_sees_the_first_gpu_that_its_worker_sees(tmp_path, monkeypatch, visible, gpu, seen):
    monkeypatch.setenv("FSD_OVRTX_PYTHON", str(make_ovrtx(tmp_path)))
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    launch = ovrtx_launch()
    assert launch.config["gpu"] == gpu and launch.environ.get("CUDA_VISIBLE_DEVICES") == seen
    assert (
        launch.environ["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID" and launch.environ["OVRTX_SKIP_USD_CHECK"] == "1"
    )


@pytest.mark.parametrize("visible", ["", "-1", "NoDevFiles"])
def test_a_worker_without_a_gpu_is_told_how_to_get_one(tmp_path, monkeypatch, visible):
    monkeypatch.setenv("FSD_OVRTX_PYTHON", str(make_ovrtx(tmp_path)))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(
        BackendUnavailableError, match="hides every GPU from this worker; .* --gpus-per-worker 1"
    ):
        ovrtx_launch()


def test_the_users_own_environment_wins_and_switches_are_checked(tmp_path, monkeypatch):
    monkeypatch.setenv("FSD_OVRTX_PYTHON", str(make_ovrtx(tmp_path)))
    monkeypatch.setenv("OVRTX_SKIP_USD_CHECK", "0")
    monkeypatch.setenv("FSD_OVRTX_OVSTAGE", "1")
    assert ovrtx_launch().environ["OVRTX_SKIP_USD_CHECK"] == "0" and ovrtx_launch().config["ovstage"] is True
    monkeypatch.setenv("FSD_OVRTX_OVSTAGE", "yes")
    with pytest.raises(BackendUnavailableError, match="FSD_OVRTX_OVSTAGE=yes: expected 0 or 1"):
        ovrtx_launch()
