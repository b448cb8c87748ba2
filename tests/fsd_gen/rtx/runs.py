"""Runs of the real `fsd-gen` with a stand-in for the renderer, and what their shards hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.record import SampleRecord
from tests.conftest import SPARSE
from tests.fsd_gen.rtx.isaac import make_isaac
from tests.fsd_gen.rtx.ovrtx import make_ovrtx

SAMPLES = 8
SEED = 11  # none of its scenes is a lone plain wall, which a stand-in without shading draws in one colour
RENDER = ["render", "--config", str(SPARSE), "--size", "128x72", "--samples-per-shard", str(SAMPLES)]
RENDER += ["--seed", str(SEED)]
TRUTHS = ("disparity_left", "disparity_right", "flags_left", "flags_right")
IMAGES = ("left", "right")

Pixels = dict[str, dict[str, bytes]]  # sample -> channel -> what is in it


def stand_in(folder: Path, engine: str, version: str, **more: object) -> dict[str, str]:
    """The environment in which a backend finds the stand-in; `more`: faults, `journal`, `once`."""
    made = make_isaac(folder, version) if engine == "replicator" else make_ovrtx(folder, version)
    names = {"journal": "FAKE_JOURNAL", "once": "FAKE_ONCE"}
    told = {names[name]: str(more.pop(name)) for name in names if name in more}
    variable = "FSD_ISAAC_PYTHON" if engine == "replicator" else "FSD_OVRTX_PYTHON"
    mine = {variable: str(made), "FAKE_PICTURES": "cast", "FAKE_FAULTS": json.dumps(more), **told}
    without = ("ISAAC_PATH", "CUDA_VISIBLE_DEVICES")
    return {**{name: value for name, value in os.environ.items() if name not in without}, **mine}


def command(backend: str, out: Path, *more: str) -> list[str]:
    """`fsd-gen render` of one shard by one worker, on a machine without a GPU."""
    worker = more or ("--workers", "1", "--gpus-per-worker", "0")
    words = [*RENDER, "--backend", backend, "--shards", "1", "--out", str(out), *worker]
    return [sys.executable, "-m", "fsd_gen", *words]


def rendered(backend: str, out: Path, environ: dict[str, str], *more: str) -> Path:
    """The one shard of a run, complete and accepted by `fsd-gen verify`."""
    done = subprocess.run(command(backend, out, *more), env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    check = [sys.executable, "-m", "fsd_gen", "verify", str(out)]
    verified = subprocess.run(check, env=environ, capture_output=True, text=True)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    (shard,) = (out / "shards").glob("*.h5")
    return shard


def pixels_of(shard: Path, channels: tuple[str, ...]) -> Pixels:
    """What every sample of a shard has in these channels, bit by bit."""
    with ShardReader(shard) as reader:
        return {
            record.sample_id: {
                name: np.ascontiguousarray(reader.array(name, row)).tobytes() for name in channels
            }
            for row, record in enumerate(reader.records())
        }


def records_of(shard: Path) -> tuple[SampleRecord, ...]:
    """The rows of its table."""
    with ShardReader(shard) as reader:
        return reader.records()
