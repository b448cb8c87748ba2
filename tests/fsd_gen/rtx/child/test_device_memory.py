"""Arrays on a GPU are copied through the driver, whose memory the fake one takes for ours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fsd_gen.rtx.ovrtx import FAKES, make_driver

PROGRAM = """
import json, sys
import numpy as np
sys.path += [{project!r}, {fakes!r}]
from fsd_gen.rtx.child.engines.device_memory import DeviceMemoryError, copy_from_gpu
from rtx_fake.memory import gpu_capsule
class Source:
    def __init__(self, values, **told): self.values, self.told = values, told
    def __dlpack__(self): return gpu_capsule(self.values, **self.told)
def copied(values, **told):
    try:
        found = copy_from_gpu(Source(values, **told))
    except DeviceMemoryError as error:
        return str(error)
    return [str(found.dtype), list(found.shape), bool((found == values).all())]
values = np.arange(24)
print(json.dumps({{
    "depth": copied(values.reshape(2, 12, 1).astype(np.float32)),
    "ids": copied(values.reshape(4, 6).astype(np.uint32), strides=(6, 1)),
    "colour": copied(values.reshape(2, 3, 4).astype(np.float16)),
    "empty": copied(np.zeros((0, 4), np.float32)),
    "gaps": copied(values.reshape(4, 6).astype(np.uint32), strides=(8, 1)),
    "cpu": copied(values, device_type=1),
}}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, object]:
    folder = make_driver(tmp_path_factory.mktemp("driver"))
    (folder / "ovrtx-0.5.1.dist-info").mkdir()
    (folder / "ovrtx-0.5.1.dist-info" / "METADATA").write_text("Name: ovrtx\nVersion: 0.5.1\n")
    project = str(Path(__file__).resolve().parents[4])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(project=project, fakes=str(FAKES / "ovrtx"))],
        env={"LD_LIBRARY_PATH": str(folder), "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_an_array_comes_back_as_it_was(found):
    assert found["depth"] == ["float32", [2, 12, 1], True]
    assert found["ids"] == ["uint32", [4, 6], True]
    assert found["colour"] == ["float16", [2, 3, 4], True]
    assert found["empty"][:2] == ["float32", [0, 4]]


def test_what_is_laid_out_otherwise_or_lies_elsewhere_is_refused(found):
    assert found["gaps"] == "an array of shape [4, 6] has gaps between its rows"
    assert found["cpu"] == "expected numbers on a GPU, got type 0 of 64 bits, device 1"
