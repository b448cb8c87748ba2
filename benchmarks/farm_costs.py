"""CPU seconds of a farm: of its parts, and of the machine."""

from __future__ import annotations

import time
from contextlib import suppress

import psutil

from jobs.task import Event, EventKind

PARTS = ("driver", "mailbox", "workers", "Ray")  # of the farm, by their processes
FULL = 0.9  # of the cores busy: processes wait for one

Moment = dict[str, float]  # seconds, by what they are of


class Costs:
    """CPU seconds from the start of the last worker to the end of the last task, and the items in between."""

    def __init__(self, tasks: int, workers: int) -> None:
        self._tasks, self._workers = tasks, workers  # still to come
        self._first: Moment = {}
        self._last: Moment = {}
        self._done: dict[str, int] = {}
        self.items = 0

    def hear(self, event: Event) -> None:
        """Count it, and take the time where it is the one."""
        if event.kind is EventKind.ITEM:
            new = (event.done or 0) - self._done.get(event.task_id, 0)
            self._done[event.task_id] = event.done or 0
            self.items += new if self._first else 0
        self._workers -= event.kind is EventKind.WORKER_STARTED
        self._tasks -= event.kind in (EventKind.TASK_DONE, EventKind.TASK_FAILED)
        if not self._workers and not self._first:
            self._first = moment()
        if not self._tasks and not self._last:
            self._last = moment()

    def spent(self) -> Moment:
        """Seconds in between."""
        return {what: end - self._first[what] for what, end in self._last.items()}


def moment() -> Moment:
    """Wall seconds, and CPU seconds of the farm's parts and of the machine, until now."""
    cpu = psutil.cpu_times()
    idle = cpu.idle + getattr(cpu, "iowait", 0.0)
    now = {"wall": time.monotonic(), "driver": time.process_time(), "machine": sum(cpu[:8]) - idle}
    now |= dict.fromkeys(("mailbox", "workers", "Ray"), 0.0)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            now[_part(" ".join(process.cmdline()))] += sum(process.cpu_times()[:2])
    return now


def _part(command: str) -> str:
    """Of the farm, which a process with this command line is."""
    if "ray::Mailbox" in command:
        return "mailbox"
    return "workers" if command.startswith(("ray::Host", "ray::Actor")) else "Ray"


def cost_row(cpu_s: float, wall_s: float, items: int) -> str:
    """What an item costs, and how much of a core that was."""
    return f"{cpu_s / items * 1e3:.3f} CPU ms an item, {cpu_s / wall_s:.1%} of a core"


def busy_row(spent: Moment) -> str:
    """How many cores were busy, and whether a time can say anything beside that."""
    cores, busy = psutil.cpu_count() or 1, spent["machine"] / spent["wall"]
    own = sum(spent[part] for part in PARTS) / spent["wall"]
    saturated = ": all of them, so times are upper bounds" if busy > FULL * cores else ""
    return f"{busy:.2f} of {cores} busy, {own:.2f} by this run{saturated}"
