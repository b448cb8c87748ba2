"""For which renderer a stage is prepared: its engine, its version, and what is known of that version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from fsd_gen.backends.plugin import BackendUnavailableError
from fsd_gen.rtx.child.contract import Hello
from fsd_gen.rtx.child.versions import (
    ASSUME,
    IDS,
    LUX,
    OvrtxVersion,
    ReplicatorVersion,
    VersionRefusedError,
    lux_of,
    ovrtx_version,
    replicator_version,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A renderer of a certain version."""

    engine: str  # "replicator", "ovrtx"
    version: str  # as it says itself
    row: ReplicatorVersion | OvrtxVersion
    lens: bool = True  # the OpenCV lens schema is not known to be wrong; the probe says where it is
    ids: bool = True  # it is asked for ids, which are not known to be wrong; the probe says where they are

    @property
    def named(self) -> str:
        """Engine and version, for messages."""
        return f"{self.engine} {self.version}"


def target_of(hello: Hello, environment: Mapping[str, str]) -> Target:
    """The target that a rendering process says it is.

    Raises:
        BackendUnavailableError: its version is not used here, and the message names the switch to try it;
            or a switch says nothing that it can mean.
    """
    assume = environment.get(ASSUME.get(hello.engine, ""), "")
    try:
        row: ReplicatorVersion | OvrtxVersion
        if hello.engine == "ovrtx":
            row = ovrtx_version(hello.version, gpu=hello.gpu, assume=assume)
        else:
            row = replicator_version(hello.version, assume=assume)
        row = replace(row, lux=lux_of(environment.get(LUX, ""), row.lux))
    except VersionRefusedError as error:
        raise BackendUnavailableError(str(error)) from None
    return Target(engine=hello.engine, version=hello.version, row=row, ids=_switch(environment, IDS))


def _switch(environment: Mapping[str, str], variable: str) -> bool:
    """Whether a switch is on that is so by default."""
    said = environment.get(variable, "")
    if said not in ("", "0", "1"):
        raise BackendUnavailableError(f"{variable}={said}: expected 0 or 1")
    return said != "0"
