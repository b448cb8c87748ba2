"""What a curated dataset says of itself."""

from __future__ import annotations

from curation.publish.card import attribution, dataset_card, plain
from curation.publish.select import Selection
from fsd_gen.shards.format import ShardMeta
from tests.curation.rounds.test_population import drawn
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
    card = dataset_card("run", 1, CONFIG, selection, META, "digest")
    assert "| `a'/ # (b)x` | 1 |" in card and plain("a`b") == "a'b"
