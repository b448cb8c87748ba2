from __future__ import annotations

import math

from jobs.config import FarmConfig
from jobs.farm.post import PART, Post, Steps, Wish, pace_of
from jobs.task import Event, EventKind


class Wire:
    """A mailbox that answers when it is told to, and a clock."""

    def __init__(self) -> None:
        self.now = 0.0
        self.answer: str | None = ""  # None: there is none yet
        self.wishes: list[Wish] = []
        self.post = Post(2.0, lambda: self.now)

    def carry_out(self, steps: Steps) -> str:
        reply = None
        while True:
            try:
                self.wishes.append(steps.send(reply))
            except StopIteration as end:
                return end.value
            late = self.answer is None and self.wishes[-1] == math.inf
            reply = "" if late else self.answer  # who waits for ever gets it, sooner or later

    def item(self, done: int, at: float) -> str:
        self.now = at
        return self.carry_out(self.post.report(Event(kind=EventKind.ITEM, done=done)))

    def told(self) -> list[Wish]:
        """What was sent, as the items' numbers, and waited for since the last look."""
        seen, self.wishes = self.wishes, []
        return [tuple(event.done for event in wish) if isinstance(wish, tuple) else wish for wish in seen]


def test_the_first_item_of_each_run_is_waited_for() -> None:
    wire = Wire()
    for run in range(2):
        wire.item(1, at=run)
        assert wire.told() == [(1,), math.inf]
        wire.carry_out(wire.post.settle())


def test_quick_items_go_together_once_a_pace_is_over() -> None:
    wire = Wire()
    for done in range(1, 6):
        wire.item(done, at=done)
    assert wire.told() == [(1,), math.inf, (2, 3), 2 * PART, (4, 5), 2 * PART]


def test_slow_items_are_sent_one_by_one_and_waited_for_during_a_two_hundredth_of_their_time() -> None:
    wire = Wire()
    for done in range(1, 4):
        wire.item(done, at=40.0 * done)
    assert wire.told() == [(1,), math.inf, (2,), 0.2, (3,), 0.2]


def test_a_warning_takes_along_what_was_kept_and_is_waited_for() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.item(2, at=1)
    wire.carry_out(wire.post.report(Event(kind=EventKind.WARNING, done=0)))
    assert wire.told() == [(1,), math.inf, (2, 0), math.inf]


def test_at_the_end_of_a_run_all_is_sent_and_answered() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.item(2, at=1)
    wire.carry_out(wire.post.settle())
    assert wire.told() == [(1,), math.inf, (2,), math.inf]
    wire.carry_out(wire.post.settle())
    assert wire.told() == []


def test_a_call_is_made_after_the_answer_of_the_last_one_only() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.answer = None
    wire.item(2, at=2)
    wire.item(3, at=3)
    wire.item(4, at=4)
    assert wire.told() == [(1,), math.inf, (2,), 2 * PART, 0.0, math.inf, (3, 4), 2 * PART]
    wire.carry_out(wire.post.settle())
    assert wire.told() == [math.inf]


def test_an_order_that_comes_late_is_heard_with_the_next_item() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.answer = None
    assert wire.item(2, at=2) == ""
    wire.answer = "the farm was stopped"
    assert wire.item(3, at=3) == "the farm was stopped"


def test_an_order_in_the_answer_before_is_heard_though_the_next_one_is_silent() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.answer = None
    wire.item(2, at=2)
    steps = wire.post.report(Event(kind=EventKind.NOTE))
    assert [steps.send(None), len(steps.send("stop"))] == [math.inf, 1]
    assert steps.send(None) == math.inf
    try:
        steps.send("")
    except StopIteration as end:
        assert end.value == "stop"


def test_the_pace_is_short_beside_a_stop_and_beside_the_silence_of_the_dead() -> None:
    assert pace_of(FarmConfig()) == 2.0
    assert pace_of(FarmConfig(stop_grace_s=1.0)) == 0.2
    assert pace_of(FarmConfig(stall_timeout_s=0.5)) == 0.1
