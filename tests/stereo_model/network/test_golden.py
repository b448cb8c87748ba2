"""The published network's own numbers, for deterministic weights: tests/golden/README.md."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stereo_model import FoundationStereo, ModelConfig
from stereo_model.fast.accelerate import accelerate
from stereo_model.weights.published import load_published, published_names
from tests.stereo_model.golden_filler import filled_state, golden_images, golden_values, gradient_norms, thin
from tests.stereo_model.golden_probe import record, stem_of, strided

VARIANTS = ("disparity", "heads")
ITERATIONS = 4
# Relative size of a gradient's rounding noise. Ours against itself, with and without oneDNN, differs by 0.03
# in training mode, where batch norms over few pixels amplify it.
NOISE = {"eval": 0.02, "train": 0.06}


@cache
def filled_model(attention: str, max_disparity: int) -> FoundationStereo:
    config = ModelConfig(
        prior="depth_anything_v2_vits", max_disparity=max_disparity, disparity_attention=attention
    )
    with torch.random.fork_rng(devices=[]):
        model = FoundationStereo(config)
    load_published(model, filled_state("vits"), source="filler")
    return model.eval()


@cache
def recorded(attention: str, max_disparity: int) -> dict[str, Tensor]:
    images = golden_images(f"vits_{max_disparity}_{attention}")
    return record(filled_model(attention, max_disparity), *images, ITERATIONS)


def limits(name: str) -> tuple[float, float]:
    """Allowed greatest and mean difference, relative to max(1, greatest value) for all but disparities."""
    if name.startswith(("pred", "final")):
        return 0.2, 0.02  # pixels
    if name.startswith(("init", "lookup_disp")):
        return 0.05, 0.005  # quarter-resolution pixels
    if name.startswith("logits"):
        return 1e-2, 1e-3
    if name.startswith(("geo_feat", "motion", "net_4", "delta", "mask", "spx")):
        return 2e-2, 5e-4  # they read the volume at a disparity that may be off by 0.01
    return (5e-3, 5e-4) if name.startswith(("prob", "dt_out", "volume_geo", "net")) else (1e-4, 1e-5)


def difference(name: str, found: Tensor, expected: np.ndarray, thinned: bool) -> str:
    """Empty if `found` agrees with a golden tensor, else what is wrong."""
    values = strided(name, found).detach().numpy()
    if not thinned and values.shape != expected.shape:
        return f"{name}: shape {values.shape}, expected {expected.shape}"
    error = np.abs((thin(values) if thinned else values) - expected)
    greatest, mean = limits(name)
    scale = 1.0 if "disp" in name or name.startswith("pred") else max(1.0, float(np.abs(expected).max()))
    if error.max() <= greatest * scale and error.mean() <= mean * scale:
        return ""
    return f"{name}: greatest difference {error.max():.3g}, mean {error.mean():.3g}, scale {scale:.3g}"


def differences(golden: str, found: dict[str, Tensor]) -> list[str]:
    """What is wrong with the tensors of `found`, by their names without stride, beside those of a file."""
    goldens = [item for item in golden_values(golden) if stem_of(item[0]) in found]
    assert {stem_of(name) for name, *_ in goldens} == set(found)
    return [line for name, *item in goldens if (line := difference(name, found[stem_of(name)], *item))]


@pytest.mark.parametrize(
    ("attention", "max_disparity"),
    [("disparity", 416), ("heads", 192), pytest.param("heads", 416, marks=pytest.mark.slow)],
)
def test_every_intermediate_and_output_is_the_published_one(attention, max_disparity):
    name = f"vits_{max_disparity}_{attention}"
    recorded_values = recorded(attention, max_disparity)
    known = {stem_of(golden) for golden, *_ in golden_values(name)} - {"final_test_mode", "final_iters8"}
    assert len(known) >= (70 if max_disparity == 416 else 14) and known <= set(recorded_values)
    assert differences(name, {golden: recorded_values[golden] for golden in known}) == []


def test_stages_in_full_resolution_are_the_published_ones():
    found = recorded("disparity", 416)
    volume = torch.cat([found["gwc_volume"], found["concat_volume"]], dim=1)
    stages = {name: found[name] for name in ("feat4", "stem_2x", "cnet_4_0", "cnet_4_1")}
    stages |= {"dino_out_left": found["dino_out"][:1], "volume_in_h16": volume[:, :, :, 16]}
    assert differences("vits_416_stage_inputs", stages) == []


@pytest.mark.slow  # that copies say what their models say, test_accelerate.py proves on small ones
@pytest.mark.parametrize(
    ("attention", "max_disparity"),
    [("disparity", 192), ("heads", 192), ("disparity", 416)],
)
def test_accelerated_inference_gives_the_published_maps(attention, max_disparity):
    name = f"vits_{max_disparity}_{attention}"
    model, images = accelerate(filled_model(attention, max_disparity)), golden_images(name)
    out = model(*images, iterations=ITERATIONS, every_iteration=True)
    (last,) = model(*images, iterations=1).disparities
    found = {f"pred_{index}": disparity for index, disparity in enumerate(out.disparities)}
    found |= {"init_disp": out.initial_disparity, "final_test_mode": out.disparities[-1]}
    assert differences(name, found) == []
    assert differences(name, {"pred_0": last}) == []  # the last map alone, of one iteration


@pytest.mark.slow
@pytest.mark.parametrize("attention", VARIANTS)
def test_eight_iterations_at_the_published_range_end_at_the_published_map(attention):
    name = f"vits_416_{attention}"
    found = accelerate(filled_model(attention, 416)).predict(*golden_images(name), iterations=8)
    assert differences(name, {"final_iters8": found}) == []


def test_the_two_attention_variants_differ_by_many_pixels():
    disparity, heads = (
        next(values for key, values, _ in golden_values(f"vits_192_{attention}") if key == "init_disp")
        for attention in VARIANTS
    )
    assert np.abs(disparity - heads).mean() > 1  # so a test that mixed them up would fail


def published_loss(initial: Tensor, maps: list[Tensor], truth: Tensor) -> Tensor:
    weights = [0.9 ** (len(maps) - 1 - index) for index in range(len(maps))]
    errors = [(disparity - truth).abs().mean() for disparity in maps]
    terms = [weight * error for weight, error in zip(weights, errors, strict=True)]
    return F.smooth_l1_loss(initial, truth[..., ::4, ::4] / 4) + sum(terms)


@cache
def training_step(mode: str) -> tuple[float, dict[str, Tensor], dict[str, Tensor]]:
    """The loss, gradients and buffers, by published name, after one backward pass in a mode."""
    model = filled_model("disparity", 192)
    name = f"vits_192_disparity_grad_{mode}"
    left, right = golden_images(name)
    truth = torch.from_numpy(next(value for key, value, _ in golden_values(name) if key == "gt"))
    rates = {part: part.p for part in model.modules() if isinstance(part, nn.Dropout)}
    before = {key: value.clone() for key, value in model.named_buffers()}
    try:
        for part in rates:
            part.p = 0.0
        model.train(mode == "train")
        model.zero_grad(set_to_none=True)
        out = model(left, right, iterations=3, every_iteration=True)
        loss = published_loss(out.initial_disparity, out.disparities, truth)
        loss.backward()
        return loss.item(), _published_gradients(model), _published_buffers(model)
    finally:
        model.zero_grad(set_to_none=True)
        for part, rate in rates.items():
            part.p = rate
        for key, value in model.named_buffers():
            value.copy_(before[key])
        model.eval()


def _published_gradients(model: nn.Module) -> dict[str, Tensor]:
    gradients = {}
    for key, weight in model.named_parameters():
        if weight.grad is not None:
            names = published_names([key])[key]
            parts = weight.grad.chunk(len(names)) if len(names) > 1 else [weight.grad]
            gradients |= dict(zip(names, parts, strict=True))
    return gradients


def _published_buffers(model: nn.Module) -> dict[str, Tensor]:
    own = {key: value.clone() for key, value in model.named_buffers() if "running" in key}
    return {published_names([key])[key][0]: value for key, value in own.items()}


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_loss_and_every_gradient_have_the_published_size(mode):
    loss, gradients, _ = training_step(mode)
    published = gradient_norms()[mode]
    assert loss == pytest.approx(published["loss"], rel=1e-4)
    expected = {  # norm3 is the shortcut's norm under its other name
        key.replace(".norm3.", ".downsample.1."): norm
        for key, norm in published["norm"].items()
        if norm is not None
    }
    assert set(gradients) == set(expected)
    # A bias before a batch norm has no effect on the loss, so its gradient is rounding noise: the floor.
    wrong = {
        key: (gradients[key].norm().item(), norm)
        for key, norm in expected.items()
        if not np.isclose(gradients[key].norm().item(), norm, rtol=NOISE[mode], atol=1e-3)
    }
    assert wrong == {}


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_gradients_have_the_published_values(mode):
    _, gradients, _ = training_step(mode)
    goldens = [
        (key.removeprefix("grad:"), values, thinned)
        for key, values, thinned in golden_values(f"vits_192_disparity_grad_{mode}")
        if key.startswith("grad:")
    ]
    assert len(goldens) >= 7
    for key, expected, thinned in goldens:
        found = gradients[key].numpy()
        error = (thin(found) if thinned else found) - expected
        assert np.linalg.norm(error) <= NOISE[mode] * np.linalg.norm(expected), key


def test_batch_norms_have_the_published_statistics_after_a_training_step():
    _, _, buffers = training_step("train")
    goldens = [
        (key.removeprefix("after:"), values, thinned)
        for key, values, thinned in golden_values("vits_192_disparity_grad_train")
        if key.startswith("after:")
    ]
    assert len(goldens) >= 5
    for key, expected, thinned in goldens:
        found = buffers[key].numpy()
        np.testing.assert_allclose(thin(found) if thinned else found, expected, rtol=1e-4, atol=1e-5)
