"""What a curated dataset says of itself."""

from __future__ import annotations

from pathlib import Path

from curation.judging.verdicts import Outcome
from curation.publish.card import attribution, dataset_card, plain
from curation.publish.select import Origins, Selection, origins
from curation.rounds.state import RunState
from fsd_gen.shards.format import ShardMeta
from tests.curation.rounds.test_population import drawn, verdict
from tests.curation.world import CONFIG, META


def test_attributions_are_merged_each_line_once():
    def meta(attribution: str) -> ShardMeta:
        values = {name: getattr(META, name) for name in ShardMeta.__slots__}
        return ShardMeta(**values | {"attribution": attribution})

    text = attribution([meta("- CC0: Chair by Ann\n- MIT: Sofa"), meta("- MIT: Sofa\n- CC-BY: Lamp by Cem")])
    assert text.splitlines()[-3:] == ["- CC-BY: Lamp by Cem", "- CC0: Chair by Ann", "- MIT: Sofa"]
    assert text.count(META.licence) == 1
    assert "name nobody" in attribution([meta("")])


def test_names_cannot_break_out_of_the_card():
    sample = drawn(0, stratum="a`|\n# <b>x")
    selection = Selection(
        samples=(sample,), verdicts=(), rejected_successors=0, unjudged=0, unjudged_published=False
    )
    origins = Origins(by_round={0: 1}, refused=0)
    card = dataset_card("run", 1, CONFIG, selection, origins, META, "digest")
    assert "| `a'/ # (b)x` | 1 |" in card and plain("a`b") == "a'b"


def test_what_the_checks_refused_is_not_counted_as_drawn_again():
    """Slot 0 passed at once, slot 1 at its third attempt; slot 2 was rejected twice, refused once between."""
    state = RunState(
        run_dir=Path("run"),
        rounds=(),
        verdicts={
            1: (verdict(0, Outcome.KEEP), verdict(1, Outcome.KEEP, 2), verdict(2, Outcome.DROP)),
            2: (verdict(0, Outcome.KEEP), verdict(1, Outcome.KEEP, 2), verdict(2, Outcome.UNSCORABLE, 2)),
        },
        final=None,
        drawn={0: (drawn(0), drawn(1, 2), drawn(2)), 1: (drawn(2, 2),), 2: (drawn(2, 3),)},
        slots=frozenset(range(3)),
        slots_per_shard=3,
        smallest_hw=(40, 64),
    )
    found = origins([drawn(0), drawn(1, 2), drawn(2, 3)], state)
    assert found == Origins(by_round={0: 2, 2: 1}, refused=3)
    selection = Selection(
        samples=(), verdicts=(), rejected_successors=0, unjudged=0, unjudged_published=False
    )
    card = dataset_card("run", 2, CONFIG, selection, found, META, "digest")
    assert "| first | 2 |" in card and "| again, after round 2 had rejected another | 1 |" in card
    assert "3 attempts at these slots failed the generator's own checks before any model saw them" in card
