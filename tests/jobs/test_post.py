from __future__ import annotations

import math

import pytest

from jobs.config import FarmConfig
from jobs.farm.post import PART, Post, Steps, Wish, is_last_chance, pace_of
from jobs.task import Event, EventKind, Task


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


def test_a_first_item_that_is_vital_news_is_waited_for_in_each_run() -> None:
    wire = Wire()
    for run in range(2):
        wire.post.begin(vital=True)
        wire.item(1, at=run)
        assert wire.told() == [(1,), math.inf]


def test_a_first_item_that_is_not_is_sent_at_once_all_the_same() -> None:
    wire = Wire()
    for run in range(2):
        wire.post.begin(vital=False)
        wire.item(1, at=100.0 + run)
        wire.item(2, at=100.5 + run)
    assert wire.told() == [(1,), 400 * PART, (2, 1), PART]


def test_the_first_item_is_vital_where_one_death_more_would_spend_a_retry() -> None:
    assert is_last_chance(Task("t")) and is_last_chance(Task("t", tolerates=5, deaths=5))
    assert not is_last_chance(Task("t", tolerates=5, deaths=4))


def test_quick_items_go_together_once_a_pace_is_over() -> None:
    wire = Wire()
    for done in range(1, 6):
        wire.item(done, at=done)
    assert wire.told() == [(1,), math.inf, (2, 3), 2 * PART, (4, 5), 2 * PART]


def test_a_hundred_items_are_sent_however_quick_they_were() -> None:
    wire = Wire()
    for done in range(1, 202):
        wire.item(done, at=0.0)
    sent = [wish for wish in wire.told() if isinstance(wish, tuple)]
    assert sent == [(1,), tuple(range(2, 102)), tuple(range(102, 202))] and not wire.post.rest()


def test_slow_items_are_sent_one_by_one_and_waited_for_during_a_small_part_of_their_time() -> None:
    wire = Wire()
    for done in range(1, 4):
        wire.item(done, at=40.0 * done)
    assert wire.told() == [(1,), math.inf, (2,), 0.1, (3,), 0.1]


def test_a_warning_takes_along_what_was_kept_and_is_waited_for() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.item(2, at=1)
    wire.carry_out(wire.post.report(Event(kind=EventKind.WARNING, done=0)))
    assert wire.told() == [(1,), math.inf, (2, 0), math.inf]


def test_at_the_end_of_a_run_the_last_call_is_answered_and_the_rest_handed_over_once() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.answer = None
    wire.item(2, at=2)
    wire.item(3, at=3)
    wire.told()
    wire.carry_out(wire.post.settle())
    assert wire.told() == [math.inf]
    assert [event.done for event in wire.post.rest()] == [3] and wire.post.rest() == ()
    wire.carry_out(wire.post.settle())
    assert wire.told() == []


def test_a_call_is_made_after_the_answer_of_the_last_one_only() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.answer = None
    for done in (2, 3, 4):
        wire.item(done, at=done)
    assert wire.told() == [(1,), math.inf, (2,), 2 * PART, 0.0, math.inf, (3, 4), 2 * PART]


def test_an_order_that_comes_late_is_heard_with_the_next_item() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.answer = None
    assert wire.item(2, at=2) == ""
    wire.answer = "the farm was stopped"
    assert wire.item(3, at=3) == "the farm was stopped"


def test_an_order_is_heard_though_the_answer_after_it_holds_none() -> None:
    wire = Wire()
    wire.item(1, at=0)
    wire.answer = None
    wire.item(2, at=2)
    steps = wire.post.report(Event(kind=EventKind.NOTE))
    assert [steps.send(None), len(steps.send("stop")), steps.send(None)] == [math.inf, 1, math.inf]
    with pytest.raises(StopIteration) as end:
        steps.send("")
    assert end.value.value == "stop"


def test_the_pace_is_short_beside_a_stop_and_beside_the_silence_of_the_dead() -> None:
    assert pace_of(FarmConfig()) == 2.0
    assert pace_of(FarmConfig(stop_grace_s=1.0)) == 0.2
    assert pace_of(FarmConfig(stall_timeout_s=0.5)) == 0.1
