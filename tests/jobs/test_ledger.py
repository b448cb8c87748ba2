from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.ledger import Ending, Ledger, Reach
from jobs.task import Event, EventKind, Task

endings = st.builds(
    Ending,
    end=st.sampled_from(["done", "failed", "died", "recycle"]),
    result=st.just("result"),
    reason=st.just("reason"),
    done=st.integers(0, 3),
    found=st.integers(0, 3),
)


@given(st.integers(0, 5), st.integers(0, 2), st.booleans(), st.lists(endings, max_size=60))
def test_every_task_ends_once_after_a_bounded_number_of_attempts(count, max_retries, resumable, script):
    ledger = Ledger([Task(str(index), resumable=resumable) for index in range(count)], max_retries)
    last = Ending(end="failed", reason="the script is over")
    ended, attempts = [], {}
    for ending in [*script, *[last] * (count * (max_retries + 1))]:
        if not ledger.outstanding:
            break
        run = ledger.take()
        attempts[run.task.id] = run.attempt
        event = ledger.settle(run, ending)
        if event.kind in (EventKind.TASK_DONE, EventKind.TASK_FAILED):
            ended.append(event.task_id)
    report = ledger.report(1.0)
    assert not ledger.outstanding and report.unfinished == ()
    assert sorted(ended) == sorted([*report.done, *report.failed]) == [str(index) for index in range(count)]
    assert all(number <= max_retries + 1 for number in attempts.values())
    assert report.retried == sum(number - 1 for number in attempts.values())


def test_a_failed_task_waits_behind_the_others_and_a_recycled_one_goes_first():
    ledger = Ledger([Task("a"), Task("b"), Task("c")], 1)
    assert ledger.settle(ledger.take(), Ending(end="failed")).kind is EventKind.TASK_RETRIED
    assert ledger.settle(ledger.take(), Ending(end="recycle", done=1)).kind is EventKind.TASK_PUT_BACK
    assert [(ledger.take().task.id) for _ in range(3)] == ["b", "c", "a"]


def test_recycling_without_progress_counts_as_an_attempt():
    ledger = Ledger([Task("a")], 0)
    event = ledger.settle(ledger.take(), Ending(end="recycle", reason="tired"))
    assert (event.kind, event.message) == (
        EventKind.TASK_FAILED,
        "recycled without coming further: tired",
    )


def die(ledger: Ledger, *, done: int, found: int = 0) -> EventKind:
    return ledger.settle(ledger.take(), Ending(end="died", reason="killed", done=done, found=found)).kind


def test_a_death_after_new_items_spends_no_retry_and_one_without_does():
    ledger = Ledger([Task("a", resumable=True)], 1)
    assert [die(ledger, done=done, found=found) for done, found in ((2, 0), (3, 2), (3, 3), (4, 3))] == [
        EventKind.TASK_PUT_BACK,
        EventKind.TASK_PUT_BACK,
        EventKind.TASK_RETRIED,
        EventKind.TASK_PUT_BACK,
    ]
    assert die(ledger, done=4, found=4) is EventKind.TASK_FAILED
    assert (ledger.report(1.0).retried, ledger.report(1.0).failed["a"].attempts) == (1, 2)


def test_items_of_an_earlier_run_are_no_progress_of_this_one():
    ledger = Ledger([Task("a", resumable=True)], 0)
    assert die(ledger, done=5, found=5) is EventKind.TASK_FAILED


def test_items_that_were_finished_before_and_are_finished_again_are_no_progress():
    ledger = Ledger([Task("a", resumable=True)], 0)
    assert die(ledger, done=2) is EventKind.TASK_PUT_BACK
    assert die(ledger, done=2) is EventKind.TASK_FAILED


def test_a_task_that_cannot_be_resumed_spends_a_retry_with_every_death():
    ledger = Ledger([Task("a")], 0)
    assert die(ledger, done=5) is EventKind.TASK_FAILED


def test_an_error_of_the_task_spends_a_retry_however_far_it_came():
    ledger = Ledger([Task("a", resumable=True)], 0)
    event = ledger.settle(ledger.take(), Ending(end="failed", reason="no such asset", done=5))
    assert (event.kind, event.message) == (EventKind.TASK_FAILED, "no such asset")


