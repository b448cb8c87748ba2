"""The fake ovrtx takes right programs and no wrong one: it raises, or it shows."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.fakes.test_fake_isaac import DRIVER
from tests.fsd_gen.rtx.ovrtx import environ_without_isaac, make_ovrtx, write_stage

RIGHT = """
import ovrtx
config = ovrtx.RendererConfig(log_level="warn", keep_system_alive=True)
renderer = ovrtx.Renderer(config)
renderer.open_usd_async(STAGE).wait(timeout_ns=10**9)
products = {"/Render/LeftColour", "/Render/LeftTruth"}
def step():
    return renderer.step_async(render_products=products, delta_time=1 / 60).wait(timeout_ns=10**9).fetch()
step()
step()
step()
outputs = step()
frame = outputs["/Render/LeftColour"].frames[-1]
variable = frame.render_vars["/Render/LeftColour/HdrColor"]
mapped = variable.map(device=ovrtx.Device.CPU)
pixels = np.array(np.from_dlpack(mapped))
mapped.unmap()
renderer.destroy()
"""
ATTACHED = """
import ovrtx, ovstage
renderer = ovrtx.Renderer()
stage = ovstage.Stage("name")
renderer.attach_ovstage(stage)
ovstage.population.open_usd(stage, STAGE, ordinal=1)
stage.advance_write_floor(1, ovstage.Scope.ALL).wait()
outputs = renderer.step(render_products={"/Render/LeftColour"}, delta_time=0.0, ordinal=1)
with outputs["/Render/LeftColour"].frames[-1].render_vars["/Render/LeftColour/HdrColor"].map() as mapped:
    pixels = np.array(np.from_dlpack(mapped))
