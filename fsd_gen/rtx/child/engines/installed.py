"""What is installed here, before any of it runs: the version of Isaac Sim, the name of the GPU."""

from __future__ import annotations

import os
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fsd_gen.rtx.child.versions import NO_RT_CORES

DISTRIBUTIONS = ("isaacsim", "isaacsim-kernel")
ASK_S = 20.0


def find_version() -> str:
    """Of Isaac Sim: of its wheels, else of the file VERSION in python.sh's folder; "" if unknown."""
    for name in DISTRIBUTIONS:
        try:
            return _core(version(name))
        except PackageNotFoundError:
            continue
    file = Path(os.environ.get("ISAAC_PATH", "/")) / "VERSION"
    return _core(file.read_text(errors="replace")) if file.is_file() else ""


def _core(text: str) -> str:
    """The first three numbers: of wheels "6.0.1.0", of the file "6.0.1-rc.7+release.29113"."""
    numbers = re.match(r"\s*(\d+\.\d+\.\d+)", text)
    return numbers.group(1) if numbers else ""


def gpu_name(index: int | str) -> str:
    """As the driver says it; "" where there is none to ask."""
    command = ["nvidia-smi", f"--id={index}", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def gpu_notes(name: str) -> tuple[str, ...]:
    """What a person should know about a GPU."""
    if not set(re.split(r"[\s-]+", name)) & set(NO_RT_CORES):
        return ()
    return (f"{name} has no RT cores: NVIDIA gives no guarantee for it; expect slow or noisy pictures",)
