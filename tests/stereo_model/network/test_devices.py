"""The whole network on devices without a CPU's tensors: one made on the CPU by mistake fails there.

On torch's `meta` device, which has shapes and types alone; on a GPU with the marker `cuda`. The meta device
knows no autocast, so types under autocast are looked at on the CPU.
"""

from __future__ import annotations

import itertools
from contextlib import nullcontext

import pytest
import torch

from stereo_model import FoundationStereo, model_config
from stereo_model.fast.accelerate import accelerate
from stereo_model.network.config import PRESETS
from stereo_model.training.loss import stereo_loss

PRIOR = {"prior": "depth_anything_v2_nano"}
PUBLISHED = {  # the published architecture, in small
    "backbone": "edgenext_small",
    "lateral_dims": None,
    "fusion_blocks": 2,
    "volume_smoothing": True,
    "classifier_blocks": 1,
    "classifier_kernel": 7,
    "evidence_skip": False,
    "census_radius": None,
    "argmin_radius": None,
    "volume_skip": False,
}
ABLATIONS = {
    "published": PUBLISHED | PRIOR,
    "groupwise": {"cost_volume": "groupwise"},
    "concat": {"cost_volume": "concat"},
    "attention over heads": {"disparity_attention": "heads"},
    "attention over the volume": {"disparity_attention": "volume"},
    "rotary positions": {"positions": "rope"},
    "short disparity kernel": {"disparity_kernel": 1},
    "no evidence": {"evidence_skip": False},
    "evidence of windows": {"census_radius": None},
    "all bins": {"argmin_radius": None, "volume_skip": False},
    "side tuning a": PRIOR | {"side_tuning": "a", "evidence_skip": False},
    "side tuning b": PRIOR | {"side_tuning": "b"},
    "side tuning c": PRIOR,
    "plain transformer": {"prior": "dinov2_nano"},
}
TOGETHER = {  # every ablation again, many at a time
    "many options": {
        "cost_volume": "groupwise",
        "disparity_attention": "heads",
        "positions": "rope",
        "prior": "dinov2_nano",
        "side_tuning": "a",
        "evidence_skip": False,
        "argmin_radius": None,
        "volume_skip": False,
    },
    "many other options": PRIOR
    | {
        "cost_volume": "concat",
        "disparity_attention": "volume",
        "disparity_kernel": 1,
        "side_tuning": "b",
    },
    "evidence of windows beside a prior": PRIOR | {"census_radius": None},
}
OPTIONS = ABLATIONS | TOGETHER
NETWORKS = {name: (name, {}) for name in PRESETS} | {name: ("nano", o) for name, o in OPTIONS.items()}
MODES = ("eval", "train")
SIZE_HW = (32, 64)
SIZES = ("tiny", "small", "vitb", "vitl")  # `nano` and `vits` with more of the same


def seldom(network: str, mode: str = "train") -> tuple[pytest.MarkDecorator, ...]:
    """The marks of a case that is like a faster one.

    That is a network of the same modules in another size, an option alone, or one that is tried in training,
    since neither options nor sizes know a mode.
    """
    alone = network in ABLATIONS and network != "published"
    again = mode == "eval" and (network in TOGETHER or network == "vits")
    return (pytest.mark.slow,) if network in SIZES or alone or again else ()


def test_every_ablation_is_among_many_in_a_fast_test():
    base = model_config("nano").model_dump()
    fast = [base, *(base | options for options in (PUBLISHED | PRIOR, *TOGETHER.values()))]
    for name, options in ABLATIONS.items():
        for field, value in options.items():
            assert value in [network[field] for network in fast], f"{name}: {field}"


def step(network: str, mode: str, device: str) -> FoundationStereo:
    """Forward, loss and backward of a network that lives on a device."""
    preset, overrides = NETWORKS[network]
    with torch.device(device):
        model = FoundationStereo(model_config(preset, **overrides)).to(device).train(mode != "eval")
    model.checkpointing = mode == "checkpointing"
    left, right = torch.full((2, 2, 3, *SIZE_HW), 100.0, device=device)
    truth = torch.full((2, *SIZE_HW), 9.0, device=device)
    half = torch.autocast(device, torch.bfloat16) if mode == "autocast" else nullcontext()
    with half:
        out = model(left, right, iterations=1, every_iteration=True)
    valid = torch.ones_like(truth, dtype=torch.bool)
    loss = stereo_loss(out, truth, valid, max_disparity=model.config.max_disparity)
    loss.total.backward()
    assert {out.initial_disparity.device.type, loss.total.device.type} == {device}
    assert out.disparities[-1].shape == (2, 1, *SIZE_HW) and out.disparities[-1].dtype == torch.float32
    return model


def silent(model: FoundationStereo) -> list[str]:
    """Weights that learn but have no gradient."""
    return [name for name, weight in model.named_parameters() if weight.requires_grad and weight.grad is None]


@pytest.mark.parametrize(
    ("network", "mode"),
    [
        *(pytest.param(*case, marks=seldom(*case)) for case in itertools.product(NETWORKS, MODES)),
        ("nano", "checkpointing"),
        ("published", "checkpointing"),
    ],
)
def test_a_training_step_stays_on_the_meta_device(network, mode):
    assert silent(step(network, mode, "meta")) == []


@pytest.mark.parametrize("network", [pytest.param(name, marks=seldom(name)) for name in OPTIONS])
def test_a_training_step_under_autocast_fits_together(network):
    model = step(network, "autocast", "cpu")
    assert silent(model) == []
    assert all(w.grad.isfinite().all() for w in model.parameters() if w.grad is not None)


@pytest.mark.parametrize("network", [pytest.param(name, marks=seldom(name)) for name in NETWORKS])
def test_the_accelerated_copy_stays_on_the_meta_device(network):
    preset, overrides = NETWORKS[network]
    with torch.device("meta"):
        model = FoundationStereo(model_config(preset, **overrides)).to("meta")
    out = accelerate(model)(*torch.full((2, 1, 3, 64, 96), 100.0, device="meta"), iterations=2)
    assert out.disparities[0].device.type == "meta" and out.disparities[0].shape == (1, 1, 64, 96)


def test_a_tensor_on_the_cpu_fails_on_the_meta_device(monkeypatch):
    """The instrument itself: what these tests look for would be found."""
    with torch.device("meta"):
        model = FoundationStereo(model_config("nano")).to("meta")
    model.pixel_mean = torch.zeros(3, 1, 1)
    with pytest.raises(RuntimeError, match="device"):
        model(*torch.zeros(2, 1, 3, 64, 96, device="meta"), iterations=1)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("mode", [*MODES, "checkpointing", "autocast"])
@pytest.mark.parametrize("network", ABLATIONS)
def test_a_training_step_stays_on_the_gpu(network, mode):
    model = step(network, mode, "cuda")
    assert silent(model) == []
    assert all(w.grad.isfinite().all() for w in model.parameters() if w.grad is not None)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("network", ABLATIONS)
def test_the_accelerated_copy_says_on_the_gpu_what_the_model_says_on_the_cpu(network):
    preset, overrides = NETWORKS[network]
    torch.manual_seed(0)
    model = FoundationStereo(model_config(preset, **overrides)).eval()
    left, right = torch.rand(2, 1, 3, 64, 96) * 255
    expected = model.predict(left, right, iterations=2)
    found = accelerate(model.cuda()).predict(left.cuda(), right.cuda(), iterations=2)
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-3, atol=0.05)
