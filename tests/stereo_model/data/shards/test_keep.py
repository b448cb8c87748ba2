from __future__ import annotations

import math

import pytest

from fsd_gen.shards.flags import Flag
from stereo_model.data.base import DataOptionError
from stereo_model.data.shards.keep import FLAGS, Keep, Span


def test_the_flags_are_those_of_the_shards():
    assert tuple(str(flag.name).lower() for flag in Flag) == FLAGS


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"stratm": "a"}, "keep.stratm: there are stratum, baseline, .*; did you mean stratum?"),
        ({"stratum": 3}, "keep.stratum: expected a name or a list of names, got 3"),
        ({"stratum": []}, "expected a name"),
        ({"baseline": 0.2}, "keep.baseline: expected .LOWEST, HIGHEST. or LOWEST..HIGHEST, got 0.2"),
        ({"baseline": [0.3, 0.1]}, "keep.baseline: expected .* rising"),
        ({"baseline": "a..b"}, "of numbers, got 'a..b'"),
        ({"disparity": [math.nan, 3]}, "of numbers"),
        ({"disparity": [1, 2, 3]}, "keep.disparity: expected"),
        ({"flags": {"sky": 1.5}}, "keep.flags.sky: expected .* between 0 and 1"),
        ({"flags": {"miror": 0.5}}, "did you mean mirror"),
        ({"flags": 0.5}, "keep.flags: expected shares by flag"),
        ({"verdict": "keeep"}, "did you mean keep"),
        ("flying", "keep: expected fields such as keep.stratum=flying"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_by_name(values, complaint):
    with pytest.raises(DataOptionError, match=complaint):
        Keep.parse(values)


def test_a_stratum_that_is_not_there_is_refused_with_those_that_are():
    wanted = Keep.parse({"stratum": ["flying", "indor"]})
    with pytest.raises(DataOptionError, match="'indor': there are flying, indoor; did you mean indoor"):
        wanted.require_strata(["indoor", "flying", "flying"])
    wanted.require_strata(["indor", "flying"])
    Keep().require_strata(["flying"])


def test_ranges_include_their_ends_and_may_lack_one():
    assert (
        Keep.parse({"disparity": "2..192"}).disparity
        == Span(2, 192)
        == Keep.parse({"disparity": [2, 192]}).disparity
    )
    assert Keep.parse({"disparity": "..192"}).disparity == Span(0, 192)
    assert Keep.parse({"baseline": [0.1, None]}).baseline == Span(0.1, math.inf)
    assert Span(1, 2).holds(1.0, 2.0) and not Span(1, 2).holds(2.1) and not Span(1, 2).holds(None)


def test_every_field_decides():
    sample = {
        "stratum": "flying",
        "baseline_m": 0.2,
        "disparity_p05": 4.0,
        "disparity_max": 90.0,
        "sky_share": 0.3,
    }
    assert Keep().accepts(sample.__getitem__)
    for wanted, refused in (
        ({"stratum": "flying"}, {"stratum": "indoor"}),
        ({"baseline": "0.2..0.2"}, {"baseline": "0.21.."}),
        ({"disparity": "4..90"}, {"disparity": "..89"}),
        ({"disparity": "4.."}, {"disparity": "4.1.."}),
        ({"flags": {"sky": 0.3}}, {"flags": {"sky": 0.29}}),
        ({"verdict": "unjudged"}, {"verdict": "keep"}),
    ):
        assert Keep.parse(wanted).accepts(sample.__getitem__)
        assert not Keep.parse(refused).accepts(sample.__getitem__)
    assert set(Keep.parse({"disparity": "1..", "flags": {"sky": 1}}).columns) == {
        "disparity_p05",
        "disparity_max",
        "sky_share",
    }
