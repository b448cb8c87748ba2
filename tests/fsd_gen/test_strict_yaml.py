from __future__ import annotations

import pytest

from fsd_gen.sections import ConfigError
from fsd_gen.strict_yaml import read_mapping


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 1\nimage: {}\nseed: 2\n", "f: 'seed' is given twice, in lines 1 and 3; keep one"),
        ("image:\n  width: 1\n  height: 2\n  width: 3\n", "'width' is given twice, in lines 2 and 4"),
        ("a: {b: 1, b: 1}", "'b' is given twice, in lines 1 and 1"),
        ("list:\n- {x: 1}\n- {x: 1,\n   x: 2}", "'x' is given twice, in lines 3 and 4"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_with_both_lines(text, message):
    with pytest.raises(ConfigError, match=message):
        read_mapping(text, "f")


def test_the_same_key_in_different_sections_is_no_duplicate():
    assert read_mapping("a: {x: 1}\nb: {x: 1}\n", "f") == {"a": {"x": 1}, "b": {"x": 1}}


def test_what_a_merge_brings_may_be_overridden():
    text = "base: &b {x: 1, y: 2}\nmine: {<<: *b, x: 3}\n"
    assert read_mapping(text, "f")["mine"] == {"x": 3, "y": 2}


def test_an_empty_file_says_nothing():
    assert read_mapping("# only a comment\n", "f") == {}
