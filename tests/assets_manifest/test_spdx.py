"""Expressions of licences are read as SPDX means them, and what it does not know is named."""

from __future__ import annotations

import pytest

from assets_manifest.spdx import LicenceError, asks_for_author, canonical, members


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("CC-BY-4.0 OR MIT", "CC-BY-4.0 OR MIT"),
        ("mit and apache-2.0", "MIT AND Apache-2.0"),
        ("(mit AND cc-by-4.0) or licenseref-own", "(MIT AND CC-BY-4.0) OR LicenseRef-own"),
        ("GPL-2.0-only with Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
    ],
)
def test_an_expression_is_kept_in_the_letters_that_spdx_gives_it(given, kept):
    assert canonical(given) == kept


@pytest.mark.parametrize(
    ("given", "unknown"),
    [
        ("MIT OR Bogus", "Bogus"),
        ("(GPL-2.0-only WITH Classpath-exception-2.0) AND (MIT OR all-mine)", "all-mine"),
        ("MIT OR", "MIT OR"),
        ("MIT Apache-2.0", "MIT Apache-2.0"),
        ("MIT WITH MIT", "MIT WITH MIT"),
        ("((MIT)", "((MIT)"),
        ("MIT\nOR Apache-2.0", "MIT\nOR Apache-2.0"),
        ("(" * 150 + "MIT" + ")" * 150, "(" * 150 + "MIT" + ")" * 150),
        ("", ""),
    ],
)
def test_what_is_no_expression_is_refused_and_its_unknown_member_named(given, unknown):
    with pytest.raises(LicenceError) as caught:
        canonical(given)
    assert caught.value.unknown == unknown


@pytest.mark.parametrize(
    ("licence", "asks"),
    [
        ("CC-BY-4.0", True),
        ("MIT", False),
        ("CC-BY-4.0 OR MIT", False),
        ("CC-BY-4.0 OR CC-BY-SA-4.0", True),
        ("CC-BY-4.0 AND MIT", True),
        ("MIT OR Apache-2.0 AND CC-BY-4.0", False),  # AND binds first
        ("(MIT OR Apache-2.0) AND CC-BY-4.0", True),
        ("MIT AND (CC-BY-4.0 OR CC0-1.0)", False),
        ("GPL-2.0-only WITH Classpath-exception-2.0 AND CC-BY-4.0", True),
    ],
)
def test_an_author_is_asked_for_where_no_choice_does_without(licence, asks):
    assert asks_for_author(licence) is asks


def test_members_are_named_once_and_exceptions_are_none():
    licence = "(MIT AND CC-BY-4.0) OR (GPL-2.0-only WITH Classpath-exception-2.0 AND MIT)"
    assert members(licence) == ("MIT", "CC-BY-4.0", "GPL-2.0-only")
