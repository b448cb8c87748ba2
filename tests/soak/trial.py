"""One run of the soak, from its first command to the last: struck, given again, until it is finished."""

from __future__ import annotations

import random
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.soak.command import SAMPLES, Commands, begun, own_address
from tests.soak.processes import by_role, processes_of, sent
from tests.soak.strikes import KILL, Striker
from tests.soak.weather import SmallDisk

TICK_S = 0.03
STUCK_S = 600.0  # without a new sample
RESTART_S = 1.5  # the longest until the command is given again
HEAD_S = 60.0  # for a cluster to be there
EXPECTED = {0, 1, 2, 130, 143, -KILL}  # exit codes of docs/farm.md, and a kill
TOO_EARLY = {-int(signal.SIGTERM), -int(signal.SIGINT)}  # told to stop before Python ran the program


class StuckError(RuntimeError):
    """The run does not come further."""


@dataclass(slots=True)
class Trial:
    """A run with all that happens to it."""

    commands: Commands
    mark: str
    folder: Path  # for what its commands say
    disk: SmallDisk | None
    rng: random.Random
    striker: Striker = field(init=False)
    endings: list[int] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)  # what a command should not have said, or ended with
    on_step: Callable[[], None] = lambda: None
    _head: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        plan = self.commands.plan
        self.striker = Striker(plan.victims, self.rng, self.mark, self.disk, self.progress)

    def progress(self) -> int:
        """How many samples are stored."""
        shards = self.commands.out / "shards"
        finished = {path.name for path in shards.glob("[0-9]*.h5")}
        begun_ones = [path for path in shards.glob("[0-9]*.h5.part") if path.stem not in finished]
        stored = ("[0-9]*-a*.h5", "[0-9]*.quarantined.json")
        return SAMPLES * len(finished) + sum(
            len(list(part.glob(name))) for part in begun_ones for name in stored
        )

    def run(self) -> None:
        """Until the command ends well. Raises StuckError."""
        while not self.endings or self.endings[-1] != 0:
            if self.commands.port:
                self._have_cluster()
            self._once()
            time.sleep(self.rng.uniform(0, RESTART_S))
        self.striker.settle()

    def end(self) -> None:
        """End whatever of it is still there."""
        self.striker.settle()
        for process in processes_of(self.mark):
            sent(process, KILL)
        if self._head is not None:
            self._head.wait()

    def record(self) -> dict[str, Any]:
        """What happened."""
        struck = [asdict(each) for each in self.striker.struck]
        return {"endings": self.endings, "struck": struck, "odd": self.odd}

    def _once(self) -> None:
        said = self.folder / f"said-{len(self.endings):03d}.txt"
        driver = begun(self.commands.render(), self.commands.environ, said)
        self.striker.restarted()
        self._disturb(driver)
        self.endings.append(driver.wait())
        if self.disk is not None and self.disk.full:
            self.disk.free()
        self._judge_words(said)

    def _disturb(self, driver: subprocess.Popen[bytes]) -> None:
        seen, since = self.progress(), time.monotonic()
        while driver.poll() is None:
            self.striker.step(driver.pid)
            if (now := self.progress()) != seen:
                seen, since = now, time.monotonic()
                self.on_step()
            if time.monotonic() - since > STUCK_S:
                roles = {role: len(each) for role, each in by_role(self.mark, driver.pid).items()}
                raise StuckError(f"no new sample for {STUCK_S:.0f} s after {seen}; processes: {roles}")
            time.sleep(TICK_S)

    def _judge_words(self, said: Path) -> None:
        text, code = said.read_text(errors="replace"), self.endings[-1]
        if code in TOO_EARLY:
            return
        if code not in EXPECTED:
            self.odd.append(f"{said.name}: exit code {code}")
        if re.search("^Traceback ", text, re.MULTILINE):  # inside a line it is quoted
            self.odd.append(f"{said.name}: a traceback")

    def _have_cluster(self) -> None:
        """Start the cluster to join where none is."""
        if self._head is not None and self._head.poll() is None and self._cluster_answers():
            return
        self.end()
        node = self.folder / "node-assets"
        self._head = begun(self.commands.head(), self.commands.of_node(node), self.folder / "head.txt")
        until = time.monotonic() + HEAD_S
        while not self._cluster_answers():
            if time.monotonic() > until or self._head.poll() is not None:
                raise StuckError("the cluster to join does not start")
            time.sleep(0.2)

    def _cluster_answers(self) -> bool:
        try:
            socket.create_connection((own_address(), self.commands.port), timeout=1).close()
        except OSError:
            return False
        return "raylet" in by_role(self.mark, -1)
