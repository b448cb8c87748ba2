from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.ledger import Ledger, Outcome
from jobs.task import EventKind, Task

outcomes = st.builds(
    Outcome,
    end=st.sampled_from(["done", "failed", "recycle"]),
    result=st.just("result"),
    reason=st.just("reason"),
    done=st.integers(0, 3),
)


@given(st.integers(0, 5), st.integers(0, 2), st.lists(outcomes, max_size=60))
def test_every_task_ends_once_after_a_bounded_number_of_attempts(count, max_retries, script):
    ledger = Ledger([Task(str(index)) for index in range(count)], max_retries)
    last = Outcome(end="failed", reason="the script is over")
    ended, attempts = [], {}
    for outcome in [*script, *[last] * (count * (max_retries + 1))]:
        if not ledger.outstanding:
            break
        attempt = ledger.take()
        attempts[attempt.task.id] = attempt.number
        event = ledger.settle(attempt, outcome)
        if event.kind in (EventKind.TASK_DONE, EventKind.TASK_FAILED):
            ended.append(event.task_id)
    report = ledger.report(1.0)
    assert not ledger.outstanding and report.unfinished == ()
    assert sorted(ended) == sorted([*report.done, *report.failed]) == [str(index) for index in range(count)]
    assert all(number <= max_retries + 1 for number in attempts.values())
    assert report.retried == sum(number - 1 for number in attempts.values())


def test_a_failed_task_waits_behind_the_others_and_a_recycled_one_goes_first():
    ledger = Ledger([Task("a"), Task("b"), Task("c")], 1)
    assert ledger.settle(ledger.take(), Outcome(end="failed")).kind is EventKind.TASK_RETRIED
    assert ledger.settle(ledger.take(), Outcome(end="recycle", done=1)).kind is EventKind.TASK_PUT_BACK
    assert [(ledger.take().task.id) for _ in range(3)] == ["b", "c", "a"]


def test_recycling_without_progress_counts_as_an_attempt():
    ledger = Ledger([Task("a")], 0)
    event = ledger.settle(ledger.take(), Outcome(end="recycle", reason="tired"))
    assert (event.kind, event.message) == (
        EventKind.TASK_FAILED,
        "recycled without coming further: tired",
    )


def test_a_task_that_starts_over_after_every_recycling_does_not_loop():
    ledger = Ledger([Task("a")], 0)
    assert ledger.settle(ledger.take(), Outcome(end="recycle", done=2)).kind is EventKind.TASK_PUT_BACK
    assert ledger.settle(ledger.take(), Outcome(end="recycle", done=2)).kind is EventKind.TASK_FAILED


def test_running_and_waiting_tasks_are_unfinished():
    ledger = Ledger([Task("b"), Task("a")], 0)
    ledger.take()
    assert ledger.report(2.0).unfinished == ("a", "b")


def test_two_tasks_of_one_id_are_refused():
    with pytest.raises(ValueError, match="unique, these are not: a$"):
        Ledger([Task("a"), Task("b"), Task("a")], 0)
