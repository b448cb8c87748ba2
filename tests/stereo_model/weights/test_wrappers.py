"""Weights out of the wrappers of torch and of trainers."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch

from stereo_model import CheckpointError, create_model, load_model, load_prior_weights, save_checkpoint
from stereo_model.weights.files import read_file
from stereo_model.weights.wrappers import bare_names, bare_weights

PLAIN = {"a.weight": torch.zeros(2), "b._c.bias": torch.ones(3)}


def prefixed(prefix: str, state=PLAIN):
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


WRAPPED = {
    "bare": PLAIN,
    "DataParallel": prefixed("module."),
    "torch.compile": prefixed("_orig_mod."),
    "compiled, then parallel": prefixed("module._orig_mod."),
    "parallel, then compiled": prefixed("_orig_mod.module."),
    "twice parallel": prefixed("module.module."),
    "a compiled part": {"a._orig_mod.weight": PLAIN["a.weight"], "b._c.bias": PLAIN["b._c.bias"]},
    "fsdp": {"_fsdp_wrapped_module.a._checkpoint_wrapped_module.weight": PLAIN["a.weight"],
             "_fsdp_wrapped_module.b._c.bias": PLAIN["b._c.bias"]},
    "averaged": prefixed("module.") | {"n_averaged": torch.tensor(4)},
    "Lightning": {"state_dict": prefixed("model."), "epoch": 3, "hyper_parameters": {"lr": 1e-4}},
    "under model": {"model": PLAIN, "step": 7},
    "nested": {"model": {"state_dict": prefixed("module._orig_mod."), "epoch": 1}, "optimizer": {"lr": 3}},
}  # fmt: skip


@pytest.mark.parametrize("wrapper", WRAPPED)
def test_every_wrapper_comes_off(wrapper):
    bare = bare_weights(WRAPPED[wrapper], source="file")
    assert bare.keys() == PLAIN.keys() and all(bare[name] is PLAIN[name] for name in PLAIN)


def test_a_name_that_only_some_weights_begin_with_is_theirs():
    state = prefixed("module.") | {"head.weight": torch.zeros(1)}
    assert bare_names(state, source="file") == state


def endless() -> dict:
    content: dict = {"epoch": 1}
    content["model"] = content
    return content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": PLAIN, "state_dict": PLAIN}, "several sets of weights, state_dict, model"),
        ({"a": torch.zeros(1), "_orig_mod.a": torch.zeros(1)}, "both with and without"),
        ({"epoch": 3, "lr": 0.1}, "expected a mapping from names to tensors, .*found epoch, lr"),
        ({"model": 3}, "expected a mapping from names to tensors"),
        ([1, 2], "expected a mapping from names to tensors"),
        (endless(), "more than 8 deep"),
    ],
)
def test_what_holds_no_weights_or_too_many_is_named(content, message):
    with pytest.raises(CheckpointError, match=message):
        bare_weights(content, source="file")


ALIKE = [pytest.param(name, marks=pytest.mark.slow) for name in ("parallel", "under model", "compiled")]


@pytest.mark.parametrize("wrapper", [*ALIKE, "all at once"])
def test_the_weights_of_a_prior_are_read_out_of_their_wrappers(wrapper, depth_anything_file, tmp_path):
    state = read_file(depth_anything_file)
    content = {
        "parallel": prefixed("module.", state),
        "under model": {"model": state, "epoch": 5},
        "compiled": prefixed("_orig_mod.", state),
        "all at once": {"state_dict": prefixed("module._orig_mod.", state), "step": np.int64(3)},
    }[wrapper]
    torch.save(content, tmp_path / "prior.pth")
    model = create_model("vits")
    load_prior_weights(model, tmp_path / "prior.pth")
    assert torch.equal(model.prior.vit.net.norm.weight, state["pretrained.norm.weight"])


def test_the_weights_of_something_else_are_not_called_dinov2(tmp_path):
    torch.save(PLAIN, tmp_path / "other.pth")
    for prior in ("dinov2_vits", "depth_anything_v2_vits"):
        model = create_model("nano", prior=prior)
        with pytest.raises(CheckpointError, match="neither DepthAnythingV2's .* it holds a.weight") as caught:
            load_prior_weights(model, tmp_path / "other.pth")
        assert "looks like" not in str(caught.value)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda s: {"state_dict": prefixed("module.", s)},
        pytest.param(lambda s: s, marks=pytest.mark.slow),
    ],
)
def test_published_checkpoints_are_known_in_any_wrapper(wrapped, published, tmp_path):
    shutil.copy(published.with_name("cfg.yaml"), tmp_path)
    torch.save(wrapped(read_file(published)["model"]), tmp_path / "model.pth")
    model = load_model(tmp_path / "model.pth")
    assert torch.equal(model.cost_volume.mix.weight, load_model(published).cost_volume.mix.weight)


def test_our_own_checkpoints_may_hold_names_of_wrappers(tmp_path):
    model = create_model("nano")
    save_checkpoint(model, tmp_path / "model.pt")
    content = read_file(tmp_path / "model.pt")
    torch.save(content | {"model": prefixed("module._orig_mod.", content["model"])}, tmp_path / "model.pt")
    again = load_model(tmp_path / "model.pt").state_dict()
    assert all(torch.equal(again[name], value) for name, value in model.state_dict().items())
