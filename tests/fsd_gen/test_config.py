from __future__ import annotations

import json
import math
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fsd_gen.config import Config, ConfigError, load_config, preset_names, thaw
from fsd_gen.styles.registry import own_styles

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "mitsuba", "mujoco", "pxr", "ray", "h5py", "pyarrow", "scipy", "trimesh")


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_reads_back_from_its_own_yaml(name, tmp_path):
    config = load_config(name)
    (tmp_path / "mine.yaml").write_text(config.to_yaml())
    again = load_config(str(tmp_path / "mine.yaml"))
    assert again == config
    assert again.digest() == config.digest()
    assert thaw(config.to_yaml(), "frozen") == (config, config.identity())


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"rig.baselin_m": [0.1, 0.2]}, "rig.baselin_m: unknown field; did you mean 'baseline_m'"),
        ({"sede": 1}, "sede: unknown field; did you mean 'seed'"),
        ({"checks.max_skyy": 1}, "checks.max_skyy: unknown field; did you mean 'max_sky'"),
        ({"rig.max_disparity": 0.2}, "rig.max_disparity: unknown field; did you mean 'max_disparity_share'"),
        ({"rig.baseline_m": [0.4, 0.1]}, r"rig.baseline_m: must be \[low, high\], got \[0.4, 0.1\]"),
        ({"rig.baseline_m": [0.0, 0.1]}, "rig.baseline_m.0: .*greater than 0, got 0.0"),
        ({"rig.hfov_deg": [4, 170]}, r"rig.hfov_deg: must lie within \[5, 150\] degrees, got \[4.0, 170.0\]"),
        ({"image.width": "wide"}, "image.width: .* got 'wide'"),
        ({"image.width": 3}, "image.width: .*64"),
        ({"image.width": {"a": 1}}, "image.width: expected an integer, got {'a': 1}"),
        ({"render.backend": "blender"}, "render.backend: .*mitsuba"),
        (
            {"render.denoiser_quality": "best"},
            "render.denoiser_quality: should be 'high', 'balanced' or 'fast', got 'best'",
        ),
        ({"version": 3}, "version: .*2.*got 3"),
        ({"styles": {}}, "styles: expected at least one style with a weight above 0"),
        ({"styles": {"flying": {"weight": 0}}}, "styles: expected at least one style with a weight above 0"),
        ({"styles": {"flying": {"weight": -1}}}, "styles.flying.weight: .*greater than or equal to 0"),
        ({"styles": {"flying": 0.5}}, "styles: flying: expected settings such as {weight: 0.5}, got 0.5"),
        ({"styles": {"flying": None}}, "styles: flying: expected settings such as .*, got nothing"),
        ({"rig.max_disparity_share": 1e-12}, "rig.max_disparity_share: .*greater than or equal to 0.001"),
        ({"styles": ["flying"]}, "styles: expected a section of settings"),
        ({"styles.flying.objcts": [1, 2]}, "styles.flying.objcts: unknown field; did you mean 'objects'"),
        ({"styles.flying.objects": [0, 2]}, "styles.flying.objects.0: .*greater than 0, got 0"),
        ({"styles.flying.weight": math.nan}, "styles.flying.weight: expected a finite number, got nan"),
        (
            {"checks.mean_level": [0.0, math.inf]},
            r"checks.mean_level\[1\]: expected a finite number, got inf",
        ),
        ({"curation.lr": -math.inf}, "curation.lr: expected a finite number, got -inf"),
        ({"seed": 1, "seed.deep": 3}, "seed.deep: seed is 1, expected a section"),
        ({"seed": True}, "seed: expected a number, got true"),
        ({"rig.baseline_m": [True, 2]}, r"rig.baseline_m\[0\]: expected a number, got true"),
        ({"styles.flying.weight": True}, "styles.flying.weight: expected a number, got true"),
        ({"render.denoise": 1}, "render.denoise: expected true or false, got 1"),
        ({"checks.min_valid": "nan"}, "checks.min_valid: .*finite number, got 'nan'"),
        ({"checks.mean_level": [300, 10]}, r"checks.mean_level: must be \[low, high\] within \[0, 255\]"),
        ({"rig": None}, "rig: expected a section of settings, got nothing"),
        ({"rig.baseline_m": [65, 120]}, r"within \[0.001, 5\] metres, .* millimetres, write \[0.065, 0.12\]"),
        ({"rig.baseline_m": [6.5, 12]}, r"if those are centimetres, write \[0.065, 0.12\]"),
        ({"rig.hfov_deg": [0.8, 1.5]}, r"if those are radians, write \[45.84, 85.94\]"),
        ({"render.exposure_ev": [-100, 100]}, r"render.exposure_ev: must lie within \[-20, 20\] stops"),
        ({"styles": {"indoor": {"room_m": [3200, 5000]}}}, r"millimetres, write \[3.2, 5.0\]"),
        ({"styles.flying.weight": 1e300}, "styles.flying.weight: .*less than or equal to"),
        ({"styles": {"flyng": {"weight": 1}}}, "unknown style 'flyng'; did you mean 'flying'"),
        ({"styles": {"FLYING": {"weight": 1}}}, "unknown style 'FLYING'; did you mean 'flying'"),
        ({"baseline_m": [0.1, 0.2]}, "baseline_m: unknown field; did you mean rig.baseline_m"),
        ({"curation.batch": True}, "curation: .*batch: expected a number, got true"),
        ({"curation.model": "tinny"}, "curation: .*model: expected one of .*did you mean 'tiny'"),
        ({"curation.lr": 1e300}, "curation: .*lr: .*less than or equal to 1"),
        ({"curation": 5}, "curation: expected a section of settings, got 5"),
    ],
)
def test_a_bad_value_is_one_line_naming_the_field(overrides, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config("demo", overrides)
    assert "\n" not in str(caught.value)


def test_every_mistake_is_named_at_once():
    with pytest.raises(ConfigError, match="styles.indoor.room.*; styles.flying.objects.*; image.width"):
        bad = {"indoor": {"room": 3}, "flying": {"objects": [3, 2]}}
        load_config("fsd", {"image.width": 3, "styles": bad})


def test_an_unknown_preset_is_met_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'demo'"):
        load_config("demmo")


@pytest.mark.parametrize("text", ["seed: [", "- a\n- b", "!!python/object:os.system {}", "? [1, 2]\n: 3"])
def test_a_file_that_is_not_plain_yaml_is_refused(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError, match="bad.yaml"):
        load_config(str(tmp_path / "bad.yaml"))


def test_a_config_of_version_1_is_refused_with_what_to_write_instead(tmp_path):
    old = tmp_path / "old.yaml"
    old.write_text(
        "strata: {flying: 0.6, indoor: 0.4}\nflying: {objects: [3, 5]}\nrig: {max_disparity: 0.2}\n"
    )
    with pytest.raises(ConfigError, match="version 1 of the format") as caught:
        load_config(str(old))
    advice = str(caught.value).partition(" write ")[2]
    new = tmp_path / "new.yaml"
    new.write_text(f"{{{advice}}}")
    config = load_config(str(new))
    assert config.styles["flying"].model_dump()["objects"] == (3, 5)
    assert (config.styles["flying"].weight, config.styles["indoor"].weight) == (0.6, 0.4)
    assert config.rig.max_disparity_share == 0.2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("strata: {flyng: 1}", "unknown style 'flyng'; did you mean 'flying'"),
        ("strata: {flying: .nan}", "styles.flying.weight: .*finite"),
        ("strata: {flying: 0}", "at least one style with a weight above 0"),
        ("strata: 3", "strata: expected a section, got 3"),
    ],
)
def test_a_config_of_version_1_that_was_never_right_is_told_what_is_wrong_with_it(tmp_path, text, message):
    (tmp_path / "old.yaml").write_text(text)
    with pytest.raises(ConfigError, match=f"version 1 of the format.*{message}"):
        load_config(str(tmp_path / "old.yaml"))


