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
        ("a: {b: {c: [{d: 1, d: 2}]}}", "'d' is given twice, in lines 1 and 1"),
        ("a: &a {x: 1}\nb:\n  <<: *a\n  <<: *a", "'<<' is given twice, in lines 3 and 4.*<<: "),
        ("a: &a {x: 1, x: 2}\nb: {<<: *a}", "'x' is given twice, in lines 1 and 1"),
        ("a: {1: x, 1.0: y}", "1.0 is given twice"),
        ('a: {"x": 1, x: 2}', "'x' is given twice"),
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


def test_a_merge_of_a_merge_that_is_made_later_is_no_duplicate():
    text = "base: {b: &b {<<: &a {x: 0}, x: 1}}\nmine: {<<: *b, x: 3}"
    assert read_mapping(text, "f") == {"base": {"b": {"x": 1}}, "mine": {"x": 3}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("seed: 010", "line 1: YAML reads 010 in base 8 or 60"),
        ("a: 1\nseed: 1:30", "line 2: YAML reads 1:30 in base 8 or 60"),
        ("a: 1:30.5", "base 8 or 60"),
        ("a: 2001-99-99", None),
        ("a: !!timestamp x", None),
        ("a: !!binary aGk=", "line 1: expected plain values, got !!binary"),
        ("a: !!set {x}", "expected plain values, got !!set"),
        ("a: !!float abc", "could not convert"),
    ],
)
def test_values_are_what_they_look_like_or_refused(text, message):
    if message is None:
        assert read_mapping(text, "f")["a"] == text.split()[-1]
        return
    with pytest.raises(ConfigError, match=message):
        read_mapping(text, "f")


def test_a_byte_order_mark_is_no_part_of_the_first_key():
    assert read_mapping("\ufeffseed: 1", "f") == {"seed": 1}


def test_a_file_far_too_long_is_refused_unread(tmp_path):
    with (tmp_path / "c.yaml").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigError, match="is no configuration: 1099511627776 bytes"):
        read_text(tmp_path / "c.yaml")


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


@pytest.mark.parametrize("levels", [20, 45])
def test_aliases_of_aliases_are_refused_in_no_time(levels):
    bomb = "a0: &a0 [1, 1]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, levels))
    for text in (bomb, bomb.replace("[", "{x: ").replace(", ", ", y: ").replace("]", "}")):
        with pytest.raises(ConfigError, match="unfolds to more than 100000 values"):
            read_mapping(text, "f")


def test_the_largest_integer_is_read():
    assert read_mapping(f"seed: {LARGEST_INT}", "f") == {"seed": LARGEST_INT}


def test_a_file_that_is_no_text_is_named(tmp_path):
    (tmp_path / "config.yaml").write_bytes(b"seed: \xff")
    with pytest.raises(ConfigError, match=r"config\.yaml: not a text file; expected UTF-8, byte 6"):
        read_text(tmp_path / "config.yaml")