renderer.detach_ovstage()
stage.destroy()
renderer.destroy()
"""
MAP = "mapped = variable.map(device=ovrtx.Device.CPU)"
STEPPED = "delta_time=1 / 60)"
OPENED = "renderer.open_usd_async(STAGE).wait(timeout_ns=10**9)"

WRONG = {  # name: (what of the right program, what stands there, what comes of it)
    "pxr in the process": ("import ovrtx", "import pxr; import ovrtx", "RuntimeError: pxr was imported"),
    "an unknown name": ("ovrtx.Renderer(", "ovrtx.RtxRenderer(", "AttributeError.*RtxRenderer"),
    "an unknown field": ("log_level=", "verbosity=", "TypeError.*unexpected keyword argument 'verbosity'"),
    "a field of an older version": ('log_level="warn"', "use_vulkan=True", "TypeError.*use_vulkan"),
    "a field of another type": ('log_level="warn"', "log_level=2", "TypeError: log_level must be str"),
    "an unknown mode": (
        'log_level="warn"',
        'texture_streaming_mode="sync"',
        "ValueError: texture_streaming_mode",
    ),
    "a dict for a config": ("ovrtx.Renderer(config)", "ovrtx.Renderer({})", "TypeError: config must be"),
    "a Path for a stage": ("async(STAGE)", "async(__import__('pathlib').Path(STAGE))", "TypeError"),
    "a stage that is not there": ("async(STAGE)", "async(STAGE + 'x')", "RuntimeError: Operation 'open_usd"),
    "a stage that was not waited for": (OPENED, "op = renderer.open_usd_async(STAGE)", "no stage is open"),
    "seconds for a timeout": (
        "wait(timeout_ns=10**9).fetch",
        "wait(timeout_ns=1.0).fetch",
        "TypeError: timeout_ns",
    ),
    "an unknown timeout": ("wait(timeout_ns=10**9).fetch", "wait(timeout=1).fetch", "TypeError.*'timeout'"),
    "no fetch": (".wait(timeout_ns=10**9).fetch()", ".wait()", "TypeError: 'PendingFetch'"),
    "a list of products": (
        'products = {"/Render/LeftColour", "/Render/LeftTruth"}',
        'products = ["/Render/LeftColour"]',
        "TypeError: render_products must be a set",
    ),
    "one product in a string": (
        "render_products=products",
        "render_products='/Render/LeftColour'",
        "TypeError: render_products must be a set",
    ),
    "no product": ("render_products=products", "render_products=set()", "ValueError.*must not be empty"),
    "the camera for a product": (
        "/Render/LeftTruth",
        "/World/Rig/Left",
        "(?s)RuntimeError.*no RenderProduct at",
    ),
    "time that runs back": (STEPPED, "delta_time=-1.0)", "ValueError: delta_time"),
    "no time": (", " + STEPPED, ")", "TypeError.*delta_time"),
    "an ordinal without ovstage": (STEPPED, "delta_time=0.0, ordinal=1)", "RuntimeError: ordinal is for"),
    "a product that was not stepped": (
        'outputs["/Render/LeftColour"]',
        'outputs["/Render/RightColour"]',
        "KeyError.*No product '/Render/RightColour'. Available products",
    ),
    "a variable by its old name": ("/Render/LeftColour/HdrColor", "HdrColor", "KeyError: 'HdrColor'"),
    "depth of path tracing": ("LeftColour/HdrColor", "LeftColour/DistanceToImagePlaneSD", "KeyError"),
    "mapped twice": (MAP, f"{MAP}; {MAP}", "RuntimeError: Render var 'HdrColor' already mapped"),
    "a device by name": ("device=ovrtx.Device.CPU", "device='cpu'", "TypeError: device must be a Device"),
    "read after unmap": (
        "pixels = np.array(np.from_dlpack(mapped))\nmapped.unmap()",
        "mapped.unmap()\npixels = np.array(np.from_dlpack(mapped))",
        "RuntimeError: Mapping for 'HdrColor' already released",
    ),
    "numpy from the GPU": ("Device.CPU", "Device.CUDA", "BufferError|RuntimeError"),
    "a stream for a map of the CPU": ("mapped.unmap()", "mapped.unmap(stream=1)", "ValueError: CUDA sync"),
    "destroyed while mapped": (
        "mapped.unmap()",
        "import warnings; warnings.simplefilter('error')",
        "RuntimeWarning: Renderer destroyed with 1 active",
    ),
    "used after destroy": (
        "renderer.destroy()",
        "renderer.destroy(); step()",
        "RuntimeError: Renderer is not",
    ),
    "a time that is none": (
        "step()\nstep()",
        "renderer.reset(time=float('nan'))",
        "ValueError: time must be",
    ),
    "a file name used twice": (
        "step()\nstep()\nstep()",
        "text = open(STAGE).read(); open(STAGE, 'w').write(text.replace('(8, 6)', '(4, 3)'))\n"
        "renderer.open_usd(STAGE); step(); step()\n"
        "shape = step()['/Render/LeftColour'].frames[-1].render_vars['/Render/LeftColour/HdrColor'].map()"
        "._values.shape\nassert shape[:2] == (3, 4), shape",
        r"AssertionError: \(6, 8, 4\)",
    ),
}
WRONG_ATTACHED = {
    "no renderer first": (
        'renderer = ovrtx.Renderer()\nstage = ovstage.Stage("name")',
        'stage = ovstage.Stage("name")\nrenderer = ovrtx.Renderer()',
        "RuntimeError: create the renderer before",
    ),
    "attached twice": (
        "renderer.attach_ovstage(stage)",
        "renderer.attach_ovstage(stage); renderer.attach_ovstage(stage)",
        "RuntimeError: Renderer already has an ovstage",
    ),
    "no stage attached": ("renderer.attach_ovstage(stage)", "renderer.attach_ovstage('stage')", "TypeError"),
    "no ordinal": (", ordinal=1)\nwith", ")\nwith", "RuntimeError: ordinal is for an attached"),
    "not published": (
        "stage.advance_write_floor(1, ovstage.Scope.ALL).wait()",
        "",
        "ordinal 1 is not published",
    ),
    "an ordinal of a float": (
        "ordinal=1)\nstage",
        "ordinal=1.0)\nstage",
        "TypeError: ordinal must be an int",
    ),
    "written below the floor": (
        "renderer.detach_ovstage()",
        "ovstage.population.apply_usd_changes(stage, ordinal=1)",
        "OvstageError: WRITE_FLOOR_VIOLATION",
    ),
    "opened over the scene before": (
        "renderer.detach_ovstage()",
        "ovstage.population.open_usd(stage, STAGE, ordinal=2)",
        "OvstageError: INVALID_ARGUMENT",
    ),
    "a stage of the renderer's own": (
        "ovstage.population.open_usd(stage, STAGE, ordinal=1)",
        "renderer.open_usd(STAGE)",
        "RuntimeError.*a stage is attached",
    ),
    "destroyed while attached": ("renderer.detach_ovstage()\n", "", "RuntimeError: detach the stage"),
}


PRELOAD = """
import sys
from pxr import Usd
import rtx_fake
for name in [name for name in sys.modules if name.split(".")[0] == "pxr"]:
    rtx_fake.PRELOADED[name] = sys.modules.pop(name)
