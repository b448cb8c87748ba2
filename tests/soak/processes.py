"""The processes of a run, told by a mark in their environment, and who is who among them."""

from __future__ import annotations

import os
from pathlib import Path

import psutil

MARK = "FSD_SOAK_RUN"
TITLES = {"worker": "ray::Actor", "mailbox": "ray::Mailbox", "courier": "ray::Shelf"}
SERVICES = ("raylet", "gcs_server")
OF_FAKETIME = ("faketime_shm_", "sem.faketime_sem_")  # which the library leaves where its process is killed


def processes_of(mark: str) -> list[psutil.Process]:
    """Living processes that were started with this mark; zombies are dead."""
    wanted = f"{MARK}={mark}".encode()
    return [each for pid in psutil.pids() if (each := _marked(pid, wanted))]


def _marked(pid: int, wanted: bytes) -> psutil.Process | None:
    try:
        if wanted not in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return None
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (OSError, psutil.Error):  # it ended since it was listed
        return None


def role_of(process: psutil.Process, driver: int) -> str:
    """What the process is in its run: "driver", "worker", "raylet" ... or "other"."""
    if process.pid == driver:
        return "driver"
    try:
        name, command = process.name(), " ".join(process.cmdline())
    except psutil.Error:
        return "gone"
    if name in SERVICES:
        return name
    if "boot.py" in command:
        return "child"
    return next((role for role, title in TITLES.items() if command.startswith(title)), "other")


def by_role(mark: str, driver: int) -> dict[str, list[psutil.Process]]:
    """The living processes of a run by what they are."""
    roles: dict[str, list[psutil.Process]] = {}
    for process in processes_of(mark):
        roles.setdefault(role_of(process, driver), []).append(process)
    return roles


def sent(process: psutil.Process, signal: int) -> bool:
    """Whether the process, and no later one with its number, was there to be sent the signal."""
    try:
        process.send_signal(signal)
    except (psutil.Error, ProcessLookupError):
        return False
    return True


def unowned_segments(before: set[str]) -> list[str]:
    """Files in /dev/shm that were not there before and that no process holds."""
    return sorted(name for name in shared_memory() - before if not _is_held(f"/dev/shm/{name}"))


def shared_memory() -> set[str]:
    """What lies in /dev/shm, but for what only clocks that are apart leave there."""
    return {name for name in os.listdir("/dev/shm") if not name.startswith(OF_FAKETIME)}


def _is_held(path: str) -> bool:
    return any(_holds(pid, path) for pid in psutil.pids())


def _holds(pid: int, path: str) -> bool:
    try:
        if path in Path(f"/proc/{pid}/maps").read_text(errors="replace"):
            return True
        return any(os.readlink(each.path) == path for each in os.scandir(f"/proc/{pid}/fd"))
    except OSError:  # it ended, or a descriptor was closed
        return False
