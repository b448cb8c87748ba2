"""Trials in a process of their own: a crash, a hang or too much memory ends that process, and is a result.

The process makes the trials of its kind itself, in the same order each time, so that all it is told is the
kind and where to go on.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.attack.trials import Result, Trial
from fsd_gen.shards.apart import peak_memory_bytes

LIMIT_S = 60.0  # for one trial
LIMIT_BYTES = 12 << 30  # of address space: torch alone maps several
TOO_MUCH_BYTES = 1500 << 20  # resident: a small bad file that costs more has done harm
Maker = Callable[[Path], Iterator[Trial]]


def results(kind: str, scratch: Path) -> tuple[Result, ...]:
    """What becomes of all trials of `kind`, each read in another process than this one."""
    found: list[Result] = []
    while (part := _run(kind, scratch / f"{kind}-{len(found)}", len(found))) is not None:
        found += part
    return tuple(found)


def _run(kind: str, scratch: Path, first: int) -> list[Result] | None:
    """The results from trial `first` on, up to one that its process did not survive; None: no more."""
    scratch.mkdir()
    command = [sys.executable, "-m", "benchmarks.attack.bounded", kind, str(scratch), str(first)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as child:
        assert child.stdout is not None and child.stderr is not None
        lines = [json.loads(line) for line in child.stdout]
        said = child.stderr.read().decode(errors="replace").strip().splitlines()[-1:]
    done = [Result(**line["result"]) for line in lines if "result" in line]
    begun = [line["begun"] for line in lines if "begun" in line]
    if len(begun) > len(done):
        what = f"ended its process ({child.returncode}): {''.join(said)}"
        return [*done, Result(name=begun[-1], outcome="crashed", said=what, seconds=LIMIT_S)]
    if child.returncode:
        raise RuntimeError(f"the trials of {kind} could not be made: {''.join(said)}")
    return done or None


def _serve(makers: dict[str, Maker], kind: str, scratch: Path, first: int) -> None:
    for index, trial in enumerate(makers[kind](scratch)):
        if index >= first:
            _say({"begun": trial.name})
            _say({"result": _tried(trial)})


def _say(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


def _tried(trial: Trial) -> dict[str, Any]:
    """The fields of the trial's Result."""
    resource.setrlimit(resource.RLIMIT_CPU, _cpu_limit())
    began, outcome, said = time.monotonic(), "missed", ""
    try:
        trial.act()
    except trial.refused as error:
        said = str(error)
        outcome = "detected" if _is_clear(said) else "crashed"
    except Exception as error:  # whatever else comes is what the trial looks for
        outcome, said = "crashed", f"{type(error).__name__}: {error}"
    peak = peak_memory_bytes()
    if peak > TOO_MUCH_BYTES:
        outcome, said = "crashed", f"needed {peak >> 20} MiB; {said}"
    seconds = time.monotonic() - began
    return {"name": trial.name, "outcome": outcome, "said": said, "seconds": seconds, "peak_bytes": peak}


def _is_clear(message: str) -> bool:
    """One line of a length that can be read, without advice to load code."""
    return "\n" not in message and 0 < len(message) < 1000 and "weights_only" not in message


def _cpu_limit() -> tuple[int, int]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return int(used.ru_utime + used.ru_stime + LIMIT_S) + 1, resource.RLIM_INFINITY


def main() -> None:
    """The process: KIND FOLDER FIRST."""
    from benchmarks.attack.kinds import BOUNDED

    resource.setrlimit(resource.RLIMIT_AS, (LIMIT_BYTES, LIMIT_BYTES))
    _serve(BOUNDED, sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))


if __name__ == "__main__":
    main()
