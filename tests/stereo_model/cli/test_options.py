from __future__ import annotations

import pytest

from stereo_model.cli.options import OptionError, assignments, data_source
from stereo_model.training.recipe import load_recipe


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("folder:pairs", ("folder", ["pairs"], {})),
        ("middlebury:/m,resolution=Q", ("middlebury", ["/m"], {"resolution": "Q"})),
        ("shards:runs/*", ("shards", ["runs/*"], {})),
        ("shards:*.h5", ("shards", ["*.h5"], {})),
        (
            "shards:runs/a,runs/b/rounds/1,keep.stratum=flying,keep.flags.sky=0.5",
            ("shards", ["runs/a", "runs/b/rounds/1"], {"keep": {"stratum": "flying", "flags": {"sky": 0.5}}}),
        ),
        (
            "shards:a,keep.stratum=[flying,indoor]",
            ("shards", ["a"], {"keep": {"stratum": ["flying", "indoor"]}}),
        ),
        ("shards:a,keep.baseline=0.05..0.3", ("shards", ["a"], {"keep": {"baseline": "0.05..0.3"}})),
    ],
)
def test_a_data_set_is_a_kind_its_places_and_its_options(text, expected):
    assert data_source(text) == expected


@pytest.mark.parametrize("text", ["folder", "folder:", "shards:a,keep=1,keep.stratum=b"])
def test_what_is_none_is_refused(text):
    with pytest.raises(OptionError):
        data_source(text)


def test_recipes_take_several_places_patterns_and_filters():
    given = assignments(
        ["data.shards.root=[runs/a, runs/b]", "data.shards.options.keep.stratum=flying", "training.steps=3"]
    )
    (choice,) = load_recipe("cpu", **given).data
    assert [str(place) for place in choice.root] == ["runs/a", "runs/b"]
    assert choice.options == {"keep": {"stratum": "flying"}}
    assert assignments(["data.shards.root=*.h5"]) == {"data.shards.root": "*.h5"}
