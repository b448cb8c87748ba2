from __future__ import annotations

import zipfile

import numpy as np
import pytest
import torch
import yaml

from stereo_model import (
    CheckpointError,
    ConfigError,
    FoundationStereo,
    ModelConfig,
    convert,
    create_model,
    load_model,
    load_prior_weights,
    model_config,
    model_digest,
    save_checkpoint,
)
from stereo_model.weights.files import read_file
from stereo_model.weights.published import load_published, to_published
from stereo_model.weights.published_config import config_yaml, read_config
from stereo_model.weights.published_names import published_names, unused_shapes
from tests.stereo_model.conftest import DEPTH_ANYTHING, PUBLISHED_SETTINGS, VIT
from tests.stereo_model.golden_filler import filled_state, published_shapes


def skeleton(size: str) -> FoundationStereo:
    with torch.device("meta"):
        return FoundationStereo(model_config(size))


def empty_state(size: str) -> dict[str, torch.Tensor]:
    return {key: torch.empty(shape, device="meta") for key, shape in published_shapes(size).items()}


def small_file(tmp_path, content=None, settings=None):
    torch.save({"model": {}} if content is None else content, tmp_path / "model.pth")
    if settings is not None:
        (tmp_path / "cfg.yaml").write_text(
            settings if isinstance(settings, str) else yaml.safe_dump(settings)
        )
    return tmp_path / "model.pth"


def refusal(path, **overrides) -> str:
    with pytest.raises(CheckpointError) as error:
        load_model(path, **overrides)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("size", "keys"), [("vits", 1192), ("vitl", 1360)])
def test_every_published_key_is_a_weight_of_ours_or_a_known_unused_one(size, keys):
    model = skeleton(size)
    used = [name for names in published_names(model.state_dict()).values() for name in names]
    unused = unused_shapes(size)
    assert len(used) == len(set(used)) and not set(used) & set(unused)
    assert set(used) | set(unused) == set(published_shapes(size))
    assert len(used) + len(unused) == keys
    load_published(model, empty_state(size), source="the key list")  # compares all shapes


def test_the_unused_keys_are_those_that_the_published_network_never_reads():
    groups = {
        "context_zqr_convs.": 6,
        "stem_4.": 2,
        "cnet.down.": 7,
        "cnet.norm.": 5,
        ".norm3.": 4 * 5,
        "mask_token": 1,
        "refinenet4.resConfUnit1.": 4,
        "output_conv2.": 4,
    }
    unused = unused_shapes("vits")
    assert {part: sum(part in key for key in unused) for part in groups} == groups
    assert len(unused) == sum(groups.values())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda state: state.pop("proj_cmb.weight"), "missing: proj_cmb.weight"),
        (lambda state: state.pop("stem_4.1.weight"), "missing: stem_4.1.weight"),
        (lambda state: state.update({"extra.bias": torch.zeros(1)}), "unexpected: extra.bias"),
        (
            lambda state: state.update({"update_block.gru04.small_gru.convr.bias": torch.zeros(7)}),
            r"update_block.gru04.small_gru.convr.bias \(7,\) instead of \(128,\)",
        ),
        (
            lambda state: state.update({"cnet.norm.bias": torch.zeros(7)}),
            r"cnet.norm.bias \(7,\) instead of \(256,\)",
        ),
    ],
)
def test_a_key_too_many_or_too_few_or_of_another_shape_is_named(change, expected):
    state = empty_state("vits")
    change(state)
    with pytest.raises(CheckpointError, match=expected):
        load_published(skeleton("vits"), state, source="file")


def test_weights_of_another_size_are_refused_with_shapes():
    with pytest.raises(CheckpointError, match=r"mask_token \(1, 1024\) instead of \(1, 384\)"):
        load_published(skeleton("vits"), empty_state("vitl"), source="file")


