"""Processes that take CPU time end with the one that started them, however that ended."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_S = 20.0
STARTER = """
from benchmarks.load import taking_cpu
import time
if __name__ == "__main__":
    with taking_cpu(1) as pids:
        print(*pids, flush=True)
        time.sleep(60)
"""


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_they_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "starter.py"
    script.write_text(STARTER)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        hog = int(parent.stdout.readline())
        assert runs(hog)
        time.sleep(0.5)  # the hog's own start
        parent.kill()
        parent.wait()
    until = time.monotonic() + PATIENCE_S
    while runs(hog) and time.monotonic() < until:
        time.sleep(0.05)
    assert not runs(hog)
