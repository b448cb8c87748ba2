"""The config's `rig`: ranges, numbers, calibrated cameras, files and presets; and what is refused by name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from assets_manifest.library import AssetLibrary
from fsd_gen.cli import app
from fsd_gen.config import Config, ConfigError, load_config, thaw
from fsd_gen.rigs.k_file import k_text
from fsd_gen.rigs.lens import Lens
from fsd_gen.rigs.presets import PRESETS
from fsd_gen.rigs.text import rig_from_text
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey
from fsd_gen.schema import config_schema
from fsd_gen.sensor.config import SensorConfig
from fsd_gen.styles.sampler import Sampler, StyleConfig

ROOT = Path(__file__).resolve().parents[3]
K_TEXT = "700 0 320.5 0 690 200 0 0 1\n0.12\n"
MIDDLEBURY = """cam0=[ 999.421 0 294.182 ; 0 999.421 252.932 ; 0 0 1 ]
cam1=[ 999.421 0 326.96 ; 0 999.421 252.932 ; 0 0 1 ]
doffs= 32.778
baseline= 193.001
width= 741
height= 497
"""


def load(**rig: object) -> Config:
    return load_config("fsd", {"rig": rig, "image": {"width": 640, "height": 400}})


def rigs_of(config: Config, *, slots: int, nearest_m: float | None = None) -> list[StereoRig]:
    """What a style gets when it asks for a rig."""
    return [
        Sampler(
            style=StyleConfig(),
            image=config.image,
            rigs=config.rig,
            render=config.render,
            library=AssetLibrary(()),
            seed=0,
            key=SlotKey(slot=slot),
            stratum="any",
        ).rig(nearest_m=nearest_m)
        for slot in range(slots)
    ]


@cache
def schema() -> jsonschema.Draft202012Validator:
    content = config_schema()
    jsonschema.Draft202012Validator.check_schema(content)
    return jsonschema.Draft202012Validator(content)


@pytest.mark.parametrize(
    ("section", "field", "one", "pair"),
    [
        ("rig", "baseline_m", 0.12, [0.12, 0.12]),
        ("rig", "hfov_deg", 60, [60, 60]),
        ("render", "exposure_ev", "1e-1", [0.1, 0.1]),
        ("styles.flying", "objects", 7, [7, 7]),
        ("styles.indoor", "furniture", 5, [5, 5]),
        ("styles.indoor", "room_m", 4, [4, 4]),
    ],
)
def test_a_number_is_the_range_from_itself_to_itself(section, field, one, pair):
    given, written = (load_config("fsd", {f"{section}.{field}": value}) for value in (one, pair))
    assert given == written and given.digest() == written.digest()
    for value in (pair[0], pair):
        nested = {field: value}
        for name in reversed(section.split(".")):
            nested = {name: nested}
        schema().validate(nested)


def test_the_schema_refuses_a_number_that_the_range_would():
    with pytest.raises(jsonschema.ValidationError):
        schema().validate({"rig": {"baseline_m": -1}})


def test_a_baseline_that_is_one_number_is_kept_to_the_last_digit():
    (rig,) = rigs_of(load(baseline_m=0.1234567891, hfov_deg=60), slots=1, nearest_m=0.01)
    assert rig.baseline_m == 0.1234567891


def test_a_calibrated_camera_is_that_of_every_scene_to_the_last_digit():
    lens = {"fx": 612.123456, "fy": 600.5, "cx": 330.25, "cy": 180.125}
    first, second = rigs_of(load(**lens, baseline_m=[0.05, 0.4]), slots=2)
    assert first.baseline_m != second.baseline_m
    for rig in (first, second):  # a rig counts from the pixel's corner, K from its centre
        found = (rig.focal_px, rig.fy_px, rig.cx_px, rig.cy_px)
        assert found == (612.123456, 600.5, 330.75, 180.625)


def test_k_files_become_numbers_beside_the_config_that_names_them(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "K.txt").write_text(K_TEXT)
    config_file = tmp_path / "mine" / "config.yaml"
    config_file.write_text("image: {width: 640, height: 400}\nrig: {k_file: K.txt}\n")
    config = load_config(str(config_file))
    frozen = config.to_yaml()
    (tmp_path / "mine" / "K.txt").unlink()
    assert thaw(frozen, "frozen") == (config, config.identity())
    assert config.explicit()["rig"] == {
        "baseline_m": [0.12, 0.12], "fx": 700, "fy": 690, "cx": 320.5, "cy": 200,
    }  # fmt: skip
    with pytest.raises(ConfigError, match="K.txt: cannot be read"):
        load_config(str(config_file))


def test_middleburys_calibrations_bring_their_size_and_say_what_becomes_of_doffs(tmp_path, caplog):
    calib = tmp_path / "calib.txt"
    calib.write_text(MIDDLEBURY)
    config = load_config("fsd", {"rig": {"k_file": str(calib)}, "image": {"width": 741, "height": 497}})
    assert config.rig.only(741, 497) == StereoRig(
        width=741, height=497, focal_px=999.421, baseline_m=0.193001, cx_px=294.682, cy_px=253.432
    )
    assert "32.778 px beside the left one's; both eyes are rendered with the left one's" in caplog.text
    with pytest.raises(ConfigError, match=r"calibration is for images of 741x497 pixels, .* fit: crop"):
        load(k_file=str(calib))
    load(k_file=str(calib), fit="crop")


def test_what_is_given_beside_a_preset_takes_its_values_place():
    rig = load(preset="zed2", baseline_m=0.2, fx=1000).rig
    assert (rig.baseline_m, rig.fx, rig.fy) == ((0.2, 0.2), 1000, None)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_a_rig_of_square_pixels_at_any_size_and_is_frozen_in_numbers(name):
    preset = PRESETS[name]
    for width, height in ((640, 400), (1280, 720), (320, 320)):
        config = load_config("fsd", {"rig.preset": name, "image": {"width": width, "height": height}})
        rig = config.rig.only(width, height)
        assert rig.focal_y_px is None and rig.baseline_m == preset.baseline_m
        assert rig.width / rig.focal_px <= preset.lens.width / preset.lens.fx + 1e-9
        assert config.explicit()["rig"]["fx"] == preset.lens.fx
        assert thaw(config.to_yaml(), "frozen")[0] == config


def test_crop_scales_alike_and_cuts_evenly_and_stretch_scales_each_direction():
    lens = Lens(fx=800, fy=800, cx=639.5, cy=399.5, width=1280, height=800)
    half = lens.fitted(640, 360, "crop")
    assert (half.fx, half.fy, half.cx, half.cy) == (400, 400, 319.5, 179.5)
    wide = lens.fitted(640, 200, "stretch")
    assert (wide.fx, wide.fy, wide.cx, wide.cy) == (400, 200, 319.5, 99.5)


@pytest.mark.parametrize(
    ("rig", "message"),
    [
        ({"baseline_m": 120}, r"baseline_m: .*\[0.001, 5\] metres, got 120; .* millimetres, write 0.12"),
        ({"baseline_m": 5.4}, r"got 5.4; .* millimetres, write 0.0054; .* centimetres, write 0.054"),
        ({"baseline_m": True}, r"rig.baseline_m: expected a number or \[low, high\], got True"),
        ({"baseline_m": "wide"}, r"rig.baseline_m: expected a number or \[low, high\], got 'wide'"),
        ({"baseline_m": 0.1, "fx": 2.8}, r"fx 2.8 px .* 179 degrees .*millimetres, write 2.8 / \(width"),
        ({"baseline_m": 0.1, "fx": 90000}, "0.407 degrees.*calibration is for larger images"),
        ({"baseline_m": 0.1, "fx": 600, "fy": 200}, "fy 200 is 0.333 times fx 600, expected 0.5 to 2"),
        ({"baseline_m": 0.1, "fx": 600, "cx": 960}, r"point \(960, 199.5\) lies outside .*1920x400"),
        ({"fx": 600}, "needs its baseline_m too"),
        ({"cx": 300}, "cx is given without fx"),
        ({"fx": 600, "baseline_m": 0.1, "hfov_deg": 60}, "hfov_deg and fx both say the focal length"),
        ({"fx": 600, "baseline_m": 0.1, "width": 640}, "width and height .*belong together"),
        ({"fx": 600, "baseline_m": 0.1, "width": 320, "height": 200}, "images of 320x200 pixels, `image`"),
        ({"fx": 600, "baseline_m": 0.1, "fit": "pad"}, "'exact', 'crop' or 'stretch', got 'pad'"),
        ({"preset": "zed3"}, "rig: unknown preset 'zed3'; did you mean 'zed2'"),
        ({"preset": "zed2", "k_file": "K.txt"}, "preset and k_file are both given"),
        ({"k_file": "nowhere.txt"}, "nowhere.txt: cannot be read"),
    ],
)
def test_what_makes_no_rig_is_refused_by_name_with_what_was_meant(rig, message):
    with pytest.raises(ConfigError, match=message):
        load(**rig)


def test_a_rig_in_one_word(tmp_path):
    (tmp_path / "K.txt").write_text(K_TEXT)
    of_file = rig_from_text(str(tmp_path / "K.txt"), 640, 400)
    assert of_file == rig_from_text("fx=700,fy=690,cx=320.5,cy=200,baseline=0.12", 640, 400)
    (tmp_path / "again.txt").write_text(k_text(of_file))
    assert rig_from_text(str(tmp_path / "again.txt"), 640, 400) == of_file
    wider = rig_from_text(f"{tmp_path / 'K.txt'},baseline=0.3", 640, 400)
    assert wider == of_file.model_copy(update={"baseline_m": 0.3})
    assert rig_from_text("hfov=90,baseline=0.1", 640, 400).focal_px == pytest.approx(320)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("zed", "rig 'zed': neither a preset, nor a file, nor fields.*did you mean 'zed2'"),
        ("fx=700", "needs its baseline_m too"),
        ("fx=wide,baseline=1", "fx: expected a number, got 'wide'"),
        ("fx=700,baseline", "expected fields such as fx=700, got 'baseline'"),
        ("baseline=0.1", "expected one camera, got 45 to 95 degrees; add fx or hfov"),
        ("hfov=60", "expected one baseline, got 0.04 to 0.4 m"),
        ("fx=700,baselin=0.1", "rig.baselin: unknown field; did you mean 'baseline_m'"),
        ("fx=700,baseline=0.1,fx=800", "rig 'fx=700,.*': fx is given twice; keep one of them"),
        ("zed2,baseline=0.1,baseline_m=0.2", "baseline_m is given twice"),
        ("zed2,baseline=120", "if those are millimetres, write 0.12"),
    ],
)
def test_a_word_that_is_no_rig_is_one_line(text, message):
    with pytest.raises(ConfigError, match=message):
        rig_from_text(text, 640, 400)


def test_the_command_line_takes_a_rig_in_place_of_the_configs(monkeypatch):
    seen = []
    monkeypatch.setattr("fsd_gen.cli.render._render", lambda *given: seen.append(given[2]["rig"]))
    command = ["render", "--shards", "1", "--workers", "0", "--rig", "zed2,baseline=0.2"]
    assert CliRunner().invoke(app, command).exit_code == 0
    assert seen == [{"preset": "zed2", "baseline_m": 0.2}]
    wrong = CliRunner().invoke(app, [*command[:-1], "zed"])
    assert wrong.exit_code == 2 and "did you mean 'zed2'" in wrong.output


def test_presets_are_listed_and_documented():
    listed, page = CliRunner().invoke(app, ["rigs"]).output, (ROOT / "docs/cameras.md").read_text()
    for name, preset in PRESETS.items():
        assert name in listed and f"| `{name}` | {1000 * preset.baseline_m:.4g} mm |" in page
        assert f"| {preset.lens.view_deg():.1f}° | {preset.lens.width}x{preset.lens.height} |" in page


def test_every_setting_of_the_sensor_is_documented():
    page = (ROOT / "docs/cameras.md").read_text()
    assert [name for name in SensorConfig.model_fields if f"| `{name}` |" not in page] == []