"""


def verdicts(folder: Path, programs: dict[str, str], version: str = "0.5.1.385782") -> dict[str, str]:
    """What comes of each program, each in a process of its own."""
    told = {
        name: program.replace("STAGE", repr(str(write_stage(folder / f"stage-{number}.usda"))))
        for number, (name, program) in enumerate(programs.items())
    }
    done = subprocess.run(
        [make_ovrtx(folder, version), "-c", PRELOAD + DRIVER, ""],
        input=json.dumps(told),
        env=environ_without_isaac(),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


def changed(program: str, old: str, new: str) -> str:
    assert old in program, old
    return program.replace(old, new, 1)


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, str]:
    programs = {"right": RIGHT, "right, attached": ATTACHED}
    programs |= {name: changed(RIGHT, old, new) for name, (old, new, _) in WRONG.items()}
    programs |= {name: changed(ATTACHED, old, new) for name, (old, new, _) in WRONG_ATTACHED.items()}
    return verdicts(tmp_path_factory.mktemp("programs"), programs)


@pytest.mark.parametrize("name", ["right", "right, attached"])
def test_a_right_program_renders(found, name):
    assert found[name] == "right"


@pytest.mark.parametrize("name", [*WRONG, *WRONG_ATTACHED])
def test_a_wrong_program_is_told(found, name):
    assert re.search({**WRONG, **WRONG_ATTACHED}[name][2], found[name]), found[name]


@pytest.mark.slow
def test_versions_before_0_5_name_variables_by_their_source_and_0_3_has_no_destroy(tmp_path):
    old = RIGHT.replace("/Render/LeftColour/HdrColor", "HdrColor")
    kept = old.replace("renderer.destroy()", "del renderer")
    for version, ends in (("0.3.0.1", "AttributeError.*destroy"), ("0.4.1.1", "^right$")):
        (tmp_path / version).mkdir()
        found = verdicts(tmp_path / version, {"old": old, "new": RIGHT, "del": kept}, version)
        assert re.search(ends, found["old"]) and found["del"] == "right"
        assert found["new"].startswith("KeyError: '/Render/LeftColour/HdrColor'")


@pytest.mark.slow
def test_names_and_fields_are_those_of_the_version(tmp_path):
    names = (
        "import dataclasses, ovrtx\nraise KeyError(' '.join([*ovrtx.__all__, *vars(ovrtx.RendererConfig())]))"
    )
    found = {}
    for version in ("0.3.0.1", "0.4.0.1", "0.4.1.1", "0.5.1.1"):
        (tmp_path / version).mkdir()
        found[version] = set(verdicts(tmp_path / version, {"": names}, version)[""].strip("'").split())
    assert {"MotionBvh", "motion_bvh", "usd_plugin_paths"} <= found["0.4.0.1"] - found["0.3.0.1"]
    assert {"texture_streaming_mode", "datastore_cache"} <= found["0.4.1.1"] - found["0.4.0.1"]
    assert {"aftermath_mode"} <= found["0.5.1.1"] - found["0.4.1.1"]
    assert {"use_vulkan", "dome_baking_resolution"} <= found["0.4.1.1"] - found["0.5.1.1"]
