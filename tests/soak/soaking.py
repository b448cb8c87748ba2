"""Run after run, until enough processes were killed."""

from __future__ import annotations

import random
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from jobs.signals import StopRequest
from tests.soak.book import Book, kills, problems
from tests.soak.command import Commands, environ_of, free_port
from tests.soak.leftovers import Remains
from tests.soak.plan import HOW, WEATHER, How, Plan, drawn
from tests.soak.processes import shared_memory
from tests.soak.strikes import Striker
from tests.soak.trial import StuckError, Trial
from tests.soak.verdict import Contents, judged, kept_reference
from tests.soak.weather import SmallDisk, weather_of

Tell = Callable[[Plan, Striker], None]


@dataclass(slots=True)
class Soak:
    """The runs of one folder."""

    out: Path
    seed: int
    faketime: Path | None
    book: Book
    small_disks: bool
    request: StopRequest
    waiting: list[tuple[Remains, dict[str, Any], Path]] = field(default_factory=list)  # to be judged

    def weights(self) -> tuple[dict[How, float], dict[str, float]]:
        """What can be drawn here."""
        impossible = set() if self.small_disks else {"full disk"}
        impossible |= set() if self.faketime else {"clocks apart"}
        return HOW, {name: weight for name, weight in WEATHER.items() if name not in impossible}

    def plan(self, number: int) -> Plan:
        """What the run is to be like."""
        how, weather = self.weights()
        return drawn(self.seed, number, how=how, weather=weather)

    def reference(self, plan: Plan) -> Contents:
        """What an undisturbed run of this configuration holds."""
        quiet = replace(plan, how="child" if plan.how == "child" else "inline", weather="calm", workers=0)
        folder = self.out / "undisturbed" / f"{plan.backend}-{plan.scenes}"
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix="soak", dir="/tmp"))
        environ = environ_of("undisturbed", temporary, folder, {})
        try:
            commands = Commands(plan=quiet, out=folder / "run", environ=environ)
            return kept_reference(folder / "contents.json", commands, folder / "said.txt")
        finally:
            shutil.rmtree(temporary)

    def once(self, plan: Plan, tell: Tell) -> None:
        """One run. What is wrong with it is in the book, and its folder stays."""
        reference = self.reference(plan)
        folder = self.out / "runs" / f"{plan.number:05d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        disk = SmallDisk(folder / "disk") if plan.weather == "full disk" else None
        temporary = Path(tempfile.mkdtemp(prefix="soak", dir="/tmp"))
        trial, segments, begun = self._trial(plan, folder, temporary, disk), shared_memory(), time.monotonic()
        record: dict[str, Any] = {"seed": self.seed, "plan": asdict(plan), "verdict": {}, "stuck": ""}
        try:
            if disk is not None:
                disk.mount()
            self._run(trial, plan, tell, record, reference)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        finally:
            trial.end()
            if disk is not None:
                self._keep(disk, folder, record)
        record |= trial.record() | {"seconds": round(time.monotonic() - begun, 1)}
        self.waiting.append((Remains(trial.mark, temporary, segments, time.monotonic()), record, folder))

    def _run(self, trial: Trial, plan: Plan, tell: Tell, record: dict[str, Any], reference: Contents) -> None:
        trial.on_step = lambda: tell(plan, trial.striker)
        trial.striker.over = lambda: bool(self.request)
        try:
            trial.run()
            record["verdict"] = judged(trial.commands, reference).as_json()
        except StuckError as error:
            record["stuck"] = str(error)

    def _trial(self, plan: Plan, folder: Path, temporary: Path, disk: SmallDisk | None) -> Trial:
        mark = f"{self.out.name}-{plan.number}-{temporary.name}"
        environ = environ_of(mark, temporary, folder, weather_of(plan, self.faketime))
        out = (disk.place if disk else folder) / "run"
        port = free_port() if plan.how == "joined" else 0
        commands = Commands(plan=plan, out=out, environ=environ, port=port)
        return Trial(commands, mark, folder, disk, random.Random(plan.seed))

    def _keep(self, disk: SmallDisk, folder: Path, record: dict[str, Any]) -> None:
        """Where something is wrong, the run outlives its disk."""
        if record["stuck"] or _is_wrong(record["verdict"]):
            shutil.copytree(disk.place, folder / "run-of-disk", dirs_exist_ok=True)
        disk.remove()

    def settle(self, *, wait: bool) -> list[str]:
        """Judge what is left of runs that are over; lines about those with a problem."""
        lines: list[str] = []
        while self.waiting:
            remains, record, folder = self.waiting[0]
            if not remains.due:
                if not wait:
                    break
                time.sleep(1)
                continue
            self.waiting.pop(0)
            record["leftovers"], record["gone_s"] = remains.judged()
            shutil.rmtree(remains.temporary, ignore_errors=True)
            lines += self._booked(record, folder)
        return lines

    def _booked(self, record: dict[str, Any], folder: Path) -> list[str]:
        number = record["plan"]["number"]
        self.book.add(number, record)
        wrong = problems(record)
        if not wrong:
            shutil.rmtree(folder)
        return [f"run {number} of seed {self.seed} ({folder}): {'; '.join(wrong)}"] if wrong else []

    def killed(self) -> int:
        """How many processes so far, in runs that are over."""
        return sum(map(kills, self.book)) + sum(kills(record) for _, record, _ in self.waiting)


def _is_wrong(verdict: dict[str, Any]) -> bool:
    return not verdict or any(verdict[name] for name in ("lost", "double", "different", "verify", "parts"))
