"""What a Ray stands on, and whether it still lives: processes of our own, or the head of a joined cluster."""

from __future__ import annotations

import socket
from collections.abc import Callable

from jobs.extras import extra
from jobs.task import FarmError

with extra("farm"):
    import psutil

HEAD_SILENT_S = 40.0  # Ray itself ends a process a minute after its head went, without an error to catch
CONNECT_S = 1.0
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


class Head:
    """The head of a cluster. Asked while it is gone, Ray would not answer, but end this process."""

    def __init__(self, address: str, now: Callable[[], float]) -> None:
        self._address = address  # "host:port"
        self._now = now
        self._heard = now()

    def answers(self) -> bool:
        """Whether it can be reached. Raises FarmError once it could not for HEAD_SILENT_S."""
        host, _, port = self._address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=CONNECT_S).close()
        except OSError as error:
            if self._now() - self._heard < HEAD_SILENT_S:
                return False
            raise FarmError(
                f"Ray's head at {self._address} has not answered for {HEAD_SILENT_S:g} s ({error}); start "
                "the cluster again, then run the same command again: what was finished is kept"
            ) from error
        self._heard = self._now()
        return True
