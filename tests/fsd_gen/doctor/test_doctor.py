"""What the doctor says of machines that are not this one: samples of what their drivers print."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.doctor import examine as examining
from fsd_gen.doctor.examine import State, examine
from fsd_gen.doctor.gpus import Gpu, GpuQueryError, gpus_in
from tests.fsd_gen.rtx.isaac import make_isaac

L40S = "0, NVIDIA L40S, 580.95.05, 46068, 8.9\n"
MIXED = (
    L40S
    + "1, NVIDIA H100 80GB HBM3, 570.86.10, 81559, 9.0\n2, NVIDIA A100-SXM4-80GB, 580.95.05, 81920, 8.0\n"
)
SPARK = "0, NVIDIA GB10, 580.82.09, [N/A], 12.1\n"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("FSD_ISAAC_PYTHON", "FSD_OVRTX_PYTHON", "OMNI_KIT_ACCEPT_EULA"):
        monkeypatch.delenv(name, raising=False)


def findings(tmp_path: Path, environ: dict[str, str] | None = None, told: str = L40S):
    return {each.subject: each for each in examine(environ or {}, ask=lambda: told, root=tmp_path)}


def test_gpus_are_told_by_name_with_what_each_means_for_rtx():
    l40s, h100, a100 = gpus_in(MIXED)
    assert l40s == Gpu(index=0, name="NVIDIA L40S", driver="580.95.05", memory_mib=46068, compute="8.9")
    assert l40s.rt_cores and not l40s.remarks
    assert (
        h100.rt_cores is False
        and "no RT cores" in h100.remarks[0]
        and "older than 570.169" in h100.remarks[1]
    )
    assert "pip install ovrtx==0.4.1" in a100.remarks[1]


@pytest.mark.parametrize(
    ("name", "cores"),
    [
        ("NVIDIA GeForce RTX 4090", True),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", True),
        ("NVIDIA A40", True),
        ("NVIDIA A10G", True),
        ("Tesla T4", True),
        ("NVIDIA GeForce GTX 1080 Ti", False),
        ("NVIDIA H200", False),
        ("Tesla V100-SXM2-32GB", False),
        ("NVIDIA GB10", None),
    ],
)
def test_rt_cores_are_known_by_the_gpus_name(name, cores):
    assert Gpu(index=0, name=name, driver="580.95.05", memory_mib=24000, compute="8.9").rt_cores is cores


def test_memory_that_is_shared_is_not_told(tmp_path):
    (gpu,) = gpus_in(SPARK)
    assert gpu.memory_mib == 0
    with pytest.raises(GpuQueryError, match="nvidia-smi said 'No devices were found', expected index, name"):
        gpus_in("No devices were found\n")


def test_a_machine_of_an_rtx_gpu_is_good_and_what_is_missing_has_a_remedy(tmp_path):
    found = findings(tmp_path)
    assert found["GPU 0"].state is State.GOOD and "RT cores" in found["GPU 0"].found
    assert found["backend mitsuba"].state is State.GOOD
    assert found["backend replicator"].state is State.MISSING
    assert "FSD_ISAAC_PYTHON" in found["backend replicator"].remedy
    assert "`pip install ovrtx`" in found["backend ovrtx"].remedy
    assert (
        found["Vulkan driver"].state is State.MISSING and "VK_DRIVER_FILES" in found["Vulkan driver"].remedy
    )
    assert "read NVIDIA's licence" in found["OMNI_KIT_ACCEPT_EULA"].remedy
    assert all(each.remedy for each in found.values() if each.state is State.MISSING)


def test_isaac_sim_is_told_with_its_version(tmp_path, monkeypatch):
    monkeypatch.setenv("FSD_ISAAC_PYTHON", str(make_isaac(tmp_path, "5.1.0")))
    found = findings(tmp_path)["backend replicator"]
    assert found.state is State.GOOD and "Isaac Sim 5.1.0" in found.found and "python.sh" in found.found


def test_the_vulkan_driver_is_found_where_its_loader_looks(tmp_path):
    folder = tmp_path / "etc/vulkan/icd.d"
    folder.mkdir(parents=True)
    (folder / "nvidia_icd.json").write_text("{}")
    assert findings(tmp_path)["Vulkan driver"].state is State.GOOD
    wrong = findings(tmp_path, {"VK_DRIVER_FILES": "/nowhere/nvidia_icd.json"})["Vulkan driver"]
    assert wrong.state is State.MISSING and "/nowhere/nvidia_icd.json" in wrong.found


def test_a_container_without_graphics_is_told(tmp_path):
    found = findings(tmp_path, {"NVIDIA_DRIVER_CAPABILITIES": "compute,utility", "ACCEPT_EULA": "Y"})
    assert found["NVIDIA_DRIVER_CAPABILITIES"].remedy.endswith("NVIDIA_DRIVER_CAPABILITIES=all")
    assert found["ACCEPT_EULA"].state is State.GOOD


def test_a_machine_without_a_driver_renders_with_mitsuba(tmp_path):
    def fail() -> str:
        raise GpuQueryError("nvidia-smi is not installed")

    found = {each.subject: each for each in examine({}, ask=fail, root=tmp_path)}
    assert found["GPU"].remedy == "only Mitsuba on the CPU runs here"


def test_a_missing_exporter_of_metrics_is_told_with_what_installs_it(monkeypatch, tmp_path):
    there = set(examining.EXPORTER) - {"prometheus_client"}
    monkeypatch.setattr(examining, "find_spec", lambda name: object() if name in there else None)
    found = findings(tmp_path)["Metrics for Prometheus"]
    assert found.state is State.NOTE and "(prometheus_client not installed)" in found.found
    assert found.remedy == "pip install '.[metrics]' in the checkout of fsd-gen, on each node"
    there.add("prometheus_client")
    assert findings(tmp_path)["Metrics for Prometheus"].state is State.GOOD
