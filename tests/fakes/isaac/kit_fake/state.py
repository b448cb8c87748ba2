"""The one Kit of this process."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DEFAULTS: dict[str, Any] = {  # as a stage that is opened leaves them
    "/rtx/rendermode": "RaytracedLighting",
    "/rtx/pathtracing/spp": 1,
    "/rtx/pathtracing/totalSpp": 64,
    "/app/asyncRendering": True,
    "/omni/replicator/RTSubframes": 1,
}
LOADS = 3  # updates that a stage takes to load


def version() -> tuple[int, int, int]:
    if "ISAAC_PATH" not in os.environ:
        return 6, 0, 1  # ovrtx, which reads a stage as Kit 110 does
    text = (Path(os.environ["ISAAC_PATH"]) / "VERSION").read_text()
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", text)
    assert found, f"VERSION says {text!r}"
    return tuple(map(int, found.groups()))


@dataclass
class Kit:
    """Everything that the fake modules share."""

    version: tuple[int, int, int] = field(default_factory=version)
    running: bool = False
    ended: bool = False
    settings: dict[str, Any] = field(default_factory=lambda: dict(DEFAULTS))
    stage: str | None = None
    scenes: int = 0  # stages opened
    loading: int = 0
    updates: int = 0  # since the stage was opened
    subframes: int = 0  # rendered of this stage
    captures: int = 0  # of this stage
    products: list[Any] = field(default_factory=list)
    product_names: set[str] = field(default_factory=set)
    capture_on_play: bool = True
    hoard: list[bytearray] = field(default_factory=list)
    faults: dict[str, Any] = field(default_factory=dict)

    def start(self) -> None:
        self.faults = _faults()
        self.running = True

    def fault(self, name: str) -> Any:
        return self.faults.get(name)

    def in_scene(self, name: str) -> bool:
        """Whether a fault that names the number of a scene is due."""
        return self.faults.get(name) == self.scenes

    def journal(self, **what: Any) -> None:
        if path := os.environ.get("FAKE_JOURNAL"):
            with Path(path.replace("PID", str(os.getpid()))).open("a") as file:
                file.write(json.dumps(what) + "\n")


def _faults() -> dict[str, Any]:
    once = os.environ.get("FAKE_ONCE")
    if once:
        try:
            os.close(os.open(once, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return {}
    return json.loads(os.environ.get("FAKE_FAULTS", "{}"))


KIT = Kit()


def require_app(module: str) -> None:
    """Extensions can be imported once Kit runs, and not before."""
    if not KIT.running:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)
