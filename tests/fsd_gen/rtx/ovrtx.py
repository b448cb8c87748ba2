"""A Python that has a fake ovrtx of a version (tests/fakes/ovrtx), and stages that it can render."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fsd_gen.rtx.child.contract import Job, Product
from fsd_gen.rtx.childprocess import Launch
from fsd_gen.rtx.interpreter import child_environ

FAKES = Path(__file__).resolve().parents[2] / "fakes"
VERSIONS = ("0.3.0.312915", "0.4.1.364340", "0.5.1.385782", "0.6.0.1791947691", "0.7.0.1")
USED = VERSIONS[2:]  # without a switch
PYTHON = """#!/bin/bash
export PYTHONPATH="{path}"
exec {python} "$@"
"""
DRIVER = """
#include <string.h>
#include <stddef.h>
int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int number) { *device = number; return number != 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = device == 0 ? (void *)7 : 0; return 0; }
int cuDevicePrimaryCtxRelease_v2(int device) { return 0; }
int cuCtxSetCurrent(void *context) { return context == (void *)7 ? 0 : 201; }
int cuCtxSynchronize(void) { return 0; }
int cuMemcpyDtoH_v2(void *to, unsigned long long from, size_t bytes) {
    if (!from) return 1;
    memcpy(to, (void *)(size_t)from, bytes);
    return 0;
}
"""
WALL = """
    def Mesh "Wall" (prepend apiSchemas = ["SemanticsLabelsAPI:class"])
    {
        token[] semantics:labels:class = ["fsdthing0"]
    }
"""
PRODUCT = """
    def RenderProduct "{eye}{kind}" (prepend apiSchemas = ["OmniRtxSettingsCommonAdvancedAPI_1"])
    {{
        uniform int2 resolution = ({width}, {height})
        rel camera = </World/Rig/{eye}>
        rel orderedVars = [{variables}]
        token omni:rtx:rendermode = "{mode}"
        token[] omni:rtx:waitForEvents = ["AllLoadingFinished"]
        uint omni:rtx:pt:samplesPerPixel = {spp}
        {definitions}
    }}
"""


def make_ovrtx(folder: Path, version: str = "0.5.1.385782") -> Path:
    """The python of a venv, as it were, with a fake ovrtx of that version."""
    home = folder / f"venv-{version}"
    info = home / f"ovrtx-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ovrtx\nVersion: {version}\n")
    python = home / "python"
    path = ":".join(map(str, (home, FAKES / "ovrtx", FAKES / "isaac")))
    python.write_text(PYTHON.format(path=path, python=sys.executable))
    python.chmod(0o755)
    return python


def make_driver(folder: Path) -> Path:
    """A folder with a libcuda.so.1 to which all memory is one."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here")
    (folder / "cuda.c").write_text(DRIVER)
    command = [compiler, "-shared", "-fPIC", "-o", str(folder / "libcuda.so.1"), str(folder / "cuda.c")]
    subprocess.run(command, check=True)
    return folder


def launch_of(python: Path, *, config: dict[str, object] | None = None, **faults: object) -> Launch:
    """How the ovrtx process is started with these faults, as `tests.fsd_gen.rtx.isaac.launch_of`."""
    environ = child_environ(without=("ISAAC_PATH",)) | {"FAKE_PICTURES": "plain"}
    names = {"once": "FAKE_ONCE", "journal": "FAKE_JOURNAL", "driver": "LD_LIBRARY_PATH"}
    environ |= {names[name]: str(faults.pop(name)) for name in names if name in faults}
    environ["FAKE_FAULTS"] = json.dumps(faults)
    settings = {"cold_factor": 1.0, "warm_steps": 2, **(config or {})}
    return Launch(engine="ovrtx", python=(str(python),), config=settings, environ=environ)


def write_stage(path: Path, width: int = 8, height: int = 6, spp: int = 4) -> Path:
    """A stage with two cameras and four products, of which the pictures are drawn from its name."""
    products = [
        _product(eye, kind, mode, names, (width, height), spp)
        for eye in ("Left", "Right")
        for kind, mode, names in (
            ("Colour", "PathTracing", ("HdrColor",)),
            (
                "Truth",
                "RealTimePathTracing",
                ("DistanceToImagePlaneSD", "SemanticSegmentation", "SemanticIdMap", "NormalSD"),
            ),
        )
    ]
    cameras = 'def Xform "Rig" {\ndef Camera "Left" {\n}\ndef Camera "Right" {\n}\n}\n' + WALL
    path.write_text(
        f'#usda 1.0\ndef Xform "World" {{\n{cameras}}}\ndef Scope "Render" {{{"".join(products)}}}\n'
    )
    return path


def _product(eye: str, kind: str, mode: str, names: tuple[str, ...], size: tuple[int, int], spp: int) -> str:
    path = f"/Render/{eye}{kind}"
    return PRODUCT.format(
        eye=eye,
        kind=kind,
        mode=mode,
        width=size[0],
        height=size[1],
        spp=spp,
        variables=", ".join(f"<{path}/{name}>" for name in names),
        definitions="\n".join(
            f'def RenderVar "{n}" {{\nuniform string sourceName = "{n}"\n}}' for n in names
        ),
    )


def make_job(folder: Path, number: int = 0, **changes: object) -> Job:
    """Both eyes of a stage of its own."""
    products = tuple(
        Product(
            eye=eye.lower(),
            camera=f"/World/Rig/{eye}",
            path=f"/Render/{eye}Colour",
            truth_path=f"/Render/{eye}Truth",
        )
        for eye in ("Left", "Right")
    )
    told = {
        "stage": str(write_stage(folder / f"stage-{number}.usda", spp=changes.get("spp", 4))),
        "width": 8,
        "height": 6,
        "products": products,
        "spp": 4,
        "max_bounces": 3,
        "denoise": False,
        "channels": ("colour", "depth", "ids", "normals"),
        "load_limit_s": 20.0,
        "step_limit_s": 20.0,
        **changes,
    }
    return Job(**told)


def environ_without_isaac() -> dict[str, str]:
    """For programs of the fake that are run by hand."""
    return {name: value for name, value in os.environ.items() if name != "ISAAC_PATH"}
