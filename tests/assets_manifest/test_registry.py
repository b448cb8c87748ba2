from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from assets_manifest import packs, registry
from assets_manifest.library import Pack, save_pack
from assets_manifest.registry import (
    PackRecipe,
    PackRecipeError,
    pack_statuses,
    recipe_of,
    recipes,
    refuse_unknown_packs,
)

ROOT = Path(__file__).parents[2]
A_PACK = """
from assets_manifest.library import Pack
from assets_manifest.registry import PackRecipe

def build(folder, scratch, on_progress, *, allow_partial):
    return Pack(name="{name}", version="1", licence="x")

RECIPE = PackRecipe(name="{name}", version="1", about="one file", build=build)
"""


def test_every_shipped_pack_is_found_under_its_own_name() -> None:
    assert list(recipes()) == ["builtin", "surfaces", "sweethome3d"]
    assert all(recipe.name == name and recipe.about for name, recipe in recipes().items())


def test_a_new_pack_is_one_new_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "crystals.py").write_text(A_PACK.format(name="crystals"))
    monkeypatch.setattr(packs, "__path__", [*packs.__path__, str(tmp_path)])
    assert recipes()["crystals"].about == "one file"


def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *values: str) -> None:
    entries = [EntryPoint(name=f"e{n}", value=value, group="fsd_gen.packs") for n, value in enumerate(values)]
    monkeypatch.setattr(registry, "entry_points", lambda group: entries)
    monkeypatch.syspath_prepend(tmp_path)


def test_an_installed_package_adds_packs_through_entry_points(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "users_package.py").write_text(A_PACK.format(name="mine"))
    installed(monkeypatch, tmp_path, "users_package:RECIPE")
    assert isinstance(recipes()["mine"], PackRecipe)


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("builtin", "taken_package:RECIPE", "there is a pack 'builtin' already"),
        (
            "mine",
            "taken_package:build",
            "entry point 'e0' of fsd_gen.packs .* is to be a PackRecipe, got function",
        ),
    ],
)
def test_what_is_no_recipe_or_has_a_name_that_is_taken_is_refused_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, complaint: str
) -> None:
    (tmp_path / "taken_package.py").write_text(A_PACK.format(name=name))
    monkeypatch.delitem(sys.modules, "taken_package", raising=False)
    installed(monkeypatch, tmp_path, value)
    with pytest.raises(PackRecipeError, match=complaint):
        recipes()


@pytest.mark.parametrize("text", ["import no_such_lib", "1 / 0", "raise RuntimeError('two\\nlines')", "def"])
def test_an_entry_point_that_cannot_be_loaded_disables_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "broken_package.py").write_text(text)
    monkeypatch.delitem(sys.modules, "broken_package", raising=False)
    installed(monkeypatch, tmp_path, "broken_package:RECIPE")
    assert list(recipes()) == ["builtin", "surfaces", "sweethome3d"]
    (status,) = (status for status in pack_statuses(tmp_path) if status.name == "e0")
    assert "cannot be loaded" in status.problem and status.pack is None
    for use in (recipe_of, lambda name: refuse_unknown_packs([name], tmp_path)):
        with pytest.raises(PackRecipeError, match="entry point 'e0' .* cannot be loaded: ") as caught:
            use("e0")
        assert "\n" not in str(caught.value)


def test_statuses_tell_what_is_here_and_count_a_folder_of_the_users_own(tmp_path: Path) -> None:
    save_pack(Pack(name="surfaces", version="1", licence="x", partial=True), tmp_path / "surfaces")
    save_pack(Pack(name="mine", version="1", licence="x"), tmp_path / "mine")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken/pack.yaml").write_text("[]")
    (tmp_path / ".building/mine").mkdir(parents=True)
    assert [(status.name, status.state, status.recipe) for status in pack_statuses(tmp_path)] == [
        ("builtin", "not fetched", True),
        ("surfaces", "0 assets, partial", True),
        ("sweethome3d", "not fetched", True),
        ("broken", "damaged", False),
        ("mine", "0 assets", False),
    ]


def test_listing_the_packs_loads_nothing_that_only_making_them_needs() -> None:
    code = (
        "import sys\nfrom assets_manifest.registry import pack_statuses\npack_statuses()\n"
        "print([name for name in ('PIL', 'pxr', 'OpenEXR', 'scipy', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "[]\n"
