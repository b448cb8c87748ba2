"""What of a run is to be published, and why each sample is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from curation.config import Policy
from curation.judging.verdicts import Outcome, Verdict
from curation.rounds.population import Population, RunSample, current_verdicts

if TYPE_CHECKING:  # the commands' help needs this file, and no shard
    from curation.rounds.state import RunState


class PublishError(ValueError):
    """The curated dataset cannot be written where it should go, or not without a decision."""


class Unjudged(StrEnum):
    """What becomes of the samples that no scorer judged."""

    KEEP = "keep"
    DROP = "drop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is to be published, and what is not."""

    samples: tuple[RunSample, ...]  # by slot
    verdicts: tuple[Verdict, ...]  # the one on each of them
    rejected_successors: int  # drawn last and rejected by the final scoring
    unjudged: int  # current samples that no scorer judged
    unjudged_published: bool  # and whether they are among `samples`


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Where the published samples come from.

    An attempt of a slot comes to nothing in one of two ways: the generator's checks refuse it, or a round
    rejects it and draws the slot again.
    """

    by_round: Mapping[int, int]  # samples by the round that drew them; 0 stands for the first draw
    refused: int  # earlier attempts of their slots that the checks refused


def origins(samples: Sequence[RunSample], state: RunState) -> Origins:
    """Where current samples of a run come from."""
    drawn_by = {sample.key: number for number, drawn in state.drawn.items() for sample in drawn}
    verdicts = (verdict for of_round in state.verdicts.values() for verdict in of_round)
    rejected = Counter(verdict.key.slot for verdict in verdicts if verdict.outcome.rejects)
    by_round = Counter(drawn_by[sample.key] for sample in samples)
    return Origins(
        by_round=dict(sorted(by_round.items())),
        refused=sum(sample.key.attempt - rejected[sample.key.slot] for sample in samples),
    )


def select(
    population: Population,
    verdicts: Sequence[Verdict],
    final: Sequence[Verdict],
    policy: Policy,
    unjudged: Unjudged | None,
) -> Selection:
    """The current samples that a verdict kept, and the unjudged ones if they are to be kept.

    `verdicts` are the last round's, `final` those on its successors as far as they are scored. Raises
    PublishError when samples are unjudged and nobody said what becomes of them.
    """
    judged = current_verdicts(population, (*verdicts, *final), policy)
    open_ones = [verdict for verdict in judged if verdict.outcome is Outcome.UNJUDGED]
    if open_ones and unjudged is None:
        raise PublishError(_undecided(open_ones, len(judged)))
    published = {Outcome.KEEP} | ({Outcome.UNJUDGED} if unjudged is Unjudged.KEEP else set())
    chosen = [verdict for verdict in judged if verdict.outcome in published]
    return Selection(
        samples=tuple(population.current[verdict.key.slot] for verdict in chosen),
        verdicts=tuple(chosen),
        rejected_successors=sum(verdict.outcome.rejects for verdict in judged),
        unjudged=len(open_ones),
        unjudged_published=bool(open_ones) and unjudged is Unjudged.KEEP,
    )


def _undecided(unjudged: Sequence[Verdict], samples: int) -> str:
    never = sum(not verdict.model_digest for verdict in unjudged)
    causes = ((never, "not scored yet"), (len(unjudged) - never, "scored by a model too weak to judge"))
    named = ", ".join(f"{count} {cause}" for count, cause in causes if count)
    return (
        f"{len(unjudged)} of {samples} samples are unjudged ({named}); give --unjudged keep to publish them "
        "or --unjudged drop to leave them out, or train longer and add a round"
    )
