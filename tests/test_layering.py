"""Who may import whom: the edges of the design, and heavy libraries in one module each."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ALLOWED = {
    "assets_manifest": {"jobs"},
    "jobs": set(),
    "stereo_model": {"jobs"},
    "fsd_gen": {"assets_manifest", "jobs", "stereo_model"},
    "curation": {"fsd_gen", "jobs", "stereo_model"},
}
LIGHT = {  # all that these may import of `jobs`
    "jobs.commandline",
    "jobs.contents",
    "jobs.expected",
    "jobs.extras",
    "jobs.files",
    "jobs.locks",
    "jobs.outputs",
    "jobs.plain_yaml",
    "jobs.signals",
    "jobs.store.base",
    "jobs.store.bases",
    "jobs.store.cache",
    "jobs.store.mirror",
    "jobs.system_errors",
    "jobs.threads",
}
LIGHT_USERS = ("assets_manifest", "stereo_model")
HEAVY = {  # library -> the only modules that import it
    "mitsuba": {"fsd_gen/backends/mitsuba/runtime.py"},
    "drjit": {"fsd_gen/backends/mitsuba/runtime.py"},
    "mitsuba_oidn": {"fsd_gen/backends/mitsuba/runtime.py"},
    "OpenEXR": {"assets_manifest/exr.py"},
    "embreex": {"fsd_gen/truth/embree.py"},
    "pxr": {
        "assets_manifest/importing/usd_file.py",
        "assets_manifest/importing/usd_surface.py",
        "assets_manifest/meshes/usd.py",
        "assets_manifest/meshes/usd_quiet.py",
        "assets_manifest/meshes/usd_surfaces.py",
        "assets_manifest/meshes/usd_triangles.py",
        "fsd_gen/usd/openusd.py",
    },
    "azure": {"jobs/store/az_client.py"},
    "botocore": {"jobs/store/s3_client.py"},
    "carb": {"fsd_gen/rtx/child/engines/replicator.py"},
    "isaacsim": {"fsd_gen/rtx/child/engines/replicator.py"},
    "omni": {"fsd_gen/rtx/child/engines/replicator.py"},
    "mujoco": {"fsd_gen/physics/settle.py"},
    "trimesh": {"assets_manifest/importing/solids.py"},
    "psutil": {"jobs/farm/services.py", "jobs/memory.py"},
    "ray": {
        "jobs/farm/actor.py",
        "jobs/farm/answers.py",
        "jobs/farm/courier.py",
        "jobs/farm/mailbox.py",
        "jobs/farm/metrics.py",
        "jobs/farm/ray_cluster.py",
        "jobs/farm/session.py",
        "jobs/farm/words.py",
        "stereo_model/training/launch.py",
    },
    "timm": {"stereo_model/network/backbone.py", "stereo_model/network/vit.py"},
    "huggingface_hub": {"stereo_model/weights/hub.py"},
    "tensorboard": {"stereo_model/training/events.py"},
    "onnx": {"stereo_model/export/half.py", "stereo_model/export/onnx.py"},
    "onnxruntime": {"stereo_model/export/parity.py"},
}


def modules() -> list[Path]:
    return sorted(path for package in ALLOWED for path in (ROOT / package).rglob("*.py"))


@cache
def imports(path: Path) -> frozenset[str]:
    """Modules that a file imports; `from package import module` names the module."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {_module(node.module or "", alias.name) for alias in node.names}
    return frozenset(names)


def _module(package: str, name: str) -> str:
    inner = ROOT / package.replace(".", "/") / name
    return f"{package}.{name}" if inner.is_dir() or inner.with_suffix(".py").exists() else package


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_stands_below_it(package):
    for path in (ROOT / package).rglob("*.py"):
        ours = {name.split(".")[0] for name in imports(path)} & set(ALLOWED)
        assert ours <= ALLOWED[package] | {package}, f"{path.relative_to(ROOT)} imports {ours}"


@pytest.mark.parametrize("package", LIGHT_USERS)
def test_the_ground_floor_takes_only_the_light_modules_of_jobs(package):
    for path in (ROOT / package).rglob("*.py"):
        found = {name for name in imports(path) if name.split(".")[0] == "jobs"}
        assert found <= LIGHT, f"{path.relative_to(ROOT)} imports {sorted(found - LIGHT)}"


@pytest.mark.parametrize("library", HEAVY)
def test_a_heavy_library_is_imported_in_its_own_modules_only(library):
    users = {
        str(path.relative_to(ROOT))
        for path in modules()
        if library in {name.split(".")[0] for name in imports(path)}
    }
    assert users <= HEAVY[library]
    assert users, f"nothing imports {library} any more; drop it here and in pyproject.toml"


def test_modules_do_not_import_each_other_in_a_circle():
    graph = {}
    for path in modules():
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph[name] = {found for found in imports(path) if found.split(".")[0] in ALLOWED}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join((*trail, name))
        if name in graph and name not in done:
            for child in graph[name]:
                visit(child, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())