@pytest.mark.parametrize("spelling", ["1e-4", "0.0001", "1.0e-4"])
def test_numbers_that_yaml_takes_for_texts_are_numbers(tmp_path, spelling):
    (tmp_path / "c.yaml").write_text(f"checks: {{max_flag_mismatch: {spelling}}}")
    assert load_config(str(tmp_path / "c.yaml")).checks.max_flag_mismatch == 1e-4


def test_the_digest_ignores_curation_and_nothing_else_that_is_given():
    assert load_config("fsd", {"curation": {"folds": 3}}).digest() == load_config("fsd").digest()
    assert load_config("fsd", {"seed": 1}).digest() != load_config("fsd").digest()
    assert Config().model_copy(update={"max_attempts": 2}).digest() != Config().digest()


def test_a_field_that_is_not_given_is_not_in_the_digest():
    config = load_config("fsd")
    given = json.loads(config.identity().json)
    assert set(given) == {"version", "image", "samples_per_shard", "styles", "render"}
    assert all(set(section) == {"weight"} for section in given["styles"].values())
    assert set(config.resolved()) >= {"seed", "max_attempts", "rig", "assets", "checks"}


def test_one_value_has_one_digest_however_it_is_spelled(tmp_path):
    spellings = ("styles: {flying: {weight: 1}}\nseed: 3", "{seed: 3, styles: {flying: {weight: 1.0}}}")
    digests = set()
    for text in spellings:
        (tmp_path / "c.yaml").write_text(text)
        digests.add(load_config(str(tmp_path / "c.yaml")).digest())
    assert len(digests) == 1


