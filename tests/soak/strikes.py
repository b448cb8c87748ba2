"""What happens to the processes of a run: who is struck next, when, and how."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from tests.soak.plan import FULL_DISK
from tests.soak.processes import SERVICES, by_role, sent
from tests.soak.weather import SmallDisk

AFTER_PROGRESS = 0.55  # of the strikes wait for a new sample, so that runs come to an end
LATEST_S = {True: 0.8, False: 6.0}  # after that, or after the strike before
MOST_WITHOUT_PROGRESS = 3  # in a row: five deaths at one slot would quarantine it
FROZEN_S, FULL_S = (0.3, 4.0), (0.5, 3.0)
KILL = int(signal.SIGKILL)
Roles = dict[str, list[psutil.Process]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Struck:
    """One strike, as it is kept."""

    kind: str
    at_s: float  # since the run began
    samples: int  # stored by then
    killed: int = 0  # processes that were sent SIGKILL
    told: int = 0  # and other signals


@dataclass(slots=True)
class Later:
    """Something that has to be done at a moment to come."""

    at: float
    do: Callable[[], int]  # how many processes it killed
    kind: str


@dataclass(slots=True)
class Striker:
    """Strikes the processes of one run, by its plan."""

    kinds: dict[str, float]
    rng: random.Random
    mark: str
    disk: SmallDisk | None
    progress: Callable[[], int]
    over: Callable[[], bool] = lambda: False  # whether nobody is to be struck any more
    begun: float = field(default_factory=time.monotonic)
    struck: list[Struck] = field(default_factory=list)
    later: list[Later] = field(default_factory=list)
    _seen: int = 0  # samples at the last strike
    _idle: int = 0  # strikes since there was a new one
    _wants_progress: bool = True
    _at: float | None = None  # when to strike; None: not known yet

    def restarted(self) -> None:
        """A command was just given: the next strike is a matter of time from now."""
        self._aim()

    def step(self, driver: int) -> None:
        """Do what is due."""
        now = time.monotonic()
        for each in [each for each in self.later if each.at <= now]:
            self.later.remove(each)
            self._keep(each.kind, killed=each.do())
        if not self.over() and self._due(now):
            self._strike(driver)
            self._aim()

    def settle(self) -> None:
        """Do at once what is still to be done: thaw, and give room back."""
        for each in self.later:
            each.do()
        self.later.clear()

    def _aim(self) -> None:
        samples = self.progress()
        self._idle = 0 if samples > self._seen else self._idle + 1
        self._seen = samples
        patient = self._idle >= MOST_WITHOUT_PROGRESS or self.rng.random() < AFTER_PROGRESS
        self._wants_progress = patient
        self._at = None if patient else time.monotonic() + self.rng.uniform(0, LATEST_S[False])

    def _due(self, now: float) -> bool:
        if self._at is None and self.progress() > self._seen:
            self._at = now + self.rng.uniform(0, LATEST_S[True])
        return self._at is not None and now >= self._at

    def _strike(self, driver: int) -> None:
        """Strike somebody who is there."""
        roles, kinds = by_role(self.mark, driver), dict(self.kinds)
        while kinds:
            kind = self.rng.choices(list(kinds), list(kinds.values()))[0]
            if (kind != "child" or self._wants_progress) and self._did(kind, roles):
                return
            del kinds[kind]

    def _did(self, kind: str, roles: Roles) -> bool:
        """Whether there was somebody for this kind of strike."""
        verb, _, who = kind.rpartition(" ")
        if kind in FULL_DISK:
            return self._fill_disk()
        if verb.startswith("SIG"):
            return self._tell(kind, getattr(signal, verb), roles.get(who, []))
        if verb or kind.endswith("for good"):
            return self._freeze(kind, roles)
        victims = self._victims(kind, roles)
        killed = sum(sent(victim, KILL) for victim in victims)
        if killed:
            self._keep(kind, killed=killed)
        return killed > 0

    def _victims(self, kind: str, roles: Roles) -> list[psutil.Process]:
        if kind == "everything":
            return [each for processes in roles.values() for each in processes]
        if kind == "workers":
            return roles.get("worker", [])
        if kind == "several":
            there = [role for role in ("driver", "worker", "mailbox", *SERVICES) if role in roles]
            return [self.rng.choice(roles[role]) for role in self.rng.sample(there, min(2, len(there)))]
        return [self.rng.choice(roles[kind])] if kind in roles else []

    def _tell(self, kind: str, signum: int, processes: list[psutil.Process]) -> bool:
        told = bool(processes) and sent(self.rng.choice(processes), signum)
        if told:
            self._keep(kind, told=1)
        return told

    def _freeze(self, kind: str, roles: Roles) -> bool:
        """Stop a process, for a while, until it is killed, or until the farm kills it."""
        who = next((role for role in ("worker", "mailbox", "driver") if role in kind), "")
        if who not in roles or not sent(victim := self.rng.choice(roles[who]), signal.SIGSTOP):
            return False
        self._keep(kind, told=1)
        if "for good" not in kind:
            self._after(FROZEN_S, *_end_of_ice(victim, kind))
        return True

    def _fill_disk(self) -> bool:
        if self.disk is None or self.disk.full:
            return False
        self.disk.fill(self.rng.choice((0, 4096, 50_000, 300_000)))
        self._keep("fill disk")
        self._after(FULL_S, _freed(self.disk), "free disk")
        return True

    def _after(self, span_s: tuple[float, float], do: Callable[[], int], kind: str) -> None:
        self.later.append(Later(time.monotonic() + self.rng.uniform(*span_s), do, kind))

    def _keep(self, kind: str, *, killed: int = 0, told: int = 0) -> None:
        at_s = round(time.monotonic() - self.begun, 2)
        self.struck.append(Struck(kind=kind, at_s=at_s, samples=self.progress(), killed=killed, told=told))


def _end_of_ice(victim: psutil.Process, kind: str) -> tuple[Callable[[], int], str]:
    if "kill" in kind:
        return lambda: int(sent(victim, KILL)), "kill frozen worker"
    return lambda: int(sent(victim, signal.SIGCONT)) * 0, "thaw"


def _freed(disk: SmallDisk) -> Callable[[], int]:
    def free() -> int:
        disk.free()
        return 0

    return free
