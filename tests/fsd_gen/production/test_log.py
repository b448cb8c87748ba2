from __future__ import annotations

import traceback

import pytest

from fsd_gen.checks.defects import Defect, DefectCode
from fsd_gen.production.attempt import Attempt
from fsd_gen.production.log import RunLog, cause, given_up, why_quarantined
from fsd_gen.scene.slots import SlotKey
from jobs.task import Event, EventKind


def trace(error: Exception) -> str:
    try:
        raise error
    except Exception:
        return traceback.format_exc()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (trace(ValueError("bad\nscene")), "ValueError: bad scene"),
        (trace(ValueError()), "ValueError"),
        ("no start:\n" + trace(OSError(28, "No space left")), "OSError: [Errno 28] No space left"),
        ("the worker was killed", "the worker was killed"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_traceback_is_told_by_its_exception(text, told):
    assert cause(text) == told


def test_the_log_keeps_tracebacks_and_passes_every_event_on(tmp_path):
    seen: list[Event] = []
    log = RunLog(tmp_path, seen.append)
    log(Event(kind=EventKind.TASK_FAILED, task_id="shards/00000", message=trace(ValueError("bad"))))
    log(Event(kind=EventKind.WARNING, message="0000001-a0 drawn again", data="Traceback ...\n  File"))
    log(Event(kind=EventKind.ITEM, done=1))
    text = log.path.read_text()
    assert "task_failed shards/00000" in text and "raise error\nValueError: bad" in text
    assert "drawn again\nTraceback ...\n  File" in text and "item" not in text
    assert [event.kind for event in seen] == [EventKind.TASK_FAILED, EventKind.WARNING, EventKind.ITEM]


def test_a_log_that_cannot_be_written_stops_nothing_and_says_why(tmp_path):
    (tmp_path / "render.log").mkdir()
    log = RunLog(tmp_path)
    log.write("something")
    assert "render.log: is a folder" in log.problem


def test_the_log_knows_why_slots_were_given_up(tmp_path):
    log, key = RunLog(tmp_path), SlotKey(slot=7)
    flags, stage = (
        Defect(code=DefectCode.FLAGS, detail="3\npixels"),
        Defect(code=DefectCode.BAD_STAGE, detail="no floor"),
    )
    tried = [Attempt(key=key, sample=None, defects=each) for each in ((flags,), (stage, flags))]
    assert why_quarantined(tmp_path) == {}
    log(Event(kind=EventKind.WARNING, task_id="shards/00000", message=given_up(7, tried)))
    log(Event(kind=EventKind.WARNING, message="slot 9: mitsuba hung on it (1 of 3); tried again"))
    assert why_quarantined(tmp_path) == {7: "flags (3 pixels); bad_stage (no floor)"}
