"""A fault in somebody's style or renderer names the style or renderer, and where in it."""

from __future__ import annotations

import importlib
import sys
import textwrap

import pytest

from assets_manifest.library import MissingAssetError
from fsd_gen.backends.base import BackendError
from fsd_gen.production.blame import backend_blamed, style_blamed
from fsd_gen.production.errors import PluginError, StyleError

MODULE = """
    import random

    def broken(error):
        if isinstance(error, type):
            raise error
        random.Random(0).choice([])

    def compose(error):
        broken(error)
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    package = tmp_path / "theirs"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "scenes.py").write_text(textwrap.dedent(MODULE))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("theirs.scenes")
    for name in ("theirs", "theirs.scenes"):
        sys.modules.pop(name)


def test_what_a_style_raises_names_the_style_and_its_own_innermost_line(module):
    with pytest.raises(StyleError) as caught, style_blamed("reef", "theirs.scenes"):
        module.compose(None)
    text = str(caught.value)
    assert text.startswith("style 'reef' raised IndexError: Cannot choose from an empty sequence in ")
    assert text.endswith("theirs/scenes.py, line 7: random.Random(0).choice([])")


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, ZeroDivisionError])
def test_a_renderer_that_breaks_its_contract_is_named_and_is_no_fault_of_the_scene(module, error):
    told = f"backend 'ray' raised {error.__name__} in .*scenes.py, line 6"
    with pytest.raises(PluginError, match=told), backend_blamed("ray", "theirs.scenes"):
        module.compose(error)


def test_a_style_without_memory_may_succeed_the_next_time(module):
    told = "style 'reef' raised MemoryError"
    with pytest.raises(PluginError, match=told), style_blamed("reef", "theirs.scenes"):
        module.compose(MemoryError)


@pytest.mark.parametrize("error", [BackendError("no"), MissingAssetError("gone")])
def test_what_has_a_meaning_of_its_own_passes(error):
    for blamed in (style_blamed, backend_blamed):
        with pytest.raises(type(error)), blamed("reef", "theirs.scenes"):
            raise error
