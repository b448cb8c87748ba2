from __future__ import annotations

import pytest

from fsd_gen.sections import ConfigError
from fsd_gen.strict_yaml import LARGEST_INT, read_mapping, read_text


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


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: " + "[" * 5000 + "]" * 5000, "f: is nested too deeply"),
        ("a: " + "[" * 60 + "]" * 60, "f: is nested too deeply"),
        ("a: &a {b: *a}", "f: is nested too deeply, or holds itself"),
        ("a: &a [*a]", "f: is nested too deeply, or holds itself"),
        ("a: 1\nseed: " + "9" * 5000, "f: line 2: not an integer that can be read: 999"),
        ("seed: 9223372036854775808", "f: line 1: an integer is too large"),
    ],
)
def test_what_has_no_end_is_one_line(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        read_mapping(text, "f")
    assert len(str(caught.value)) < 200


def test_aliases_of_aliases_are_read_in_no_time():
    text = "a0: &a0 [1, 1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    assert len(read_mapping(text, "f")) == 40


def test_the_largest_integer_is_read():
    assert read_mapping(f"seed: {LARGEST_INT}", "f") == {"seed": LARGEST_INT}


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "config.yaml").write_bytes(b"seed: \xff")
    with pytest.raises(ConfigError, match=r"config\.yaml: not a text file; expected UTF-8, byte 6"):
        read_text(tmp_path / "config.yaml")
