"""A folder put into a store appears there by its mark, whenever whoever puts it dies."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.store.base import StoreError
from jobs.store.urls import parse
from jobs.store.whole import put_whole


@pytest.fixture
def made(tmp_path) -> Path:
    for name in ("shards/0.h5", "shards/1.h5", "README.md", "mark.json", "plan.json", ".hidden"):
        (tmp_path / "made" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "made" / name).write_text(f"new {name}")
    return tmp_path / "made"


def put(made: Path, place) -> None:
    put_whole(made, parse(f"{place.url}/set"), mark="mark.json", begun="plan.json")


def new(place) -> dict[str, bytes]:
    names = ("README.md", "mark.json", "shards/0.h5", "shards/1.h5")
    assert place.names() == [f"set/{name}" for name in names]
    return {name: place.read(f"set/{name}") for name in names}


def test_what_is_put_is_the_folder_and_nothing_of_what_was_there(place, made):
    for name in ("mark.json", "shards/0.h5", "shards/7.h5", "sub/x"):
        place.write(f"set/{name}", b"old")
    put(made, place)
    assert new(place) == {name: f"new {name}".encode() for name in new(place)}


@pytest.mark.parametrize("changes", range(1, 9))
def test_the_mark_is_there_only_while_all_is_there_and_what_was_cut_short_goes_on(place, made, changes):
    for name in ("mark.json", "shards/0.h5", "shards/7.h5"):
        place.write(f"set/{name}", b"old")
    left = iter(range(changes))

    def fault(way) -> bool:
        if way.command not in (place.sends, "DELETE") or next(left, None) is not None:
            return False
        return way.say(403, "AccessDenied")

    with place.way(fault), pytest.raises(StoreError, match="no permission"):
        put(made, place)
    there = {name: place.read(name) for name in place.names()}
    mark = there.pop("set/mark.json", b"")
    assert "set/plan.json" in there
    if mark == b"old":
        assert there["set/shards/0.h5"] == there["set/shards/7.h5"] == b"old"
    if mark == b"new mark.json":
        assert {"set/README.md", "set/shards/0.h5", "set/shards/1.h5"} <= set(there)
        assert b"old" not in there.values()
    put(made, place)
    assert b"old" not in new(place).values()