def test_a_reach_follows_the_items_and_remembers_where_it_began():
    reach = Reach()
    for event in (
        Event(kind=EventKind.RESUMED, done=3),
        Event(kind=EventKind.ITEM, done=4),
        Event(kind=EventKind.NOTE, message="half way"),
        Event(kind=EventKind.ITEM, done=6),
    ):
        reach.note(event)
    assert reach == Reach(done=6, found=3)


def test_a_task_that_starts_over_after_every_recycling_does_not_loop():
    ledger = Ledger([Task("a")], 0)
    assert ledger.settle(ledger.take(), Ending(end="recycle", done=2)).kind is EventKind.TASK_PUT_BACK
    assert ledger.settle(ledger.take(), Ending(end="recycle", done=2)).kind is EventKind.TASK_FAILED


def test_running_and_waiting_tasks_are_unfinished():
    ledger = Ledger([Task("b"), Task("a")], 0)
    ledger.take()
    assert ledger.report(2.0).unfinished == ("a", "b")


def test_two_tasks_of_one_id_are_refused():
    with pytest.raises(ValueError, match="unique, these are not: a$"):
        Ledger([Task("a"), Task("b"), Task("a")], 0)


def test_deaths_in_a_row_that_a_task_tolerates_spend_no_retry_and_a_new_item_forgives_them():
    ledger = Ledger([Task("a", resumable=True, tolerates=2)], 0)
    deaths = []
    for done in (0, 0, 1, 1, 1):
        run = ledger.take()
        deaths.append(run.task.deaths)
        kind = ledger.settle(run, Ending(end="died", reason="killed", done=done)).kind
    assert deaths == [0, 1, 2, 1, 2]
    assert kind is EventKind.TASK_FAILED


def test_items_that_nobody_was_told_of_forgive_deaths_once_a_run_finds_them():
    ledger = Ledger([Task("a", size=9, resumable=True, tolerates=1)], 0)
    for found in range(1, 6):  # each worker dies after an item, before it told of it
        assert die(ledger, done=found, found=found) is EventKind.TASK_PUT_BACK
    assert die(ledger, done=5, found=5) is EventKind.TASK_FAILED


def test_a_task_stays_with_the_kind_of_worker_that_began_it():
    ledger = Ledger([Task("a"), Task("b", kind="fast"), Task("c")], 1)
    assert (ledger.waiting("slow"), ledger.waiting("fast"), ledger.kinds()) == (2, 3, {"fast"})
    first = ledger.take("slow")
    assert ledger.settle(first, Ending(end="failed")).kind is EventKind.TASK_RETRIED
    assert [ledger.take("fast").task.id for _ in range(2)] == ["b", "c"]
    with pytest.raises(IndexError, match="no task waits for a worker of the kind 'fast'"):
        ledger.take("fast")
    again = ledger.take("slow")
    assert (again.task.id, again.attempt) == ("a", 2)


def test_the_tasks_of_a_kind_that_is_gone_are_anybodys_unless_they_came_some_way():
    ledger = Ledger([Task("a"), Task("b"), Task("c", kind="slow")], 0)
    begun, untouched = ledger.take("slow"), ledger.take("slow")
    ledger.settle(untouched, Ending(end="stopped"))
    ledger.settle(begun, Ending(end="stopped", done=3))
    events = ledger.abandon("slow", "none is left")
    assert sorted((event.kind, event.task_id) for event in events) == [
        (EventKind.TASK_FAILED, "a"),
        (EventKind.TASK_FAILED, "c"),
    ]
    assert ledger.take("fast").task.id == "b"
    assert not ledger.waiting("fast")


def test_a_worker_that_was_told_to_stop_spends_no_attempt_however_often():
    ledger = Ledger([Task("a")], 0)
    for _ in range(5):
        assert ledger.settle(ledger.take(), Ending(end="stopped")).kind is EventKind.TASK_PUT_BACK
    assert ledger.take().attempt == 1
