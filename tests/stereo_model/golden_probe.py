"""Record what flows between the parts of the network, under the names of tests/golden."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from stereo_model.network.cost_volume import group_correlation
from stereo_model.network.model import FoundationStereo
from stereo_model.network.upsample import MASK_SCALE
from tests.stereo_model.oracles.cost_volume import plain_concatenation
from tests.stereo_model.oracles.lookup import published_order

OUTPUTS = {  # golden name -> our module; its outputs, in order of the calls
    "dino_path_1": "prior.head.fuse.0",
    "vit_feat": "prior",
    "edge_stem": "features.backbone.net.stem_1",
    "edge_stage0": "features.backbone.net.stages_0",
    "edge_stage1": "features.backbone.net.stages_1",
    "edge_stage2": "features.backbone.net.stages_2",
    "edge_stage3": "features.backbone.net.stages_3",
    "stem_2x": "half_stem",
    "proj": "cost_volume.project",
    "corr_stem": "cost_volume.smooth.2",
    "volume_pre_hourglass": "cost_volume",
    "hg_conv1": "hourglass.down8.filter",
    "hg_conv2": "hourglass.down16.filter",
    "hg_conv3": "hourglass.down32.filter",
    "hg_agg_0": "hourglass.up16.filter",
    "hg_agg_1": "hourglass.up8.filter",
    "hg_conv1_up": "hourglass.up4",
    "dt_in": "hourglass.transformer.patch",
    "volume_geo": "hourglass.out.1",
    "logits": "initial.classify",
    "cnet_4_0": "context.heads4.0",
    "cnet_4_1": "context.heads4.1",
    "cnet_8_0": "context.heads8.0",
    "cnet_8_1": "context.heads8.1",
    "cnet_16_0": "context.heads16.0",
    "cnet_16_1": "context.heads16.1",
    "cam": "context.channel_attention",
    "sam": "context.spatial_attention",
    "motion": "update.motion",
    "mask_feat": "upsampler.mask",
    "spx_logits": "upsampler.to_full",
}


def record(model: FoundationStereo, left: Tensor, right: Tensor, iterations: int) -> dict[str, Tensor]:
    """Run a model and keep its intermediates and outputs, by golden name without the strides."""
    calls: dict[str, list[Tensor]] = defaultdict(list)
    hooks = [
        model.get_submodule(path).register_forward_hook(_keep(calls[name])) for name, path in OUTPUTS.items()
    ]
    hooks += _special_hooks(model, calls)
    try:
        with torch.no_grad():
            out = model(left, right, iterations=iterations, every_iteration=True)
    finally:
        for hook in hooks:
            hook.remove()
    found = _named(calls) | {"init_disp": out.initial_disparity}
    found |= {f"pred_{index}": disparity for index, disparity in enumerate(out.disparities)}
    return found | _volumes(model, found)


def strided(name: str, values: Tensor) -> Tensor:
    """What the golden `name` keeps of `values`: `_sN` is every Nth row and column, or every Nth token."""
    stem, _, end = name.rpartition("_s")
    step = int(end) if stem and end.isdigit() else 1
    if name.startswith("vit_tokens"):
        return values[:, ::step]
    if name.startswith("dt_layer0"):
        return values[::8]
    return values[..., ::step, ::step] if step > 1 else values


def stem_of(name: str) -> str:
    """The golden name without its stride."""
    stem, _, end = name.rpartition("_s")
    return stem if stem and end.isdigit() else name


def _keep(values: list[Tensor]) -> Callable[..., None]:
    def hook(module: object, inputs: tuple, output: Tensor) -> None:
        values.append(output.detach().clone())

    return hook


def _special_hooks(model: FoundationStereo, calls: dict[str, list[Tensor]]) -> list:
    """Where a module's inputs, or one of several outputs, are wanted."""

    def transformer(module: object, inputs: tuple, maps: list[Tensor]) -> None:
        calls["dino_in"].append(inputs[0])
        for index, tokens in enumerate(maps):
            calls[f"vit_tokens_{index}"].append(tokens.flatten(2).mT)

    def head(module: object, inputs: tuple, output: Tensor) -> None:
        size = calls["dino_in"][0].shape[-2:]
        calls["dino_out"].append(F.interpolate(output, size=size, mode="bilinear", align_corners=True))

    def pyramid(module: object, inputs: tuple, output: tuple) -> None:
        for stride, level in zip((4, 8, 16, 32), output[0], strict=True):
            calls[f"feat{stride}"].append(level)

    def layer(module: object, inputs: tuple, output: Tensor) -> None:
        calls["dt_layer0_in"].append(inputs[0])
        calls["dt_layer0_out"].append(output)

    def last_layer(module: object, inputs: tuple, output: Tensor) -> None:
        calls["dt_tokens"].append(output)

    def update(module: object, inputs: tuple, output: tuple) -> None:
        states, change = output
        calls["lookup_disp"].append(inputs[3])
        calls["delta"].append(change)
        for scale, state in zip((4, 8, 16), states, strict=True):
            calls[f"net_{scale}"].append(state)

    layers = model.hourglass.transformer.layers
    return [
        model.prior.vit.register_forward_hook(transformer),
        model.prior.head.out.register_forward_hook(head),
        model.features.register_forward_hook(pyramid),
        layers[0].register_forward_hook(layer),
        layers[-1].register_forward_hook(last_layer),
        model.update.register_forward_hook(update),
    ]


STATES = ("net_4", "net_8", "net_16")
PER_ITERATION = ("lookup_disp", "delta", "motion", "mask_feat", "spx_logits", *STATES)


def _named(calls: dict[str, list[Tensor]]) -> dict[str, Tensor]:
    found = {name: values[0] for name, values in calls.items() if len(values) == 1}
    for name in PER_ITERATION:
        found |= {f"{name}_{step}": value for step, value in enumerate(calls[name])}
    for name in ("cam", "sam"):
        found |= {f"{name}_{scale}": value for scale, value in zip((4, 8, 16), calls[name], strict=True)}
    found["proj_left"], found["proj_right"] = torch.cat(calls["proj"]).chunk(2)
    found |= {name: MASK_SCALE * value for name, value in found.items() if name.startswith("mask_feat")}
    found["prob"] = found["logits"].squeeze(1).softmax(1)
    batch, channels, depth, height, width = found["dt_in"].shape
    tokens = found["dt_tokens"].reshape(batch, height, width, depth, channels)
    return found | {"dt_out": tokens.permute(0, 4, 3, 1, 2)}


def _volumes(model: FoundationStereo, found: dict[str, Tensor]) -> dict[str, Tensor]:
    """What the network never holds as one tensor, from the functions that say what it stands for."""
    config = model.config
    left, right = found["feat4"].chunk(2)
    lookup = model.lookup(found["volume_geo"], found["feat4"])
    steps = [name.removeprefix("lookup_disp_") for name in found if name.startswith("lookup_disp_")]
    return {
        "gwc_volume": group_correlation(left, right, bins=config.bins, groups=config.cv_groups),
        "concat_volume": plain_concatenation(found["proj_left"], found["proj_right"], bins=config.bins),
        **{f"geo_feat_{step}": published_order(lookup, found[f"lookup_disp_{step}"]) for step in steps},
    }
