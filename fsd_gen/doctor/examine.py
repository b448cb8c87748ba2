"""One finding after the other: what is there, what is missing, and the command that brings it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from fsd_gen.backends.registry import backend_names, why_unavailable
from fsd_gen.doctor.gpus import GpuQueryError, ask_nvidia_smi, gpus_in
from jobs.extras import install

ICD_VARIABLES = ("VK_DRIVER_FILES", "VK_ICD_FILENAMES")  # of Vulkan's loader; the second is the old name
ICD_FOLDERS = ("/etc/vulkan/icd.d", "/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d")
LICENCES = ("OMNI_KIT_ACCEPT_EULA", "ACCEPT_EULA", "PRIVACY_CONSENT")
EXPORTER = ("aiohttp", "opencensus", "opentelemetry", "prometheus_client")  # that Ray looks for
SWITCHES = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NVIDIA_DRIVER_CAPABILITIES")


class State(Enum):
    """How a finding reads."""

    GOOD = "ok"
    MISSING = "missing"  # something that some backend needs
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    state: State
    found: str
    remedy: str = ""  # a command, or what to set


def examine(
    environ: Mapping[str, str] = os.environ,
    *,
    ask: Callable[[], str] = ask_nvidia_smi,
    root: Path = Path("/"),
) -> tuple[Finding, ...]:
    """All findings. `ask` stands for nvidia-smi, `root` for the file system: tests give samples."""
    return (
        *_backends(),
        *_mitsuba(),
        *_gpus(ask),
        *_vulkan(environ, root),
        *_exporter(),
        *_environment(environ),
    )


def _backends() -> Iterator[Finding]:
    for name in backend_names():
        why = why_unavailable(name)
        said, _, remedy = (why or "").removeprefix(f"backend {name!r} cannot run here: ").partition("; ")
        subject = f"backend {name}"
        if why is None:
            check = f"fsd-gen selftest --backend {name}"
            yield Finding(subject=subject, state=State.GOOD, found=_which(name), remedy=f"`{check}` tries it")
        else:
            yield Finding(subject=subject, state=State.MISSING, found=said, remedy=remedy)


def _which(name: str) -> str:
    """What a backend would start; nothing is started."""
    if name == "replicator":
        from fsd_gen.backends.replicator.installed import find_python

        python = find_python()
        file = python.parent / "VERSION" if python else None
        there = file is not None and file.is_file()
        told = file.read_text(errors="replace").split("-")[0].strip() if file and there else ""
        return f"Isaac Sim {told or 'of a version that it says when it starts'}, by {python}"
    if name == "ovrtx":
        from fsd_gen.backends.ovrtx.installed import find_python as find_ovrtx

        python = find_ovrtx()
        ours = python == Path(sys.executable)
        return f"ovrtx {_version('ovrtx') if ours else 'in a Python of its own'}, by {python}"
    return "is here"


# -- Mitsuba


def _mitsuba() -> Iterator[Finding]:
    from fsd_gen.backends.mitsuba.llvm import LlvmError, prepare_llvm
    from fsd_gen.backends.mitsuba.variant import CPU, GPU, has_gpu

    if find_spec("mitsuba") is None:
        return
    found = f"mitsuba {_version('mitsuba')}, drjit {_version('drjit')}"
    try:
        yield Finding(subject=f"Mitsuba {CPU}", state=State.GOOD, found=f"{found}, LLVM {prepare_llvm()}")
    except LlvmError as error:
        said, _, remedy = str(error).rpartition("; ")
        yield Finding(subject=f"Mitsuba {CPU}", state=State.MISSING, found=said, remedy=remedy)
    if has_gpu():
        yield Finding(subject=f"Mitsuba {GPU}", state=State.GOOD, found=f"{found}, OptiX of the driver")
        return
    yield Finding(
        subject=f"Mitsuba {GPU}",
        state=State.NOTE,
        found="no NVIDIA GPU with a driver that has OptiX (libnvoptix.so.1)",
        remedy="in a container: NVIDIA_DRIVER_CAPABILITIES=all",
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "of no version"


# -- GPUs


def _gpus(ask: Callable[[], str]) -> Iterator[Finding]:
    try:
        found = gpus_in(ask())
    except GpuQueryError as error:
        yield Finding(
            subject="GPU", state=State.NOTE, found=str(error), remedy="only Mitsuba on the CPU runs here"
        )
        return
    if not found:
        yield Finding(subject="GPU", state=State.NOTE, found="nvidia-smi lists none")
    for gpu in found:
        state = State.GOOD if gpu.rt_cores and not gpu.remarks else State.NOTE
        cores = "RT cores, " if gpu.rt_cores else ""
        told = f"{gpu.name}, {cores}{gpu.memory_mib} MiB, driver {gpu.driver}, compute {gpu.compute}"
        yield Finding(subject=f"GPU {gpu.index}", state=state, found=told, remedy="; ".join(gpu.remarks))


# -- Vulkan


def _vulkan(environ: Mapping[str, str], root: Path) -> Iterator[Finding]:
    """The file by which Vulkan finds NVIDIA's driver; without it RTX does not start."""
    named = next((environ[name] for name in ICD_VARIABLES if environ.get(name)), "")
    paths = [_under(root, path) for path in named.split(":") if path]
    paths = paths or [
        path for folder in ICD_FOLDERS for path in sorted(_under(root, folder).glob("nvidia*.json"))
    ]
    there = [path for path in paths if path.is_file()]
    if there:
        yield Finding(subject="Vulkan driver", state=State.GOOD, found=str(there[0]))
        return
    yield Finding(
        subject="Vulkan driver",
        state=State.MISSING,
        found=f"no such file as {named} says" if named else f"no nvidia*.json in {' or '.join(ICD_FOLDERS)}",
        remedy="for RTX: the driver's graphics part (in a container NVIDIA_DRIVER_CAPABILITIES=all), or "
        "VK_DRIVER_FILES=/path/nvidia_icd.json",
    )


def _under(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


# -- metrics


def _exporter() -> Iterator[Finding]:
    """What hands Ray's metrics to Prometheus; without it Ray drops them and says nothing."""
    subject = "Metrics for Prometheus"
    lacking = [name for name in EXPORTER if find_spec(name) is None]
    if lacking:
        found = f"Ray has no exporter here ({', '.join(lacking)} not installed)"
        yield Finding(
            subject=subject,
            state=State.NOTE,
            found=found,
            remedy=f"{install('metrics')}, on each node",
        )
    else:
        yield Finding(subject=subject, state=State.GOOD, found="Ray's exporter is here")


# -- variables


def _environment(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name in LICENCES:
        said = environ.get(name, "")
        state = State.GOOD if said.upper() in ("Y", "YES") else State.NOTE
        yield Finding(subject=name, state=state, found=said or "not set", remedy=_licence(name, state))
    for name in (*SWITCHES, *sorted(key for key in environ if key.startswith("FSD_"))):
        if name in environ:
            wrong = name == "NVIDIA_DRIVER_CAPABILITIES" and not {"all", "graphics"} & set(
                environ[name].split(",")
            )
            yield Finding(
                subject=name,
                state=State.MISSING if wrong else State.NOTE,
                found=environ[name] or "empty",
                remedy="RTX needs `graphics`: NVIDIA_DRIVER_CAPABILITIES=all" if wrong else "",
            )


def _licence(name: str, state: State) -> str:
    if state is State.GOOD or name == "PRIVACY_CONSENT":
        return ""
    where = "isaacsim from pip" if name.startswith("OMNI") else "NVIDIA's container images"
    return f"for {where}: read NVIDIA's licence, and where you agree, set it to YES"
