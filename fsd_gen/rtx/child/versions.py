"""What differs between the versions of Isaac Sim that render for us, as one table; read on both sides.

Sources: isaac-sim/IsaacSim at the tags v5.0.0 to v6.0.1 (`simulation_app.py`, its changelog), release notes of 6.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ASSUME = "FSD_RTX_ASSUME"


class UnknownVersionError(ValueError):
    """A version that nobody has looked at; the message says how to try it all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicatorVersion:
    """One version of Isaac Sim."""

    version: str  # "6.0.1"
    kit: str
    python: tuple[int, int]
    close_arguments: tuple[str, ...]  # of SimulationApp.close
    dead_sync_key: bool  # sync_loads writes a key that nothing reads, so that we set the right one
    launch_keys: frozenset[str]  # that SimulationApp knows; it takes any other without a word


KEYS_5_0 = frozenset(
    "headless hide_ui active_gpu physics_gpu multi_gpu max_gpu_count sync_loads width height window_width "
    "window_height display_options subdiv_refinement_level renderer anti_aliasing samples_per_pixel_per_frame "
    "denoiser max_bounces max_specular_transmission_bounces max_volume_bounces open_usd fast_shutdown "
    "profiler_backend create_new_stage extra_args enable_crashreporter limit_cpu_threads "
    "disable_viewport_updates".split()
)
KEYS_5_1 = KEYS_5_0 | {"enable_motion_bvh"}
KEYS_6_0_0 = KEYS_5_1 | {"minimal_shading_mode"}
KEYS_6_0_1 = KEYS_6_0_0 | {"shutdown_watchdog_timeout"}

REPLICATOR = (
    ReplicatorVersion(
        version="5.0.0",
        kit="107.3.1",
        python=(3, 11),
        close_arguments=("wait_for_replicator",),
        dead_sync_key=True,
        launch_keys=KEYS_5_0,
    ),
    ReplicatorVersion(
        version="5.1.0",
        kit="107.3.3",
        python=(3, 11),
        close_arguments=("wait_for_replicator", "skip_cleanup"),
        dead_sync_key=True,
        launch_keys=KEYS_5_1,
    ),
    ReplicatorVersion(
        version="6.0.0",
        kit="110.1.1",
        python=(3, 12),
        close_arguments=("wait_for_replicator", "skip_cleanup", "exit_code"),
        dead_sync_key=True,
        launch_keys=KEYS_6_0_0,
    ),
    ReplicatorVersion(
        version="6.0.1",
        kit="110.1.2",
        python=(3, 12),
        close_arguments=("wait_for_replicator", "skip_cleanup", "exit_code"),
        dead_sync_key=False,
        launch_keys=KEYS_6_0_1,
    ),
    ReplicatorVersion(
        version="6.2.0",
        kit="110.4.0",
        python=(3, 12),
        close_arguments=("wait_for_replicator", "skip_cleanup", "exit_code"),
        dead_sync_key=False,
        launch_keys=KEYS_6_0_1,
    ),
)


def replicator_version(found: str, assumed: str = "") -> ReplicatorVersion:
    """The row of the version that was found, or of the one that is to be `assumed` in its place.

    Raises:
        UnknownVersionError: the table has no such row.
    """
    wanted = assumed or found
    numbers = re.match(r"\d+\.\d+(\.\d+)?", wanted)
    core = numbers.group() if numbers else wanted
    for row in REPLICATOR:
        if core in (row.version, row.version.removesuffix(".0")):
            return row
    known = ", ".join(row.version for row in REPLICATOR)
    raise UnknownVersionError(
        f"Isaac Sim {wanted or 'of a version that it does not tell'}: expected one of {known}; "
        f"to try it as if it were one of them: {ASSUME}={REPLICATOR[-1].version}"
    )
