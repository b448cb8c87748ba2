from __future__ import annotations

import json
import os
import zipfile

import pytest
import torch

from stereo_model import (
    CheckpointError,
    ConfigError,
    FoundationStereo,
    create_model,
    load_model,
    model_config,
    model_digest,
    save_checkpoint,
)
from stereo_model.network.prior import MonocularPrior
from stereo_model.weights.checkpoint import read_checkpoint
from stereo_model.weights.files import write_atomically


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    model = create_model("nano", seed=7)
    path = tmp_path_factory.mktemp("ckpt") / "model.pt"
    save_checkpoint(model, path)
    return model, path


def resaved(saved, tmp_path, change):
    payload = torch.load(saved[1], weights_only=True)
    change(payload)
    torch.save(payload, tmp_path / "changed.pt")
    return tmp_path / "changed.pt"


def refusal(path) -> str:
    with pytest.raises(CheckpointError) as error:
        load_model(path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    return str(error.value)


def test_a_model_comes_back_with_its_configuration_and_weights(saved):
    model, path = saved
    again = load_model(path)
    assert again.config == model.config and model_digest(again) == model_digest(model) and not again.training
    left, right = torch.rand(2, 1, 3, 32, 64) * 255
    assert torch.equal(again.predict(left, right), model.predict(left, right))


def test_nothing_but_the_finished_file_is_left_behind(saved):
    assert [file.name for file in saved[1].parent.iterdir()] == ["model.pt"]


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    target = tmp_path / "x.pt"
    write_atomically({"step": 1}, target)
    with pytest.raises((AttributeError, TypeError, RuntimeError)):
        write_atomically({"step": (item for item in ())}, target)  # a generator cannot be saved
    assert [file.name for file in tmp_path.iterdir()] == ["x.pt"] and torch.load(target) == {"step": 1}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(saved, tmp_path, share):
    content = saved[1].read_bytes()
    (tmp_path / "cut.pt").write_bytes(content[: int(len(content) * share)])
    assert "truncated or not a file of weights" in refusal(tmp_path / "cut.pt")


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_one_flipped_byte_of_a_weight_is_refused_by_the_name_of_its_record(saved, tmp_path, share):
    content = bytearray(saved[1].read_bytes())
    with zipfile.ZipFile(saved[1]) as archive:
        record = max(archive.infolist(), key=lambda record: record.file_size)
    content[record.header_offset + 4096 + int(share * (record.file_size - 4096))] ^= 0x10
    (tmp_path / "flipped.pt").write_bytes(content)
    torch.load(tmp_path / "flipped.pt", weights_only=True)  # torch alone notices nothing
    message = refusal(tmp_path / "flipped.pt")
    assert f"damaged (record {record.filename} has another checksum)" in message


def test_a_missing_file_is_refused(tmp_path):
    assert "no such file" in refusal(tmp_path / "none.pt")


def test_a_file_of_another_kind_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "other.pt")
    message = refusal(tmp_path / "other.pt")
    assert "expected a checkpoint of format 'stereo_model/1' or a published one, found a mapping" in message
    assert "with the keys 'state_dict'" in message


def test_a_file_that_would_run_code_is_refused(tmp_path):
    torch.save({"format": "stereo_model/1", "model": len}, tmp_path / "code.pt")
    assert "not a file of plain tensors: it holds len, which" in refusal(tmp_path / "code.pt")


def test_wrong_keys_are_named(saved, tmp_path):
    def rename(payload):
        payload["model"]["update.gru9.bias"] = payload["model"].pop("update.gru4.input_conv.bias")

    message = refusal(resaved(saved, tmp_path, rename))
    assert "missing: update.gru4.input_conv.bias" in message and "unexpected: update.gru9.bias" in message


def test_wrong_shapes_are_named(saved, tmp_path):
    def widen(payload):
        payload["model"]["cost_volume.mix.bias"] = torch.zeros(5)

    assert "cost_volume.mix.bias (5,) instead of (4,)" in refusal(resaved(saved, tmp_path, widen))


def test_a_long_list_of_wrong_keys_is_cut(saved, tmp_path):
    message = refusal(resaved(saved, tmp_path, lambda payload: payload["model"].clear()))
    assert "and " in message and "more" in message and len(message) < 600


def test_an_unknown_configuration_field_is_refused(saved, tmp_path):
    def spoil(payload):
        payload["model_config"] = payload["model_config"].replace('"volume_dim"', '"volume_dims"')

    assert "unknown field 'volume_dims', did you mean 'volume_dim'?" in refusal(
        resaved(saved, tmp_path, spoil)
    )