def test_a_published_checkpoint_loads_with_its_configuration(published):
    model = load_model(published)
    assert model.config == model_config("vits") and not model.training
    state = filled_state("vits")
    gates = model.update.gru4.small.gates.weight
    assert torch.equal(gates[:128], state["update_block.gru04.small_gru.convz.weight"])
    assert torch.equal(gates[128:], state["update_block.gru04.small_gru.convr.weight"])
    assert torch.equal(model.prior.vit.net.cls_token, state[VIT + "cls_token"])
    # one norm under two names: the second one counts
    assert torch.equal(model.context.stage2[0].shortcut[1].weight, state["cnet.layer2.0.downsample.1.weight"])


def test_converting_to_the_published_form_changes_no_weight(published, tmp_path):
    convert(published, tmp_path / "model.pth", to="published")
    again, state = read_file(tmp_path / "model.pth")["model"], filled_state("vits")
    unused = unused_shapes("vits")
    assert set(again) == set(state)
    assert all(torch.equal(again[key], state[key]) for key in state if key not in unused)
    assert torch.equal(again["cnet.layer2.0.norm3.bias"], state["cnet.layer2.0.downsample.1.bias"])
    overrides = {"max_disparity": 192, "disparity_attention": "heads"}
    assert load_model(tmp_path / "model.pth", **overrides).config == model_config("vits", **overrides)


@pytest.mark.slow
def test_converting_there_and_back_changes_no_weight(published, tmp_path):
    convert(published, tmp_path / "ours.pt", to="ours")
    convert(tmp_path / "ours.pt", tmp_path / "again" / "model.pth", to="published")
    convert(tmp_path / "again" / "model.pth", tmp_path / "ours2.pt", to="ours")
    first, second = (load_model(tmp_path / name) for name in ("ours.pt", "ours2.pt"))
    assert first.config == second.config and model_digest(first) == model_digest(second)


def test_a_model_of_another_architecture_has_no_published_form(tmp_path):
    save_checkpoint(create_model("nano"), tmp_path / "nano.pt")
    with pytest.raises(CheckpointError) as error:
        convert(tmp_path / "nano.pt", tmp_path / "model.pth", to="published")
    said = str(error.value)
    assert said.startswith(f"{tmp_path / 'nano.pt'}: cannot be converted: not a published architecture")
    assert "vits, vitb, vitl" in said and "prior=None" in said and said.endswith(" fields more")
    assert "\n" not in said and len(said) < 160 + len(str(tmp_path))
    assert not (tmp_path / "model.pth").exists() and not (tmp_path / "cfg.yaml").exists()


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_a_truncated_checkpoint_is_refused(tmp_path, share):
    content = small_file(tmp_path, {"model": {"a": torch.zeros(1000)}}, PUBLISHED_SETTINGS).read_bytes()
    (tmp_path / "model.pth").write_bytes(content[: int(len(content) * share)])
    assert "truncated or not a file of weights" in refusal(tmp_path / "model.pth")


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = small_file(tmp_path, {"model": {"layer.weight": torch.zeros(2)}}, PUBLISHED_SETTINGS)
    message = refusal(path)
    assert "missing: " in message and "unexpected: layer.weight" in message and str(path) in message
    assert "expected a mapping from names to tensors" in refusal(
        small_file(tmp_path, {"model": 3}, PUBLISHED_SETTINGS)
    )


@pytest.mark.parametrize("module", [b"numpy._core.multiarray", b"numpy.core.multiarray"])
def test_counters_written_by_either_numpy_are_read(tmp_path, module):
    path = small_file(tmp_path, {"epoch": np.float64(3.5), "model": {}})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content.replace(b"numpy._core.multiarray", module))
    assert module in path.read_bytes() and read_file(path)["epoch"] == 3.5


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (None, "cfg.yaml: missing beside the published checkpoint"),
        ("[1, 2", "cfg.yaml: not valid YAML"),
        ("just words", "expected a mapping of settings, found str"),
        ("!!python/object/apply:os.getcwd []", "cfg.yaml: not valid YAML"),
        (
            PUBLISHED_SETTINGS | {"hidden_dims": [64, 64, 64]},
            r"hidden_dims must be [128, 128, 128], got [64, 64, 64]",
        ),
        (PUBLISHED_SETTINGS | {"n_gru_layers": 2}, "n_gru_layers must be 3, got 2"),
        (PUBLISHED_SETTINGS | {"vit_size": "vitg"}, "vit_size must be one of vits, vitb, vitl, got 'vitg'"),
        (PUBLISHED_SETTINGS | {"max_disp": 100}, "max_disparity"),
    ],
)
def test_an_unusable_cfg_yaml_is_one_line(tmp_path, settings, expected):
    assert expected in refusal(small_file(tmp_path, settings=settings))


