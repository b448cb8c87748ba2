"""The farm's driver through thousands of seeded schedules; and faults put into it, which they must find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jobs.farm.driver import Driver
from jobs.farm.mailbox import Mailbox
from jobs.farm.post import Post, Steps
from jobs.farm.slot import Slot
from jobs.ledger import Ending, Ledger, Run
from jobs.task import Event
from tests.jobs.simulated.trial import Broken, attempt

FEW, MANY = 300, 10_000
FULL_OF_THE_IDLE = 325  # more pools than room, and tasks that stay with the kind that began them
DRAINED = 1128  # nodes go while their workers are at work
CUT_OFF = 641  # the driver cannot reach the mailbox for longer than a worker may be silent


@pytest.mark.parametrize("part", range(3))
def test_whatever_dies_or_freezes_every_task_ends_once_with_each_item_once(part: int) -> None:
    for seed in range(part, FEW, 3):
        attempt(seed)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_ten_thousand_schedules_end_as_they_must(part: int) -> None:
    for seed in range(part, MANY, 10):
        attempt(seed)


def test_a_schedule_is_the_same_each_time() -> None:
    assert attempt(7) == attempt(7)


def test_a_seed_that_fails_names_the_command_that_repeats_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Driver, "_hand_out", lambda self: 1 / 0)
    with pytest.raises(Broken, match=r"seed 7: ZeroDivisionError.*\n.*python -m tests\.jobs\.simulated 7"):
        attempt(7)


def settle_before_events(patch: Callable[..., None]) -> None:
    def step(self: Driver, timeout_s: float) -> None:
        calls = self._roster.calls()
        for call in self._cluster.wait([self._mailbox.arrival, *calls], timeout_s=timeout_s):
            if call in calls:
                self._answer(calls[call], call)
        self._empty_mailbox()

    patch(Driver, "_step", step)


def deaths_not_counted(patch: Callable[..., None]) -> None:
    def advance(self: Ledger, task: Any, ending: Ending) -> bool:
        end = "failed" if ending.end == "died" else ending.end
        return real(self, task, replace(ending, end=end))

    real = Ledger._advance
    patch(Ledger, "_advance", advance)


def put_back_twice(patch: Callable[..., None]) -> None:
    def wait(self: Ledger, run: Run, *, first: bool) -> None:
        real(self, run, first=first)
        if first:
            real(self, run, first=first)

    real = Ledger._wait
    patch(Ledger, "_wait", wait)


def stall_not_enforced(patch: Callable[..., None]) -> None:
    patch(Driver, "_end_silent", lambda self: None)


def dead_worker_kept(patch: Callable[..., None]) -> None:
    def clear(self: Slot) -> None:
        real(self) if self.phase != "busy" else self.enter("idle")

    real = Slot.clear
    patch(Slot, "clear", clear)


def retried_for_ever(patch: Callable[..., None]) -> None:
    def settle(self: Ledger, run: Run, ending: Ending) -> Event:
        return real(self, run, replace(ending, end="stopped") if ending.end == "failed" else ending)

    real = Ledger.settle
    patch(Ledger, "settle", settle)


def letters_forgotten(patch: Callable[..., None]) -> None:
    async def take(self: Mailbox, seen: Any, *, wait: bool, orders: Any) -> Any:
        found = await real(self, seen, wait=wait, orders=orders)
        self._first += len(self._events)
        self._events.clear()
        return found

    real = Mailbox.take
    patch(Mailbox, "take", take)


def stop_unheard(patch: Callable[..., None]) -> None:
    def stop(self: Driver) -> None:
        while self._roster.in_phase("busy"):
            self._step(0.5)

    patch(Driver, "_stop_workers", stop)


def renderers_mixed(patch: Callable[..., None]) -> None:
    def take(self: Ledger, kind: str = "") -> Run:
        run = real(self, kind)
        self._running[run.task.id] = run = replace(run, kind=run.task.kind)
        return run

    real = Ledger.take
    patch(Ledger, "take", take)


def workers_left_alive(patch: Callable[..., None]) -> None:
    patch(Slot, "kill", lambda self, why="": None)


def preemption_blamed(patch: Callable[..., None]) -> None:
    def settle(self: Ledger, run: Run, ending: Ending) -> Event:
        died = ending.end == "stopped" and "process died" in ending.reason
        return real(self, run, replace(ending, end="died") if died else ending)

    real = Ledger.settle
    patch(Ledger, "settle", settle)


def room_kept(patch: Callable[..., None]) -> None:
    patch(Driver, "_make_room", lambda self: None)


def deaf_driver_kills(patch: Callable[..., None]) -> None:
    def end_silent(self: Driver) -> None:
        stall = self._config.stall_timeout_s
        for slot in self._roster.silent(stall) if stall is not None else []:
            slot.kill("silent")

    patch(Slot, "forgive", lambda self: None)
    patch(Driver, "_end_silent", end_silent)


def end_not_settled(patch: Callable[..., None]) -> None:
    def settle(self: Post) -> Steps:
        return ""
        yield ()

    patch(Post, "settle", settle)


def kept_forgotten(patch: Callable[..., None]) -> None:
    def run(self: Driver, slot: Slot, ending: Ending) -> None:
        real(self, slot, replace(ending, told=()))

    real = Driver._after_run
    patch(Driver, "_after_run", run)


def vital_news_kept(patch: Callable[..., None]) -> None:
    def begin(self: Post, *, vital: bool) -> None:
        self._first = False

    patch(Post, "begin", begin)


def letters_overtake(patch: Callable[..., None]) -> None:
    def call(self: Post, patience_s: float) -> Steps:
        self._under_way = False
        return (yield from real(self, patience_s))

    real = Post._call
    patch(Post, "_call", call)


FAULTS = [
    (settle_before_events, "outside of its run|after its end|items of it were told"),
    (deaths_not_counted, "Endless"),
    (put_back_twice, "ends of tasks|KeyError|both work on|begun again|after its end"),
    (stall_not_enforced, "Endless"),
    (dead_worker_kept, "known to be dead"),
    (retried_for_ever, "Endless"),
    (letters_forgotten, "were lost|items of it were told"),
    (stop_unheard, "the stop took"),
    (renderers_mixed, "of several kinds"),
    (end_not_settled, "outside of its run|after its end|items of it were told"),
    (kept_forgotten, "items of it were told"),
    (vital_news_kept, "held against it"),
    (letters_overtake, "items told after|after its end|outside of its run"),
    (workers_left_alive, "left behind|one more hired"),
]


@pytest.mark.parametrize(("fault", "told"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_a_fault_in_the_driver_is_found(fault: Any, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault(monkeypatch.setattr)
    with pytest.raises(Broken, match=told):
        for seed in range(FEW):
            attempt(seed)


RARE = [
    (FULL_OF_THE_IDLE, room_kept, "Endless"),
    (CUT_OFF, deaf_driver_kills, "spent on nothing|given up"),
    (DRAINED, preemption_blamed, "spent on nothing|given up"),
]


@pytest.mark.parametrize(("seed", "fault", "told"), RARE, ids=[fault.__name__ for _, fault, _ in RARE])
def test_a_rare_fault_is_found_at_its_seed(
    seed: int, fault: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt(seed)
    fault(monkeypatch.setattr)
    with pytest.raises(Broken, match=told):
        attempt(seed)
