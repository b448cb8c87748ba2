from __future__ import annotations

import copy
import functools

import pytest
import torch

from stereo_model import FoundationStereo, ImageSizeError, ModelConfig, create_model, model_config
from stereo_model.fast.accelerate import accelerate
from stereo_model.network.features import MonocularPrior
from stereo_model.network.model import NonFiniteImageError
from stereo_model.training.step import compile_parts


@pytest.fixture(scope="module")
def nano():
    return create_model("nano")


def pair(height=64, width=96, batch=1):
    torch.manual_seed(1)
    return torch.rand(2, batch, 3, height, width) * 255


@pytest.mark.parametrize("preset", ["nano", "tiny"])
def test_training_gives_every_iteration_and_the_initial_disparity(preset):
    model = create_model(preset).train()
    out = model(*pair(batch=2), iterations=3)
    assert out.initial_disparity.shape == (2, 1, 16, 24)
    assert [tuple(d.shape) for d in out.disparities] == [(2, 1, 64, 96)] * 3
    assert out.initial_disparity.min() >= 0 and out.initial_disparity.max() <= model.config.bins - 1


def test_evaluation_gives_the_last_iteration_alone_unless_asked(nano):
    last = nano(*pair(), iterations=3).disparities
    every = nano(*pair(), iterations=3, every_iteration=True).disparities
    assert len(last) == 1 and len(every) == 3 and torch.equal(last[0], every[2])


@pytest.mark.parametrize("preset", ["nano", "tiny"])
def test_the_gradient_reaches_every_parameter(preset):
    model = create_model(preset).train()
    out = model(*pair(batch=2), iterations=2)
    (out.initial_disparity.square().mean() + sum(d.square().mean() for d in out.disparities)).backward()
    silent = [
        name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()
    ]
    # batch norm removes a constant, so the bias of a convolution before it cannot matter
    assert [name for name in silent if not name.endswith(".bias")] == []


def test_a_frozen_backbone_gets_no_gradient_and_keeps_its_statistics():
    model = create_model("nano")
    model.freeze_backbone()
    before = {name: value.clone() for name, value in model.features.backbone.state_dict().items()}
    model.train()(*pair(batch=2), iterations=1).disparities[0].mean().backward()
    assert all(weight.grad is None for weight in model.features.backbone.parameters())
    assert all(
        torch.equal(value, before[name]) for name, value in model.features.backbone.state_dict().items()
    )
    assert model.features.decoder4.up[0].weight.grad.any()


@pytest.mark.parametrize("size", [(1, 1), (37, 70), (64, 96), (65, 127)])
def test_prediction_takes_any_size(nano, size):
    out = nano.predict(*pair(*size), iterations=1)
    assert out.shape == (1, 1, *size) and out.isfinite().all()


def test_prediction_takes_bytes_and_leaves_the_mode_as_it_was(nano):
    nano.train()
    left, right = pair(40, 50).byte()
    out = nano.predict(left, right, iterations=1)
    assert nano.training and torch.equal(out, nano.eval().predict(left.float(), right.float(), iterations=1))


def test_prediction_of_a_fitting_size_equals_the_forward_pass(nano):
    with torch.no_grad():
        plain = nano.eval()(*pair(), iterations=2).disparities[-1]
    torch.testing.assert_close(nano.predict(*pair(), iterations=2), plain)


@pytest.mark.parametrize(
    "shapes", [((1, 3, 64, 90), (1, 3, 64, 90)), ((1, 3, 64, 96), (1, 3, 64, 64)), ((1, 1, 64, 96),) * 2]
)
def test_images_that_do_not_fit_are_refused_with_their_shapes(nano, shapes):
    left, right = (torch.zeros(shape) for shape in shapes)
    with pytest.raises(ImageSizeError, match="expected two equal"):
        nano(left, right)


def test_zero_iterations_give_the_initial_disparity_alone(nano):
    output = nano(*pair(), iterations=0)
    assert output.disparities == []
    assert torch.equal(output.initial_disparity, nano(*pair(), iterations=1).initial_disparity)


def test_a_prediction_needs_an_iteration(nano):
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        nano.predict(*pair(), iterations=0)


def test_a_frozen_initial_disparity_leaves_the_refinement_to_learn(nano):
    model = copy.deepcopy(nano)
    model.learn_only("refinement")
    model.train()
    assert not model.hourglass.training and model.update.training
    output = model(*pair(), iterations=1)
    output.disparities[-1].sum().backward()
    assert model.cost_volume.mix.weight.grad is None and model.update.motion.corr1.weight.grad is not None


def test_the_seed_decides_the_weights_and_leaves_the_global_generator_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one, other = create_model("nano", seed=3), create_model("nano", seed=4)
    assert torch.equal(torch.rand(1), expected)
    again = create_model("nano", seed=3)
    assert torch.equal(one.update.gru4.input_conv.weight, again.update.gru4.input_conv.weight)
    assert not torch.equal(one.update.gru4.input_conv.weight, other.update.gru4.input_conv.weight)


