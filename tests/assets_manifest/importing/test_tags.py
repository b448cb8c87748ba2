"""Objects get a role, so that styles can place them: the user's, else one guessed, which the report says."""

from __future__ import annotations

import pytest

from assets_manifest.importing.tags import ROLES, guess
from assets_manifest.library import open_library
from tests.assets_manifest.importing.files import brought_in, obj


@pytest.mark.parametrize(
    ("name", "size_m", "role"),
    [
        ("OfficeChair_03", (0.6, 0.6, 1.1), {"floor", "indoor", "seat"}),
        ("mug", (0.1, 0.08, 0.1), {"tabletop", "indoor"}),
        ("ceiling lamp", (0.4, 0.4, 0.3), {"ceiling", "indoor", "lamp"}),
        ("wall mirror", (0.5, 0.03, 0.9), {"wall", "indoor"}),
        ("persian rug", (2, 3, 0.01), {"floor", "rug", "indoor"}),
        ("red_car", (1.8, 4.2, 1.5), {"vehicle", "outdoor"}),
        ("old-oak-tree", (4, 4, 7), {"outdoor", "plant"}),
        ("thing", (5, 5, 5), {"outdoor"}),
        ("woman standing", (0.5, 0.4, 1.7), {"character"}),
        ("door", (0.9, 0.1, 2.0), {"door_window"}),
    ],
)
def test_a_role_is_guessed_from_name_and_size(name, size_m, role):
    assert role == guess(name, size_m) and role & ROLES


def test_a_role_that_is_given_is_not_guessed_and_what_is_guessed_is_said(tmp_path):
    obj(tmp_path / "in/table.obj", (1.2, 0.75, 0.8))
    said = brought_in(tmp_path / "in", tmp_path / "packs").entered[0]
    assert set(said.guessed) >= {"floor", "table"}
    given = brought_in(tmp_path / "in", tmp_path / "packs", tags=("wall",)).entered[0]
    assert given.guessed == ()
    asset = open_library(["mine"], tmp_path / "packs").get("mine/table")
    assert "floor" not in asset.tags and asset.hang_m == pytest.approx(1.2)


def test_a_table_is_a_support_with_its_free_top(tmp_path):
    obj(tmp_path / "in/table.obj", (1.2, 0.75, 0.8))
    brought_in(tmp_path / "in", tmp_path / "packs")
    asset = open_library(["mine"], tmp_path / "packs").get("mine/table")
    assert "support" in asset.tags and asset.top_m == pytest.approx(0.75, abs=0.01)


def test_a_support_without_a_free_top_is_said(tmp_path):
    obj(tmp_path / "in/post.obj", (0.1, 2, 0.1))
    report = brought_in(tmp_path / "in", tmp_path / "packs", tags=("support", "floor"))
    assert "no free level top" in report.entered[0].notes[0]
