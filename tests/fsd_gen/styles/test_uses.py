"""Of every object it is said which styles draw it, or why none does; and no style draws another."""

from __future__ import annotations

import pytest

from assets_manifest.made.registry import is_made
from fsd_gen.styles.registry import style_names
from fsd_gen.styles.uses import NEVER, NOBODY, REASONS, uses

PLACES = {  # what a style is made of
    "indoor": ("rooms",),
    "planted-mirror": ("rooms",),
    "mixed": ("mixed", "rooms"),
    "outdoor": ("outdoor", "streets", "rooms"),
    "driving": ("streets", "outdoor", "rooms"),
    "navigation": ("navigation", "rooms", "streets", "outdoor"),
    "manipulation": ("manipulation", "rooms"),
}


class Relabelled:
    """A library whose objects wear these tags and nothing else that could be known."""

    def __init__(self, library, **tags):
        self.library, self.tags = library, tags

    def __iter__(self):
        for asset in self.library:
            yield (
                asset.model_copy(update={"tags": self.tags[name]})
                if (name := asset.id.rpartition("/")[2]) in self.tags
                else asset
            )

    def select(self, kind, *, tags=(), without=()):
        return tuple(
            a for a in self if a.kind == kind and set(tags) <= set(a.tags) and not set(without) & set(a.tags)
        )


def test_every_object_has_a_style_or_a_reason(library):
    said = uses(library)
    assert set(said) == {asset.id for asset in library if asset.kind == "object"}
    assert all(said.values()) and not any(NOBODY in each for each in said.values())


def test_what_no_style_can_use_says_why(library):
    tags = {"shape_box": ("door_window",), "shape_sphere": ("flat",)}
    said = uses(Relabelled(library, **tags))
    assert said["builtin/shape_box"] == NEVER + REASONS["door_window"]
    assert said["builtin/shape_sphere"] == NEVER + REASONS["flat"]
    assert not said["builtin/shape_cone"].startswith(NEVER)


@pytest.mark.parametrize("style", style_names())
def test_no_style_draws_an_object_of_which_it_is_not_said(first_scene, library, style):
    said = uses(library)
    for asset in {each.asset for each in first_scene(style).placements if not is_made(each.asset)}:
        assert any(place in said[asset] for place in PLACES.get(style, (style,))), asset
