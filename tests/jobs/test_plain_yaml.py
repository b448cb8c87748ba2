"""YAML gives plain values or one line."""

import pytest

from jobs.plain_yaml import PlainYamlError, read_plain


def test_plain_values_and_aliases_are_read():
    text = "a: &a [1, 2.5, null, true]\nb: *a\nc: {d: text}"
    assert read_plain(text) == {"a": [1, 2.5, None, True], "b": [1, 2.5, None, True], "c": {"d": "text"}}
    assert read_plain("") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!!python/object/apply:os.getcwd []", "not valid YAML of plain values"),
        ("a: [", "not valid YAML"),
        ("a: &a [*a]", "holds itself by an alias"),
        ("[" * 1000, "nested too deeply"),
        ("a: 2024-13-45", "not valid YAML"),
        (
            "a: &a [1,1,1,1,1,1,1,1,1,1]\n"
            + "".join(
                f"{c}: &{c} [{','.join(['*' + p] * 10)}]\n" for p, c in zip("abcdef", "bcdefg", strict=True)
            ),
            "stands for more than",
        ),
    ],
)
def test_anything_else_is_one_line(text, expected):
    with pytest.raises(PlainYamlError, match=expected) as caught:
        read_plain(text)
    assert "\n" not in str(caught.value)