def test_without_a_vit_size_the_large_one_is_meant(tmp_path):
    config = read_config(small_file(tmp_path, settings={"max_disp": 320}), {})
    assert config == model_config("vitl", max_disparity=320)


def test_the_size_can_be_said_where_cfg_yaml_is_missing(tmp_path):
    path = small_file(tmp_path)
    config = read_config(path, {"prior": "depth_anything_v2_vits", "max_disparity": 192})
    assert config == model_config("vits", max_disparity=192)
    with pytest.raises(ConfigError, match="max_disparity"):
        read_config(path, {"prior": "depth_anything_v2_vits", "max_disparity": 100})


def test_a_cfg_yaml_written_for_a_model_says_its_configuration(tmp_path):
    config = model_config("vitb", max_disparity=320, iterations=16)
    assert read_config(small_file(tmp_path, settings=config_yaml(config)), {}) == config


def test_depth_anything_weights_load_into_the_prior_alone(depth_anything_file, dinov2_file):
    model = create_model("vits")
    before = model.cost_volume.mix.weight.clone()
    load_prior_weights(model, depth_anything_file)
    state = filled_state("vits")
    assert torch.equal(model.prior.vit.net.norm.weight, state[VIT + "norm.weight"])
    assert torch.equal(
        model.prior.head.reduce[1].weight, state[DEPTH_ANYTHING + "depth_head.scratch.layer2_rn.weight"]
    )
    assert torch.equal(model.cost_volume.mix.weight, before)
    with pytest.raises(CheckpointError, match="looks like DINOv2 .* prior needs DepthAnythingV2's"):
        load_prior_weights(model, dinov2_file)


def test_dinov2_weights_load_into_a_dinov2_prior(tmp_path, depth_anything_file, dinov2_file):
    model = create_model("nano", prior="dinov2_vits")
    load_prior_weights(model, dinov2_file)
    state = filled_state("vits")
    assert torch.equal(model.prior.vit.net.pos_embed, state[VIT + "pos_embed"])
    with pytest.raises(CheckpointError, match="looks like DepthAnythingV2 weights"):
        load_prior_weights(model, depth_anything_file)
    spoiled = torch.load(dinov2_file) | {"register_tokens": torch.zeros(1, 4, 384)}
    torch.save(spoiled, tmp_path / "reg.pth")
    with pytest.raises(CheckpointError, match="unexpected: register_tokens"):
        load_prior_weights(model, tmp_path / "reg.pth")


def test_prior_weights_of_another_size_or_for_no_prior_are_refused(dinov2_file):
    with pytest.raises(CheckpointError, match=r"cls_token \(1, 1, 384\) instead of \(1, 1, 16\)"):
        load_prior_weights(create_model("nano", prior="dinov2_nano"), dinov2_file)
    with pytest.raises(CheckpointError, match="the model has no prior"):
        load_prior_weights(create_model("nano"), dinov2_file)


def test_a_fresh_model_has_a_published_form_that_loads_again():
    with torch.device("meta"):
        model = FoundationStereo(ModelConfig(prior="depth_anything_v2_vits"))
    model.to_empty(device="cpu")
    state = to_published(model)
    assert {key: tuple(value.shape) for key, value in state.items()} == published_shapes("vits")
    assert state["cnet.norm.running_var"].eq(1).all() and not state["stem_4.1.weight"].any()
