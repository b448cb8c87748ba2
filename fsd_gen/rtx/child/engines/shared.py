"""What engines have in common: their configuration from a message, and what they say when they cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from fsd_gen.rtx.child.contract import EngineError, Fault, Job

C = TypeVar("C")


def unavailable(message: str) -> EngineError:
    """The renderer is not there, or not one that is used here; to try again is no use."""
    return EngineError(Fault(code="unavailable", message=message, fatal=True))


def config_of(cls: type[C], engine: str, told: Mapping[str, object]) -> C:
    """The configuration `cls`, a dataclass of plain values with defaults, that a message tells.

    Raises EngineError where a key is unknown or a value of another type.
    """
    known: Any = cls
    types = {field.name: type(field.default) for field in fields(known)}
    for key, value in told.items():
        if types.get(key) is not type(value):
            raise unavailable(f"the {engine} process has no setting {key} = {value!r}")
    return cls(**dict(told))


def patient(job: Job, factor: float) -> Job:
    """The job with longer limits: the first scene of a machine compiles shaders."""
    return replace(job, load_limit_s=factor * job.load_limit_s, step_limit_s=factor * job.step_limit_s)
