"""Clocks and memory of a device."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable

import torch

from benchmarks.gpu_check.part import Device

GB = 1e9


def wait(device: Device) -> None:
    """Until the device has done what it was told."""
    if device == "cuda":
        torch.cuda.synchronize()


def fresh_memory(device: Device) -> None:
    """Give back what is not used any more, and let the peak count from here."""
    gc.collect()
    if device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def peak_gb(device: Device) -> float | None:
    """Most memory that tensors had at one time; None on a CPU, where torch does not count it."""
    return torch.cuda.max_memory_allocated() / GB if device == "cuda" else None


def median_seconds(run: Callable[[], object], device: Device, *, most: int, until: float) -> float:
    """Of up to `most` calls, one at least, none begun after `until` (time.monotonic())."""
    took: list[float] = []
    while not took or (len(took) < most and time.monotonic() < until):
        wait(device)
        began = time.perf_counter()
        run()
        wait(device)
        took.append(time.perf_counter() - began)
    return statistics.median(took)
