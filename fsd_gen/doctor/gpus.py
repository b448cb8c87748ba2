"""The NVIDIA GPUs of this machine, as nvidia-smi tells them, and what they mean for RTX."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from fsd_gen.rtx.child.versions import NO_RAY_QUERY, NO_RT_CORES

QUERY = ("index", "name", "driver_version", "memory.total", "compute_cap")
ASK_S = 20.0
MIN_MEMORY_MIB = 8000  # of Isaac Sim's smallest supported GPU class
MIN_DRIVER = (570, 169)  # of Isaac Sim's images from 6.0 on, and of ovrtx


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One GPU."""

    index: int
    name: str
    driver: str  # "580.95.05"
    memory_mib: int
    compute: str  # capability, "8.9"

    @property
    def rt_cores(self) -> bool | None:
        """Whether it traces rays in hardware; None: not known, for names that say neither."""
        words = set(re.split(r"[\s_-]+", self.name))
        if words & set(NO_RT_CORES) or words & {"P40", "P4", "K80", "M60"} or "GTX" in words:
            return False
        known = re.search(r"RTX|\b(A40|A10|A10G|A16|A2|L4|L40|L40S|L20|T4)\b", self.name)
        return True if known else None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know about rendering on it."""
        found = []
        if self.rt_cores is False:
            found.append(
                "no RT cores: Mitsuba is at home here; NVIDIA guarantees nothing for RTX, which is slow"
            )
        elif self.rt_cores is None:
            found.append("not known here whether it has RT cores")
        if set(re.split(r"[\s_-]+", self.name)) & set(NO_RAY_QUERY):
            found.append("ovrtx from 0.5.0 on does not start: `pip install ovrtx==0.4.1.364340`")
        if self.memory_mib < MIN_MEMORY_MIB:
            found.append(f"{self.memory_mib} MiB of memory are little for RTX")
        if driver_numbers(self.driver) < MIN_DRIVER:
            wanted = ".".join(map(str, MIN_DRIVER))
            found.append(f"driver {self.driver} is older than {wanted}, which Isaac Sim 6 and ovrtx need")
        return tuple(found)


def driver_numbers(text: str) -> tuple[int, ...]:
    """Of "570.133.20" the first two numbers, to compare; (0,) for what says none."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:2]) or (0,)


class GpuQueryError(RuntimeError):
    """nvidia-smi is not there, or does not tell."""


def ask_nvidia_smi() -> str:
    """What nvidia-smi prints, one line for each GPU. Raises GpuQueryError."""
    command = ["nvidia-smi", f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S)
    except FileNotFoundError as error:
        raise GpuQueryError(
            "nvidia-smi is not installed: no NVIDIA driver here, or not in this container"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise GpuQueryError(f"nvidia-smi does not answer: {error}") from error
    if done.returncode:
        said = " ".join((done.stdout + done.stderr).split())
        raise GpuQueryError(f"nvidia-smi failed with exit code {done.returncode}: {said}")
    return done.stdout


def gpus_in(told: str) -> Sequence[Gpu]:
    """The GPUs of nvidia-smi's lines. Raises GpuQueryError where one cannot be read."""
    found = []
    for line in told.strip().splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != len(QUERY) or not fields[0].isdecimal():
            raise GpuQueryError(f"nvidia-smi said {line.strip()!r}, expected {', '.join(QUERY)}")
        index, name, driver, memory, compute = fields
        mib = int(memory) if memory.isdecimal() else 0  # "[N/A]" where memory is shared with the CPU
        found.append(Gpu(index=int(index), name=name, driver=driver, memory_mib=mib, compute=compute))
    return found
