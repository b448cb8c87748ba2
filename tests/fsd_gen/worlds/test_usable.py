"""A stage of the user's is looked at once, however often it is asked for, and again when it changed."""

from __future__ import annotations

import pytest

from fsd_gen.config import load_config
from fsd_gen.production.worlds import worlds_of
from fsd_gen.worlds import usable
from tests.fsd_gen.worlds.halls import hall


@pytest.mark.usefixtures("assets_home")
def test_a_stage_is_looked_at_once_at_start_and_again_only_when_it_changed(tmp_path, monkeypatch):
    stage, looked_at = hall(tmp_path), []
    measure_of = usable.measure_of
    monkeypatch.setattr(usable, "measure_of", lambda path: looked_at.append(path) or measure_of(path))
    config = load_config("demo", {"styles": {"environment": {"stages": [str(stage)]}}})
    first = worlds_of(config)
    assert worlds_of(config) == first and looked_at == [stage]
    stage.write_text(stage.read_text().replace("0.6", "0.62"))
    assert worlds_of(config) != first and looked_at == [stage, stage]