class Edges(MonocularPrior):
    """Stands for a frozen single-image network: the mean of 4x4 pixels."""

    channels = 8

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, image_bchw):
        return torch.nn.functional.avg_pool2d(image_bchw, 4)[:, :1].repeat(1, 8, 1, 1) * self.scale


def test_a_monocular_prior_joins_the_features_and_the_context_and_stays_frozen():
    model = FoundationStereo(model_config("nano", prior_dim=8), Edges()).train()
    assert not model.prior.training
    assert model.features.channels[0] == 2 * 8 + 8 and model.context.fuse[0].in_channels == 8 + 8
    model(*pair(batch=2), iterations=1).disparities[0].mean().backward()
    assert model.prior.scale.grad is None


def test_a_prior_and_the_configuration_must_agree():
    with pytest.raises(ValueError, match="the prior gives 8 channels, the configuration says prior_dim=0"):
        FoundationStereo(model_config("nano"), Edges())


class Blank(MonocularPrior):
    channels = 32


def test_the_published_size_has_the_published_number_of_weights():
    """Thousands of trainable weights per part of the published small model."""
    with torch.device("meta"):
        model = FoundationStereo(ModelConfig(prior_dim=32), Blank())
    count = {name: sum(w.numel() for w in part.parameters()) for name, part in model.named_children()}
    assert round(count["features"] / 1e3) == 10109
    assert round(count["hourglass"] / 1e3) == 4742
    assert round(count["initial"] / 1e3) == 26
    # the published update block includes the mask head, which is part of the upsampler here
    mask = sum(w.numel() for w in model.upsampler.mask.parameters())
    assert round((count["update"] + mask) / 1e3) == 16349
    assert round((count["upsampler"] - mask) / 1e3) == 53 + 9


def test_a_given_initial_disparity_replaces_the_networks_own(nano):
    given = torch.full((1, 1, 16, 24), 5.0)
    with torch.no_grad():
        own = nano.eval()(*pair(), iterations=1)
        out = nano(*pair(), iterations=1, initial_disparity=given)
        again = nano(*pair(), iterations=1, initial_disparity=own.initial_disparity)
    assert out.initial_disparity is given
    assert (out.disparities[0] - 20.0).abs()[..., 4:-4, 4:-4].max() < 2  # four pixels per quarter pixel
    assert torch.equal(again.disparities[0], own.disparities[0])


def test_an_initial_disparity_of_another_size_is_refused(nano):
    with pytest.raises(ImageSizeError, match=r"\(1, 1, 64, 96\), expected \(1, 1, 16, 24\)"):
        nano(*pair(), iterations=1, initial_disparity=torch.zeros(1, 1, 64, 96))


def test_the_hierarchy_starts_from_the_small_estimate_in_full_size_units(nano, monkeypatch):
    """With a small pass that says 7 px everywhere, the full pass starts at 14 px, however it is padded."""
    starts = []
    forward = nano.forward

    def spy(*images, initial_disparity, **options):
        starts.append((tuple(images[0].shape[-2:]), initial_disparity))
        out = forward(*images, initial_disparity=initial_disparity, **options)
        if initial_disparity is None:
            out.disparities[-1].fill_(7.0)
        return out

    monkeypatch.setattr(nano, "forward", spy)
    out = nano.predict(*pair(70, 90), iterations=1, hierarchical=True)
    assert out.shape == (1, 1, 70, 90)
    assert [size for size, _ in starts] == [(64, 64), (96, 96)] and starts[0][1] is None
    torch.testing.assert_close(starts[1][1], torch.full((1, 1, 24, 24), 14.0 / 4))


@pytest.mark.parametrize("size", [(1, 1), (64, 96), (65, 127)])
def test_hierarchical_prediction_takes_any_size(nano, size):
    out = nano.predict(*pair(*size), iterations=1, hierarchical=True)
    assert out.shape == (1, 1, *size) and out.isfinite().all()


def test_prediction_refuses_images_of_unequal_size(nano):
    left, right = pair()
    with pytest.raises(ImageSizeError, match="expected two equal"):
        nano.predict(left, right[..., :-1])


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_prediction_refuses_pixels_that_are_not_finite(nano, bad):
    left, right = pair()
    right[0, 1, 3, 4:6] = bad
    with pytest.raises(NonFiniteImageError, match="the right image has 2 pixels that are not finite"):
        nano.predict(left, right)


def training_step(model, checkpointing):
    model.checkpointing = checkpointing
    torch.manual_seed(7)  # dropout
    out = model.train()(*pair(batch=2), iterations=2)
    (out.initial_disparity.square().mean() + sum(d.square().mean() for d in out.disparities)).backward()
    return {name: weight.grad for name, weight in model.named_parameters()}, dict(model.named_buffers())


def test_checkpointing_changes_neither_gradients_nor_batch_norm_statistics():
    kept, kept_buffers = training_step(create_model("nano"), False)
    again, again_buffers = training_step(create_model("nano"), True)
    for name, gradient in kept.items():
        torch.testing.assert_close(again[name], gradient, msg=name)
    for name, value in kept_buffers.items():
        assert torch.equal(again_buffers[name], value), name
    assert kept_buffers["hourglass.up4.1.num_batches_tracked"] == 1


