"""What comes of a slot, step by step: refused draws, ends of processes at it, and a stored sample or none."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from fsd_gen.checks.defects import DefectCode
from fsd_gen.production.attempt import Attempt
from fsd_gen.production.counts import Counts, quarantined
from fsd_gen.production.watch import MOST_DEATHS, MOST_STACKS, Watch, code_of
from fsd_gen.scene.slots import SlotKey
from jobs.task import Event, EventKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A sample that is safe on disk."""

    key: SlotKey
    counts: Counts  # what it took
    remark: str  # what the checks could not tell, if anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A process ended at the slot; too often, and it is given up."""

    message: str
    reasons: Sequence[DefectCode]  # one for each time
    trace: str | None  # the stack of the last time, where it left one
    given_up: bool

    def event(self) -> Event:
        """As it is reported."""
        counts = quarantined([self.reasons]) if self.given_up else {}
        return Event(kind=EventKind.WARNING, message=self.message, data=self.trace, counts=counts)


Step = Attempt | Stored | Cut
Steps = Generator[Step, None, None]


def cut_of(watch: Watch, slot: int, deaths: int, renderer: str, *, beside: bool = False) -> Cut | None:
    """What processes left that ended at a slot, `deaths` of them in a row; None if that is nothing.

    `beside`: the last of them was a hand of the process that renders.
    """
    stacks = watch.stacks(slot)
    if stacks:
        reasons, most = [code_of(stack) for stack in stacks], MOST_STACKS
        who = f"a process beside {renderer}" if beside else renderer
        what = f"{who} {'hung' if reasons[-1] is DefectCode.HUNG else 'crashed'} on it"
    else:
        reasons, most = [DefectCode.CRASHED] * deaths, MOST_DEATHS
        what = f"{'a process beside' if beside else 'the process of'} {renderer} died at it"
    if not reasons:
        return None
    given_up = len(reasons) >= most or deaths >= MOST_DEATHS
    then = "quarantined" if given_up else "tried again"
    return Cut(
        message=f"slot {slot}: {what} ({len(reasons)} of {most}); {then}",
        reasons=reasons,
        trace=stacks[-1] if stacks else None,
        given_up=given_up,
    )