def test_the_digest_changes_with_one_weight():
    model = create_model("nano")
    before = model_digest(model)
    with torch.no_grad():
        model.cost_volume.mix.bias[0] += 1e-6
    assert model_digest(model) != before == model_digest(create_model("nano"))


def test_a_model_file_holds_no_training_state(saved):
    assert set(read_checkpoint(saved[1])) - {"random"} == {"format", "model_config", "model"}


def test_a_model_with_a_prior_comes_back_with_the_priors_weights(tmp_path):
    model = create_model("nano", seed=3, prior="depth_anything_v2_nano")
    save_checkpoint(model, tmp_path / "model.pt")
    again = load_model(tmp_path / "model.pt")
    assert again.config.prior == "depth_anything_v2_nano" and model_digest(again) == model_digest(model)
    assert not any(weight.requires_grad for weight in again.prior.parameters())


def test_a_model_whose_prior_was_handed_in_cannot_be_saved(tmp_path):
    class Blank(MonocularPrior):
        channels = 8

    model = FoundationStereo(model_config("nano", prior_dim=8), Blank())
    with pytest.raises(CheckpointError, match="cannot be built again from its configuration"):
        save_checkpoint(model, tmp_path / "model.pt")
    assert list(tmp_path.iterdir()) == []


def test_a_field_that_leaves_the_weights_alone_can_be_replaced_on_loading(saved):
    model = load_model(saved[1], max_disparity=96, disparity_attention="heads", iterations=5)
    assert (model.config.max_disparity, model.config.iterations) == (96, 5)
    assert model.config.disparity_attention == "heads" and model_digest(model) == model_digest(saved[0])


def test_a_field_that_changes_the_weights_cannot(saved):
    with pytest.raises(CheckpointError, match="of another shape: cost_volume"):
        load_model(saved[1], volume_dim=8)


def test_an_unknown_field_to_replace_is_refused(saved):
    with pytest.raises(ConfigError, match="did you mean 'max_disparity'"):
        load_model(saved[1], max_disparty=96)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.pth", b"", "is empty"),
        ("a.pth", b"hello", "is a text file"),
        ("a.safetensors", b"hello", "is a text file"),
        ("a.pth", b"<!DOCTYPE html>", "is a web page"),
        ("a.pth", b"version https://git-lfs.github.com/spec/v1", "is a git-lfs pointer"),
        ("a.onnx", b"\x08\x0e\x12\x07pytorch:", "is an ONNX model"),
        ("a.pth", b"\x80\x04K\x01.", "is a pickle, which may run code"),
        ("a.pth", b"\x02\0\0\0\0\0\0\0{}", "found a mapping with the keys"),
    ],
)
def test_what_is_no_checkpoint_is_named_for_what_it_is(tmp_path, name, content, what):
    (tmp_path / name).write_bytes(content)
    assert what in refusal(tmp_path / name)


def test_a_folder_is_no_checkpoint(tmp_path):
    assert "is a folder" in refusal(tmp_path)


class Evil:
    def __reduce__(self):
        return os.system, ("exit 1",)


@pytest.mark.parametrize("legacy", [True, False])
def test_code_in_a_checkpoint_is_named_and_never_advised_to_be_run(tmp_path, legacy):
    torch.save({"model": Evil()}, tmp_path / "a.pth", _use_new_zipfile_serialization=not legacy)
    message = refusal(tmp_path / "a.pth")
    assert "it holds posix.system, which is not loaded as it may run code" in message
    assert "weights_only" not in message


def test_a_whole_program_is_named_without_torchs_advice(tmp_path):
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), tmp_path / "a.pth")
    assert "is a TorchScript program" in refusal(tmp_path / "a.pth")


def test_compressed_records_are_refused_unread(tmp_path):
    torch.save({"model": {}}, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth", "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data/1", bytes(10_000))
    assert "its records are compressed" in refusal(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("change", "expected"),
    [({"volume_dim": 10**6}, "volume_dim=1000000, expected at most"), ({"fusion_blocks": 10**9}, "weights")],
)
def test_a_configuration_out_of_all_proportion_is_refused_before_it_is_built(
    saved, tmp_path, change, expected
):
    def absurd(payload):
        payload["model_config"] = json.dumps(json.loads(payload["model_config"]) | change)

    assert expected in refusal(resaved(saved, tmp_path, absurd))
