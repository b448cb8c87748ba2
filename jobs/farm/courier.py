"""Files of the driver's machine for workers on other nodes, in chunks: no node holds more than one in memory.

The files are named by the driver; nothing else of its machine can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.extras import extra

with extra("farm"):
    import ray
    from ray.exceptions import RayError
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

CHUNK_BYTES = 4 << 20
READERS = 8  # nodes that are served at once


class Shelf:
    """What the process on the driver's machine holds: where the files are."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files

    def read(self, name: str, offset: int) -> bytes:
        """Up to CHUNK_BYTES of the file called `name`, from `offset` on."""
        with self._files[name].open("rb") as file:
            file.seek(offset)
            return file.read(CHUNK_BYTES)


class Courier:
    """How a worker's process reaches the files; travels there as an argument."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def copy(self, name: str, into: Path) -> None:
        """Write the file called `name` to the path `into`. Raises OSError where it cannot be had."""
        with into.open("wb") as file:
            while chunk := self._read(name, file.tell()):
                file.write(chunk)
                if len(chunk) < CHUNK_BYTES:
                    return

    def _read(self, name: str, offset: int) -> bytes:
        try:
            return bytes(ray.get(self._actor.read.remote(name, offset)))
        except RayError as error:
            why = str(error).strip().splitlines() or [type(error).__name__]
            raise OSError(f"{name} did not come from the driver's machine: {why[-1]}") from error


def send_files(files: Mapping[str, Path]) -> Courier:
    """Offer these files, by name, to every worker, as long as the Ray session and the courier last."""
    remote: Any = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Shelf)
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    shelf = remote.options(scheduling_strategy=here, max_concurrency=READERS)
    return Courier(shelf.remote(dict(files)))
