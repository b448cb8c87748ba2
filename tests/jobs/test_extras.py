from __future__ import annotations

import pytest

from jobs.extras import MissingExtraError, extra


def test_a_missing_library_names_the_command_that_installs_it():
    with (
        pytest.raises(MissingExtraError, match=r"no_such_renderer .*pip install '\.\[render\]' in the check"),
        extra("render"),
    ):
        import no_such_renderer  # noqa: F401


def test_what_is_installed_is_imported():
    with extra("farm"):
        import json
    assert json.loads("1") == 1


def test_another_failure_of_the_library_is_not_hidden():
    with pytest.raises(ImportError, match="cannot import name") as caught, extra("farm"):
        from json import no_such_name  # noqa: F401
    assert not isinstance(caught.value, MissingExtraError)
