"""ovstage: a stage to which everything is written under an ordinal, and rendered once that is published."""

from __future__ import annotations

import enum
from typing import Any

from kit_fake.state import KIT


class Scope(enum.IntEnum):
    ALL = 0
    ATTRIBUTES = 1


class PopulationDomain(enum.IntFlag):
    RENDERING = 1
    PHYSICS = 2


class ErrorCode(enum.IntEnum):
    INVALID_ARGUMENT = 1
    WRITE_FLOOR_VIOLATION = 2
    LOAD_FAILED = 3


class OvstageError(RuntimeError):
    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code, self.message = code, message


class Operation:
    """What it gives is not documented: None here."""

    def __init__(self, work: Any) -> None:
        self._work = work

    def wait(self) -> None:
        self._work()


class Stage:
    def __init__(self, name: str | None = None) -> None:
        if not KIT.running:
            raise RuntimeError("create the renderer before the stage, or register its schemas")
        self._inst: object | None = object()
        self.floor, self.scene, self.attached = 0, None, False

    def advance_write_floor(
        self, ordinal: int, scope: Scope = Scope.ALL, attributes: Any = None
    ) -> Operation:
        self.writable(ordinal)

        def publish() -> None:
            self.floor = ordinal

        return Operation(publish)

    def writable(self, ordinal: int) -> None:
        if self._inst is None:
            raise RuntimeError("the stage is destroyed")
        if type(ordinal) is not int:
            raise TypeError(f"ordinal must be an int, not {type(ordinal).__name__}")
        if ordinal <= self.floor:
            message = f"ordinal {ordinal} is at or below the floor {self.floor}"
            raise OvstageError(ErrorCode.WRITE_FLOOR_VIOLATION, message)

    def destroy(self) -> None:
        if self.attached:
            raise RuntimeError("detach the stage before it is destroyed")
        self._inst = None

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()


from ovstage import population  # noqa: E402

__all__ = ["ErrorCode", "OvstageError", "PopulationDomain", "Scope", "Stage", "population"]
