"""The fake Isaac Sim takes a right program and no wrong one: it raises, or it shows."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fsd_gen.rtx.isaac import FAKES, VERSIONS, make_isaac

RIGHT = """
from isaacsim import SimulationApp
app = SimulationApp({"headless": True, "renderer": "PathTracing", "width": 8, "height": 6, "sync_loads": 1})
import carb.settings
import omni.usd
import omni.replicator.core as rep
settings = carb.settings.get_settings()
rep.orchestrator.set_capture_on_play(False)
def open_stage(path):
    assert omni.usd.get_context().open_stage(path)
    settings.set("/rtx/rendermode", "PathTracing")
    settings.set("/rtx/pathtracing/totalSpp", 4)
    settings.set("/app/asyncRendering", False)
    while omni.usd.get_context().get_stage_loading_status()[2] > 0:
        app.update()
open_stage(STAGE)
product = rep.create.render_product("/World/Rig/Left", (8, 6), name="left", render_vars=["HdrColor"])
colour = rep.AnnotatorRegistry.get_annotator("HdrColor")
colour.attach(product)
product.hydra_texture.set_updates_enabled(False)
product.hydra_texture.set_updates_enabled(True)
rep.orchestrator.step(rt_subframes=4, delta_time=0.0)
rep.orchestrator.step(rt_subframes=2, delta_time=0.0)
pixels = colour.get_data()
rep.orchestrator.wait_until_complete()
colour.detach()
product.destroy()
"""
WARM = "rep.orchestrator.step(rt_subframes=4, delta_time=0.0)\n"
STEP = "rep.orchestrator.step(rt_subframes=2, delta_time=0.0)"
MAKE = 'rep.create.render_product("/World/Rig/Left", (8, 6), name="left", render_vars=["HdrColor"])'
READ = "pixels = colour.get_data()"

WRONG = {  # name: (what of the right program, what stands there, what comes of it)
    "pxr before SimulationApp": (
        "from isaacsim",
        "import pxr\nfrom isaacsim",
        "RuntimeError.*were loaded before",
    ),
    "omni before SimulationApp": (
        "from isaacsim",
        "import omni.usd\nfrom isaacsim",
        "ModuleNotFoundError.*omni",
    ),
    "carb before SimulationApp": ("from isaacsim", "import carb\nfrom isaacsim", "ModuleNotFoundError.*carb"),
    "arguments left over": ("from isaacsim", "import sys; sys.argv += ['--run']\nfrom isaacsim", "--run"),
    "a second SimulationApp": (
        "import carb.settings",
        "app = SimulationApp({})\nimport carb.settings",
        "one Sim",
    ),
    "a thread of its own": (
        "app = SimulationApp(",
        "import threading, sys\n"
        "raised = []\n"
        "def start():\n"
        "    try: SimulationApp({})\n"
        "    except ValueError as error: raised.append(error)\n"
        "thread = threading.Thread(target=start); thread.start(); thread.join()\n"
        "if raised: raise raised[0]\n"
        "app = SimulationApp(",
        "ValueError: signal only works in main thread",
    ),
    "a numpy size": ('"width": 8', '"width": np.int64(8)', "TypeError: expected an int, got int64"),
    "arguments for Kit in one string": ('"sync_loads": 1', '"extra_args": "--x"', "TypeError.*list"),
    "numpy to settings": ('totalSpp", 4', 'totalSpp", np.int32(4)', "TypeError.*incompatible.*int32"),
    "a key with dots": ("/app/asyncRendering", "/omni.kit.plugin/syncUsdLoads", "ValueError: nothing reads"),
    "no samples": ('totalSpp", 4', 'totalSpp", 0', "OrchestratorError: totalSpp must not be 0"),
    "a Path for a stage": (
        "open_stage(STAGE)",
        "import pathlib; open_stage(pathlib.Path(STAGE))",
        "TypeError",
    ),
    "a relative path": ("open_stage(STAGE)", "open_stage('stage.usda')", "AssertionError"),
    "capture on play": ("rep.orchestrator.set_capture_on_play(False)", "", "set_capture_on_play"),
    "a resolution in one number": ("(8, 6)", "8", "TypeError: Invalid resolution"),
    "a camera that is none": ("/World/Rig/Left", "/Nowhere", "ValueError: No valid sensor paths provided"),
    "an unknown keyword of a product": ("render_vars=", "aovs=", "TypeError.*aovs"),
    "names in a list": ('name="left"', 'name=["left"]', "TypeError: Tf.IsValidIdentifier"),
    "an unknown annotator": ('"HdrColor")\n', '"Hdr")\n', "AnnotatorRegistryError.*'Hdr' is not registered"),
    "two products for an annotator": (
        "colour.attach(product)",
        "colour.attach([product, product])",
        "NotImplementedError",
    ),
    "attached after a step": (
        READ,
        READ + "\nrep.AnnotatorRegistry.get_annotator('normals').attach(product)",
        "RuntimeError: the graph changes",
    ),
    "no subframes": ("rt_subframes=2", "rt_subframes=0", "ValueError.*greater than 0"),
    "numpy subframes": ("rt_subframes=2", "rt_subframes=np.int64(2)", "ValueError"),
    "an unknown keyword of step": ("delta_time=0.0)\npixels", "dt=0.0)\npixels", "TypeError.*dt"),
    "read before attached": (READ, "rep.AnnotatorRegistry.get_annotator('rgb').get_data()", "AnnotatorError"),
    "read after destroy": (
        "product.destroy()",
        "product.destroy(); colour.get_data()",
        "AnnotatorRegistryError",
    ),
    "updated after destroy": (
        "product.destroy()",
        "product.destroy(); product.hydra_texture.set_updates_enabled(False)",
        "AttributeError: 'NoneType'",
    ),
    "detached twice": ("colour.detach()", "colour.detach(); colour.detach()", "AnnotatorError"),
    "a stage under live products": ("colour.detach()", "open_stage(STAGE)", "RuntimeError.*are still there"),
    "an unknown attribute": (
        "rep.orchestrator.wait_until_complete",
        "rep.orchestrator.wait",
        "AttributeError",
    ),
    "no step thrown away": (WARM, "", "^grey$"),
    "a stage that was not waited for": ("while omni", "while False and omni", "^black$"),
    "asynchronous rendering left on": ('settings.set("/app/asyncRendering", False)', "", "^right$"),
    "asynchronous, and the first frame read": (
        'settings.set("/app/asyncRendering", False)|' + WARM,
        "",
        "^black$",
    ),
    "no render variable for the colour": (', render_vars=["HdrColor"]', "", "^empty$"),
    "updates left off": ("product.hydra_texture.set_updates_enabled(True)\n", "", "^empty$"),
}
CLOSES = {  # keyword of close, and the versions that have it
    "wait_for_replicator": VERSIONS,
    "skip_cleanup": VERSIONS[1:],
    "exit_code": VERSIONS[2:],
    "timeout": (),
}

DRIVER = """
import json, os, sys
import numpy as np
programs, stage = json.load(sys.stdin), sys.argv.pop()
def verdict(program):
    scope = {"STAGE": stage, "np": np}
    try:
        exec(program, scope)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    pixels = scope.get("pixels")
    if pixels is None or not pixels.size:
        return "empty"
    if not pixels.any():
        return "black"
    return "grey" if np.ptp(pixels[..., :3]) == 0 else "right"
