"""A style is one file: here, or in a package of somebody else's that says so in its entry points."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from fsd_gen.config import ConfigError, load_config
from fsd_gen.production.attempt import trace_truth
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene, stratum_of
from fsd_gen.styles.registry import find_style, own_styles, style_names

UNDERWATER = """
from fsd_gen.scene.rotations import facing
from fsd_gen.scene.spec import CameraPose, Panel, SceneSpec
from fsd_gen.sections import Count
from fsd_gen.styles import lighting, materials
from fsd_gen.styles.sampler import Sampler, StyleConfig, count
from fsd_gen.styles.registry import Style


class Config(StyleConfig):
    fish: Count = (2, 4)


def compose(sampler: Sampler[Config]) -> SceneSpec:
    rng = sampler.rng("fish")
    coat = materials.surface(sampler, rng, "wall")
    panels = tuple(
        Panel(name=f"F{i}", position=(0, 2 + i, 0), rotation=facing((0, -1, 0)), size=(9, 9), material=coat)
        for i in range(count(rng, sampler.style.fish))
    )
    camera = CameraPose(position=(0, 0, 0), target=(0, 1, 0))
    return sampler.scene(sampler.rig(nearest_m=2.0), camera, panels=panels, dome=lighting.dome(sampler))


STYLE = Style(name="underwater", config=Config, compose=compose)
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package with entry points where Python finds it, as `pip install` would."""

    def put(module: str, text: str, **points: str) -> None:
        (tmp_path / f"{module}.py").write_text(text)
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        lines = "".join(f"{name} = {value}\n" for name, value in points.items())
        (info / "entry_points.txt").write_text(f"[fsd_gen.styles]\n{lines}")

    monkeypatch.syspath_prepend(str(tmp_path))
    find_style.cache_clear()
    yield put
    find_style.cache_clear()
    for module in [name for name, m in sys.modules.items() if _lies_in(tmp_path, m)]:
        del sys.modules[module]


def _lies_in(folder: Path, module: object) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(str(folder))


def test_the_styles_of_this_package_are_found_in_their_modules():
    names = list(own_styles())
    assert names == sorted(names)
    ours = {"driving", "environment", "flying", "indoor", "manipulation", "mixed", "navigation", "outdoor"}
    assert ours | {"planted-blank", "planted-mirror", "planted-repeat"} == set(names)


def test_a_style_of_another_package_is_found_configured_and_composed(install, small_config, library):
    install("reef", UNDERWATER, underwater="reef:STYLE")
    assert "underwater" in style_names()
    overrides = {"assets.packs": ["builtin"], "styles": {"underwater": {"weight": 2, "fish": [3, 3]}}}
    config = load_config("demo", overrides)
    assert stratum_of(config, 0) == "underwater"
    spec = compose_scene(config, library, SlotKey(slot=0))
    assert spec.stratum == "underwater" and len(spec.panels) == 3
    assert trace_truth(spec, library).disparity_left_hw.max() > 0
    assert load_config("demo", {"styles": {"underwater": {}}}).digest() != config.digest()


def test_its_settings_are_refused_with_the_names_it_knows(install):
    install("reef", UNDERWATER, underwater="reef:STYLE")
    with pytest.raises(ConfigError, match=r"styles.underwater.fisch: unknown field; did you mean 'fish'"):
        load_config("demo", {"styles": {"underwater": {"fisch": [1, 2]}}})


def test_an_unknown_style_is_met_with_the_nearest_name_and_all_known_ones():
    with pytest.raises(ConfigError, match="unknown style 'fliing'; did you mean 'flying'. Known: .*indoor"):
        load_config("demo", {"styles": {"fliing": {}}})


def test_a_style_that_cannot_be_imported_is_named_with_its_package(install):
    install("wreck", "import no_such_module\n", wreck="wreck:STYLE")
    with pytest.raises(ConfigError, match="style 'wreck': wreck:STYLE of wreck cannot be loaded: .*no_such"):
        find_style("wreck")


def test_an_entry_point_must_lead_to_a_style_of_its_own_name(install):
    install("reef", UNDERWATER, sea="reef:STYLE", number="reef:count")
    with pytest.raises(ConfigError, match="'sea': .*should be a Style of that name, is called 'underwater'"):
        find_style("sea")
    with pytest.raises(ConfigError, match="'number': .*is function"):
        find_style("number")


def test_an_entry_point_whose_module_raises_is_one_line_and_hides_no_other_style(install):
    install("wrong", "raise RuntimeError('two\\nlines')", wrong="wrong:STYLE")
    with pytest.raises(ConfigError, match="'wrong': wrong:STYLE of wrong cannot be loaded: two lines"):
        find_style("wrong")
    assert "wrong" in style_names() and find_style("flying").name == "flying"


def test_a_name_that_two_packages_claim_is_refused(install):
    install("reef", UNDERWATER, flying="reef:STYLE")
    with pytest.raises(ConfigError, match=r"'flying' is brought by several packages: \['fsd-gen', 'reef'\]"):
        find_style("flying")