def test_checkpointing_keeps_fewer_tensors_for_the_backward_pass():
    def kept_bytes(checkpointing):
        model = create_model("nano").train()
        model.checkpointing = checkpointing
        sizes = []

        def pack(tensor):
            sizes.append(tensor.numel() * tensor.element_size())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            model(*pair(), iterations=4)
        return sum(sizes)

    assert kept_bytes(True) < 0.8 * kept_bytes(False)  # features and context are kept in either way


def compiled_step(model):
    """Outputs and gradients of two iterations on one pair."""
    model.zero_grad()
    out = model(*pair(batch=2), iterations=2, every_iteration=True)
    (out.initial_disparity.square().mean() + sum(d.square().mean() for d in out.disparities)).backward()
    gradients = {name: weight.grad.clone() for name, weight in model.named_parameters()}
    return [d.detach() for d in out.disparities], gradients


def assert_compiles_as_the_trainer_does(model):
    """The same outputs and gradients, and nothing to compile anew for the next pair."""
    expected, wanted = compiled_step(copy.deepcopy(model))
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compile_parts(model)
    found, gradients = compiled_step(model)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-2)
    whole, error = (
        torch.cat([part.flatten() for part in parts])
        for parts in (wanted.values(), [gradients[name] - wanted[name] for name in wanted])
    )
    assert error.norm() < 1e-3 * whole.norm()
    for name, gradient in wanted.items():  # small ones are rounding: without oneDNN they differ by 0.1
        assert (gradients[name] - gradient).norm() <= 0.2 * gradient.norm().clamp(min=1e-3), name
    counters = torch._dynamo.utils.counters
    graphs = counters["stats"]["unique_graphs"]
    assert graphs >= 8 and not counters["graph_break"]
    compiled_step(model)
    assert counters["stats"]["unique_graphs"] == graphs


@pytest.mark.parametrize(
    ("backend", "checkpointing"),
    [
        ("eager", True),
        pytest.param("aot_eager", True, marks=pytest.mark.slow),
        pytest.param("aot_eager", False, marks=pytest.mark.slow),
    ],
)
def test_the_parts_compile_as_the_trainer_does_it_without_breaks_or_recompilation(
    monkeypatch, backend, checkpointing
):
    """Forward graphs are traced, by `aot_eager` backward ones too; the code, slow to make, is left out."""
    with_graphs_alone = functools.partialmethod(torch.nn.Module.compile, backend=backend)
    monkeypatch.setattr(torch.nn.Module, "compile", with_graphs_alone)
    model = create_model("nano", transformer_dropout=0.0).train()
    model.checkpointing = checkpointing
    assert_compiles_as_the_trainer_does(model)


@pytest.mark.slow
def test_the_parts_compile_to_code_as_the_trainer_does_it():
    assert_compiles_as_the_trainer_does(create_model("nano", transformer_dropout=0.0).train())


def test_half_precision_keeps_volumes_for_the_lookup_and_disparities_in_float32():
    model = create_model("nano", volume_smoothing=True).train()
    with torch.autocast("cpu", torch.bfloat16):
        out = model(*pair(batch=2), iterations=2)
    assert {d.dtype for d in (out.initial_disparity, *out.disparities)} == {torch.float32}
    sum(d.mean() for d in out.disparities).backward()
    assert all(w.grad.isfinite().all() for w in model.parameters() if w.grad is not None)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        low = model.eval()(*pair(), iterations=2)
    with torch.no_grad():
        full = model(*pair(), iterations=2)
    assert (low.disparities[-1] - full.disparities[-1]).abs().mean() < 0.05  # of 14 px spread


@pytest.mark.parametrize("preset", ["tiny", "small"])
def test_a_small_size_predicts_any_image(preset):
    left, right = torch.rand(2, 1, 3, 50, 70) * 255
    assert create_model(preset, max_disparity=64).predict(left, right, iterations=1).shape == (1, 1, 50, 70)


def test_what_is_predicted_can_be_the_target_of_a_loss():
    teacher, student = create_model("nano"), create_model("nano", seed=1)
    fast = accelerate(teacher)
    out = fast(*pair(), iterations=1)
    labels = [teacher.predict(*pair(), iterations=1), fast.predict(*pair(), iterations=1)]
    for label in (*labels, out.initial_disparity, *out.disparities, out.logits):
        assert not label.is_inference() and not label.requires_grad
    for label in labels:
        label *= 0.5
        student.zero_grad()
        found = student(*pair(), iterations=1)
        weighted = found.disparities[-1] * label  # kept for the backward pass
        (weighted.mean() + (found.initial_disparity - label[..., ::4, ::4]).abs().mean()).backward()
        assert all(weight.grad is not None for weight in student.update.parameters())


def test_under_autocast_a_prediction_takes_no_gradient_from_what_is_learned_after_it():
    model = create_model("nano").train()
    with torch.autocast("cpu", torch.bfloat16):
        label = model.predict(*pair(), iterations=1)
        loss = (model(*pair(), iterations=1).disparities[-1] - label).abs().mean()
    loss.backward()
    assert all(weight.grad is not None for weight in model.update.parameters())