def test_a_default_of_this_version_never_changes():
    """Runs keep only what was given: to change a default, make a new version of the format.

    A new field is added to the file of pinned defaults. See `fsd_gen.versions`.
    """
    pinned = json.loads((ROOT / "tests/data/config_v2_defaults.json").read_text())
    assert json.loads(json.dumps(Config().resolved())) == pinned["config"]
    styles = {name: style.config().model_dump(mode="json") for name, style in own_styles().items()}
    assert styles == pinned["styles"]


def test_the_section_of_another_package_is_checked_before_anything_is_frozen(tmp_path, monkeypatch):
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]
    ours = declared["fsd_gen.config_sections"]
    info = tmp_path / "sections-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sections\nVersion: 1.0\n")
    lines = "".join(f"{name} = {value}\n" for name, value in ours.items())
    (info / "entry_points.txt").write_text(f"[fsd_gen.config_sections]\n{lines}")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert load_config("demo").curation["steps_first"] > 0
    with pytest.raises(ConfigError, match="config demo: curation: .*fold"):
        load_config("demo", {"curation.fold": 3})


@pytest.mark.parametrize("module", ["fsd_gen", "fsd_gen.config"])
def test_importing_the_configuration_is_light(module):
    code = (
        f"import sys, {module}; from fsd_gen import load_config; load_config('demo')\n"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_optional_channels_change_the_digest_and_their_order_does_not():
    one = load_config("demo", {"channels": ["instance_left", "normals_left"]})
    assert one.digest() == load_config("demo", {"channels": ["normals_left", "instance_left"]}).digest()
    assert one.digest() != load_config("demo").digest()


def test_an_unknown_channel_is_refused_with_a_suggestion_and_the_known_ones():
    with pytest.raises(ConfigError, match=r"channels: .*'normal_left' \(did you mean normals_left\?\); opt"):
        load_config("demo", {"channels": ["normal_left"]})


@pytest.mark.parametrize(
    ("dotted", "value"), [("seed", 2**63), ("styles", {"flying": {"objects": [1, 10**9]}})]
)
def test_a_number_that_nothing_could_hold_is_refused(dotted, value):
    with pytest.raises(ConfigError, match="less than or equal to"):
        load_config("demo", {dotted: value})


def test_whole_numbers_may_be_written_with_an_exponent(tmp_path):
    path = tmp_path / "c.yaml"
    flying = "{objects: [1e1, 2.0e1], distractors: 5e0}"
    path.write_text(f"version: 2\nsamples_per_shard: 1e3\nstyles: {{flying: {flying}}}\n")
    config = load_config(str(path))
    assert config.samples_per_shard == 1000 and config.styles["flying"].objects == (10, 20)
    assert config.styles["flying"].distractors == (5, 5)
    assert config.digest() == load_config(str(path), {"samples_per_shard": 1000}).digest()
