"""The processes that a Ray of our own stands on, and whether they still live."""

from __future__ import annotations

from jobs.extras import extra
from jobs.task import FarmError

with extra("farm"):
    import psutil

SERVICES = ("gcs_server", "raylet")  # without them a local Ray is none


class OwnServices:
    """Those that are children of this process; on a joined cluster there are none to look after."""

    def __init__(self) -> None:
        children = psutil.Process().children()
        self._services = {child: name for child in children if (name := _name(child)) in SERVICES}

    def check(self) -> None:
        """Raises FarmError once one of them has ended: Ray would wait for a minute, then end this process."""
        for service, name in self._services.items():
            if not service.is_running() or _name(service) != name:
                raise FarmError(
                    f"Ray's process {name} (pid {service.pid}) ended; was it killed, or memory short? "
                    "Run the same command again: what was finished is kept"
                )


def _name(process: psutil.Process) -> str:
    """Name of a living process, "" of any other."""
    try:
        return "" if process.status() == psutil.STATUS_ZOMBIE else process.name()
    except psutil.NoSuchProcess:
        return ""
