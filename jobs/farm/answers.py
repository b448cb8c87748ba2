"""What a worker's call was answered with: how its start went, how its run ended, and why, in few words."""

from __future__ import annotations

import re

from jobs.extras import extra
from jobs.farm.actor import Birth
from jobs.farm.cluster import Call, Cluster
from jobs.farm.departures import Departures
from jobs.farm.slot import Slot
from jobs.ledger import End, Ending

with extra("farm"):
    from ray.exceptions import RayActorError, RayError, RayTaskError


def birth_of(slot: Slot, call: Call, cluster: Cluster) -> Birth:
    """How the start of the worker of `slot` went."""
    try:
        birth: Birth = cluster.get(call)
    except RayError as error:  # the process died, or the worker's maker could not travel
        return Birth(failure=slot.killed_for or _cause(error))
    return birth


def ending_of(slot: Slot, call: Call, cluster: Cluster, departures: Departures) -> Ending:
    """How the run of `slot` ended; no death counts on a node that goes, or went as a spot instance."""
    reach = slot.reach
    try:
        ending: Ending = cluster.get(call)
    except RayTaskError as error:  # the process lives, but its answer could not travel
        return Ending(end="failed", reason=str(error), done=reach.done, found=reach.found)
    except RayError as error:
        going = slot.node in departures.shunned()
        taken_away = going or (isinstance(error, RayActorError) and error.preempted)
        end: End = "stopped" if taken_away else "died"
        reason = slot.killed_for or _cause(error)
        return Ending(end=end, reason=reason, done=reach.done, found=reach.found)
    return ending


def gist(reason: str) -> str:
    """The last line of a traceback; Ray's own messages put theirs first."""
    lines = reason.strip().splitlines() or [""]
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _cause(error: RayError) -> str:
    """Ray's message; of the death of a process the facts alone, without its page of guesses."""
    if not isinstance(error, RayActorError):
        return str(error)
    pid = re.search(r"pid: (\d+)", str(error))
    which = f"pid {pid.group(1)}" if pid else "before it was up"
    return f"the worker's process died ({which}): it was killed, ran out of memory, or crashed"
