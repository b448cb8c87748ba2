"""What is wrong with settings, in one line of our words; whole numbers however they are written."""

from __future__ import annotations

import re
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from jobs.expected import complaints, with_whole_numbers


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    unit: Literal["cm", "m"] = "m"
    pair: tuple[int, int] = (0, 1)


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: int
    share: float = Field(default=0.5, gt=0)
    name: str = Field(default="a", pattern="^[a-z]+$")
    inner: Inner = Inner()
    many: tuple[Inner, ...] = Field(default=(Inner(),), min_length=1)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "steps: is missing"),
        ({"steps": "many"}, "steps: expected an integer, got 'many'"),
        ({"steps": 1, "share": None}, "share: expected a number, got nothing"),
        ({"steps": 1, "share": 0}, "share: should be greater than 0, got 0"),
        ({"steps": 1, "name": "A"}, "name: expected a text of the form ^[a-z]+$, got 'A'"),
        ({"steps": 1, "inner": {"unit": "yd"}}, "inner.unit: should be 'cm' or 'm', got 'yd'"),
        ({"steps": 1, "inner": 3}, "inner: expected a section of settings, got 3"),
        ({"steps": 1, "many": []}, "many: expected at least 1 item, got 0"),
        ({"steps": 1, "many": [{}, {"pair": 3}]}, "many.1.pair: expected a list, got 3"),
        ({"steps": 1, "inner": {"units": 1}}, "inner.units: unknown field"),
        (3, "the whole: expected a section of settings, got 3"),
        ({"steps": 1.5, "inner": 2}, "steps: expected an integer, got 1.5; inner: expected a section"),
    ],
)
def test_a_complaint_is_one_line_without_words_of_pydantic(given, said):
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate(given)
    text = complaints(refused.value, top="the whole")
    assert text.startswith(said) and not re.search(r"Input|type=|Tuple|valid|\n", text)


def test_only_the_first_complaints_are_told_and_the_rest_counted():
    with pytest.raises(ValidationError) as refused:
        Settings.model_validate({"steps": 1, "many": [{"unit": 3}] * 500})
    assert complaints(refused.value).endswith("; and 490 more")


@pytest.mark.parametrize(
    ("given", "number"), [("1e3", 1000), ("2.5E1", 25), ("10", 10), (7.0, 7), ("1e18", 10**18)]
)
def test_a_whole_number_may_have_an_exponent_anywhere(given, number):
    values = {"steps": given, "inner": {"pair": [given, 3]}, "many": [{}, {"pair": (1, given)}]}
    found = with_whole_numbers(Settings.model_validate, values)
    assert (found.steps, found.inner.pair, found.many[1].pair) == (number, (number, 3), (1, number))


@pytest.mark.parametrize("given", ["1e-3", "1.5e0", "1e999", "nan", "e3", "1e30"])
def test_what_is_not_whole_is_refused_as_before(given):
    with pytest.raises(ValidationError) as refused:
        with_whole_numbers(Settings.model_validate, {"steps": given})
    assert complaints(refused.value) == f"steps: expected an integer, got {given!r}"
