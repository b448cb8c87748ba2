"""Which run a command means."""

from __future__ import annotations

import pytest

from curation.cli.commands import run_around


def test_a_path_inside_a_run_means_the_run_and_says_so(tmp_path, capsys):
    run = tmp_path / "run"
    (run / "shards").mkdir(parents=True)
    (run / "config.yaml").write_text("seed: 1\n")
    shard = run / "shards" / "00000.h5"
    shard.touch()
    assert run_around(run) == run and capsys.readouterr().err == ""
    for place in (run / "shards", shard):
        assert run_around(place) == run
        assert f"{place} lies in the run {run}" in capsys.readouterr().err.replace("\n", "")


@pytest.mark.parametrize("mark", ["published.json", None])
def test_a_published_set_and_what_is_in_no_run_stay_themselves(tmp_path, mark):
    run = tmp_path / "run"
    (run / "shards").mkdir(parents=True)
    if mark:
        (run / "config.yaml").write_text("seed: 1\n")
    place = run / "curated"
    place.mkdir()
    if mark:
        (place / mark).write_text("{}")
    assert run_around(place) == place