for name, program in programs.items():
    reader, writer = os.pipe()
    if not os.fork():
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.write(writer, verdict(program).encode())
        os._exit(0)
    os.close(writer)
    print(json.dumps([name, open(reader).read()]))
    os.wait()
"""


def verdicts(folder: Path, programs: dict[str, str], version: str = "6.0.1") -> dict[str, str]:
    """What comes of each program in a process of its own."""
    home = make_isaac(folder, version).parent
    stage = folder / "stage.usda"
    stage.write_text("#usda 1.0\n")
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, str(stage)],
        input=json.dumps(programs),
        env={**os.environ, "ISAAC_PATH": str(home), "PYTHONPATH": str(FAKES)},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(line) for line in done.stdout.splitlines() if line.startswith("["))


def wrong(replaced: str, by: str) -> str:
    program = RIGHT
    for part in replaced.split("|"):
        assert part in program, part
        program = program.replace(part, by, 1)
    return program


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, str]:
    programs = {"right": RIGHT} | {name: wrong(old, new) for name, (old, new, _) in WRONG.items()}
    return verdicts(tmp_path_factory.mktemp("programs"), programs)


def test_the_right_program_renders(found):
    assert found["right"] == "right"


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_program_is_told(found, name):
    assert re.search(WRONG[name][2], found[name]), found[name]


@pytest.mark.parametrize(
    "version", [v if v in ("5.0.0", "6.0.1") else pytest.param(v, marks=pytest.mark.slow) for v in VERSIONS]
)
def test_close_has_the_keywords_of_its_version(tmp_path, version):
    found = verdicts(tmp_path, {name: f"{RIGHT}\napp.close({name}=False)" for name in CLOSES}, version)
    for name, versions in CLOSES.items():
        ended = found[name] == ""  # inside close, as with fast_shutdown
        assert ended == (version in versions), (name, found[name])
        assert ended or found[name].startswith("TypeError")


def test_the_dead_key_of_sync_loads_is_dead_before_6_0_1(tmp_path):
    program = RIGHT + "\nraise KeyError(settings.get('/omni/kit/plugin/syncUsdLoads'))"
    for version in ("6.0.0", "6.0.1"):
        works = verdicts(tmp_path, {"": program}, version)[""]
        assert works == ("KeyError: 1" if version >= "6.0.1" else "KeyError: None")
