import pytest

from fsd_gen.config import Config, ConfigError, load_config, preset_names


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_valid_and_reads_back_from_its_own_yaml(name, tmp_path):
    config = load_config(name)
    (tmp_path / "config.yaml").write_text(config.to_yaml())
    again = load_config(str(tmp_path / "config.yaml"))
    assert again == config
    assert again.digest() == config.digest()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"rig.baselin_m": [0.1, 0.2]}, "rig.baselin_m: unknown field; did you mean 'baseline_m'"),
        ({"rig.baseline_m": [0.4, 0.1]}, r"rig: baseline_m must be \[low, high\], got \[0.4, 0.1\]"),
        ({"rig.baseline_m": [0.0, 0.1]}, "baseline_m must be positive metres"),
        ({"image.width": "wide"}, "image.width: .* got 'wide'"),
        ({"image.width": 3}, "image.width: .*64"),
        ({"strata": {}}, "strata must map names to weights"),
        ({"render.backend": "blender"}, "render.backend: .*mitsuba"),
    ],
)
def test_a_bad_value_is_one_line_naming_the_field(overrides, message):
    with pytest.raises(ConfigError, match=message) as caught:
        load_config("demo", overrides)
    assert "\n" not in str(caught.value)


def test_an_unknown_preset_is_met_with_the_nearest_name():
    with pytest.raises(ConfigError, match="did you mean 'demo'"):
        load_config("demmo")


@pytest.mark.parametrize("text", ["seed: [", "- a\n- b", "!!python/object:os.system {}"])
def test_a_file_that_is_not_plain_yaml_is_refused(tmp_path, text):
    (tmp_path / "bad.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_config(str(tmp_path / "bad.yaml"))


def test_the_digest_ignores_curation_and_nothing_else():
    plain = Config()
    assert load_config("fsd", {"curation": {"folds": 3}}).digest() == load_config("fsd").digest()
    assert load_config("fsd", {"seed": 1}).digest() != load_config("fsd").digest()
    assert plain.model_copy(update={"max_attempts": 2}).digest() != plain.digest()


def test_a_config_without_optional_channels_is_as_if_nothing_was_said_about_them():
    assert "channels" not in load_config("demo").to_yaml()
    assert load_config("demo", {"channels": []}).digest() == load_config("demo").digest()


def test_optional_channels_change_the_digest_and_their_order_does_not():
    one = load_config("demo", {"channels": ["instance_left", "normals_left"]})
    assert one.digest() == load_config("demo", {"channels": ["normals_left", "instance_left"]}).digest()
    assert one.digest() != load_config("demo").digest()


def test_an_unknown_channel_is_refused_with_a_suggestion_and_the_known_ones():
    with pytest.raises(ConfigError, match=r"channels: .*'normal_left' \(did you mean normals_left\?\); opt"):
        load_config("demo", {"channels": ["normal_left"]})
