"""What our weights are called in the published network, and which of its weights it never reads."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stereo_model.network.config import PRIOR_DIMS
from stereo_model.network.vit import VIT_SIZES
from stereo_model.weights.files import CheckpointError

_VIT = "feature.dino.depth_anything.pretrained."
_HEAD = "feature.dino.depth_anything.depth_head."

# A convolution and its norm: ours are `.0` and `.1`, the published ones `.conv` and `.bn`.
_CONV_NORM = {
    "cost_volume.smooth.0": "corr_stem.1",
    "cost_volume.attention.squeeze": "corr_feature_att.feat_att.0",
    "hourglass.down8.reduce": "cost_agg.conv1.0",
    "hourglass.down16.reduce": "cost_agg.conv2.0",
    "hourglass.down32.reduce": "cost_agg.conv3.0",
    "hourglass.down8.attention.squeeze": "cost_agg.feature_att_8.feat_att.0",
    "hourglass.down16.attention.squeeze": "cost_agg.feature_att_16.feat_att.0",
    "hourglass.down32.attention.squeeze": "cost_agg.feature_att_32.feat_att.0",
    "hourglass.up16.expand": "cost_agg.conv3_up",
    "hourglass.up16.merge": "cost_agg.agg_0.0",
    "hourglass.up16.attention.squeeze": "cost_agg.feature_att_up_16.feat_att.0",
    "hourglass.up8.expand": "cost_agg.conv2_up",
    "hourglass.up8.merge": "cost_agg.agg_1.0",
    "hourglass.up8.attention.squeeze": "cost_agg.feature_att_up_8.feat_att.0",
    "hourglass.up4": "cost_agg.conv1_up",
    "initial.classify.0": "classifier.0",
    "context.fuse": "cnet.conv2",
}

_PREFIXES = {
    "features.backbone.net.stem_": "feature.stem.",
    "features.backbone.net.stages_": "feature.stages.",
    "features.decoder16.up.0.": "feature.deconv32_16.conv1.conv.",
    "features.decoder16.merge.": "feature.deconv32_16.conv2.",
    "features.decoder8.up.0.": "feature.deconv16_8.conv1.conv.",
    "features.decoder8.merge.": "feature.deconv16_8.conv2.",
    "features.decoder4.up.0.": "feature.deconv8_4.conv1.conv.",
    "features.decoder4.merge.": "feature.deconv8_4.conv2.",
    "features.fusion.0.0.": "feature.conv4.0.conv.",
    "features.fusion.": "feature.conv4.",
    "half_stem.conv1.": "stem_2.0.conv.",
    "half_stem.conv2.": "stem_2.1.",
    "cost_volume.project.": "proj_cmb.",
    "cost_volume.mix.": "corr_stem.0.",
    "cost_volume.smooth.1.": "corr_stem.2.",
    "cost_volume.smooth.2.": "corr_stem.3.",
    "cost_volume.attention.excite.": "corr_feature_att.feat_att.1.",
    "hourglass.down8.attention.excite.": "cost_agg.feature_att_8.feat_att.1.",
    "hourglass.down16.attention.excite.": "cost_agg.feature_att_16.feat_att.1.",
    "hourglass.down32.attention.excite.": "cost_agg.feature_att_32.feat_att.1.",
    "hourglass.up16.attention.excite.": "cost_agg.feature_att_up_16.feat_att.1.",
    "hourglass.up8.attention.excite.": "cost_agg.feature_att_up_8.feat_att.1.",
    "hourglass.down8.filter.": "cost_agg.conv1.1.",
    "hourglass.down16.filter.": "cost_agg.conv2.1.",
    "hourglass.down32.filter.": "cost_agg.conv3.1.",
    "hourglass.up16.filter.0.": "cost_agg.agg_0.1.",
    "hourglass.up16.filter.1.": "cost_agg.agg_0.2.",
    "hourglass.up8.filter.0.": "cost_agg.agg_1.1.",
    "hourglass.up8.filter.1.": "cost_agg.agg_1.2.",
    "hourglass.out.": "cost_agg.conv_out.",
    "hourglass.transformer.patch.": "cost_agg.conv_patch.",
    "hourglass.transformer.layers.": "cost_agg.atts.4.sa.",
    "initial.classify.1.": "classifier.1.",
    "initial.classify.2.": "classifier.2.",
    "context.stem.0.": "cnet.conv1.",
    "context.stem.1.": "cnet.norm1.",
    "context.stage": "cnet.layer",
    "context.heads4.": "cnet.outputs04.",
    "context.heads8.": "cnet.outputs08.",
    "context.heads16.": "cnet.outputs16.",
    "context.channel_attention.gate.": "cam.fc.",
    "context.spatial_attention.conv.": "sam.samconv.",
    "update.motion.corr": "update_block.encoder.convc",
    "update.motion.disp": "update_block.encoder.convd",
    "update.motion.join.": "update_block.encoder.conv.",
    "update.gru4.": "update_block.gru04.",
    "update.gru8.": "update_block.gru08.",
    "update.gru16.": "update_block.gru16.",
    "update.disparity_head.": "update_block.disp_head.conv.",
    "upsampler.mask.": "update_block.mask.",
    "upsampler.to_half.": "spx_2_gru.conv1.conv.",
    "upsampler.mix.": "spx_2_gru.conv2.conv.",
    "upsampler.to_full.": "spx_gru.0.",
    "prior.vit.net.": _VIT,
    "prior.head.project.": _HEAD + "projects.",
    "prior.head.resize.": _HEAD + "resize_layers.",
    "prior.head.reduce.0.": _HEAD + "scratch.layer1_rn.",
    "prior.head.reduce.1.": _HEAD + "scratch.layer2_rn.",
    "prior.head.reduce.2.": _HEAD + "scratch.layer3_rn.",
    "prior.head.reduce.3.": _HEAD + "scratch.layer4_rn.",
    "prior.head.fuse.0.": _HEAD + "scratch.refinenet1.",
    "prior.head.fuse.1.": _HEAD + "scratch.refinenet2.",
    "prior.head.fuse.2.": _HEAD + "scratch.refinenet3.",
    "prior.head.fuse.3.": _HEAD + "scratch.refinenet4.",
    "prior.head.out.": _HEAD + "scratch.output_conv1.",
}

# Names inside a part, applied to the published name that the tables above gave; (where, ours, published).
_INNER = (
    (r"^corr_stem\.[23]|^classifier\.1", r"\.norm([12])\.", r".bn\1."),
    (r"^cost_agg\.", r"\.planar\.", ".conv1."),
    (r"^cost_agg\.", r"\.axial\.", ".conv2."),
    (r"^cost_agg\.atts", r"\.attention\.query\.", ".self_attn.q_proj."),
    (r"^cost_agg\.atts", r"\.attention\.key\.", ".self_attn.k_proj."),
    (r"^cost_agg\.atts", r"\.attention\.value\.", ".self_attn.v_proj."),
    (r"^cost_agg\.atts", r"\.attention\.out\.", ".self_attn.out_proj."),
    (r"^cnet\.", r"\.shortcut\.", ".downsample."),
    (r"^update_block\.gru", r"\.input_conv\.", ".conv0.0."),
    (r"^update_block\.gru", r"\.gate_conv\.", ".conv1.0."),
    (r"^update_block\.gru", r"\.(small|large)\.", r".\1_gru."),
    (r"^update_block\.gru", r"\.candidate\.", ".convq."),
    (r"^update_block\.disp_head", r"\.depthwise\.", ".dwconv."),
    (r"^update_block\.disp_head", r"\.linear([12])\.", r".pwconv\1."),
    (r"^update_block\.disp_head", r"\.scale$", ".gamma"),
    (r"\.refinenet\d\.", r"\.unit([12])\.", r".resConfUnit\1."),
    (r"\.refinenet\d\.", r"\.out\.", ".out_conv."),
)

NORM_BUFFERS = ("weight", "bias", "running_mean", "running_var")
TWICE = tuple(f"cnet.layer{n}.0" for n in (2, 3, 4, 5))  # blocks whose shortcut norm has two names


def published_names(keys: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """For each of our keys the published keys whose tensors, joined along axis 0, are its value.

    Raises CheckpointError for a key that no published network has.
    """
    return {key: published_name(key) for key in keys}


def unused_shapes(size: str) -> dict[str, tuple[int, ...]]:
    """Published keys that the published network holds but never reads, and their shapes."""
    channels = 2 * PRIOR_DIMS[size]
    shapes: dict[str, tuple[int, ...]] = {
        "stem_4.0.conv.weight": (48, 32, 3, 3),
        "stem_4.1.weight": (48, 48, 3, 3),
    }
    for index in range(3):
        shapes |= _conv(f"context_zqr_convs.{index}", 384, 128, 3)
    shapes |= _conv("cnet.down.0", 128, 128, 4) | _norm("cnet.down.1", 128) | _norm("cnet.norm", 256)
    for block, width in zip(TWICE, (96, 128, 128, 128), strict=True):
        shapes |= _norm(f"{block}.norm3", width)
    return shapes | {_VIT + "mask_token": (1, VIT_SIZES[size].dim)} | unused_head_shapes(channels, _HEAD)


def published_name(key: str) -> tuple[str, ...]:
    """The published keys of one of ours. Raises CheckpointError."""
    name = _outer_name(key)
    if name is None:
        raise CheckpointError(f"{key}: the published network has no such weight")
    for where, ours, published in _INNER:
        if re.search(where, name):
            name = re.sub(ours, published, name)
    if ".gates." in name:
        return name.replace(".gates.", ".convz."), name.replace(".gates.", ".convr.")
    return (name,)


def _outer_name(key: str) -> str | None:
    for ours, published in _CONV_NORM.items():
        for index, leaf in ((0, "conv"), (1, "bn")):
            if key.startswith(f"{ours}.{index}."):
                return f"{published}.{leaf}." + key.removeprefix(f"{ours}.{index}.")
    for ours, published in _PREFIXES.items():
        if key.startswith(ours):
            return published + key.removeprefix(ours)
    return None


def _conv(name: str, outputs: int, inputs: int, kernel: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs, kernel, kernel), f"{name}.bias": (outputs,)}


def _norm(name: str, channels: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.{leaf}": (channels,) for leaf in NORM_BUFFERS} | {f"{name}.num_batches_tracked": ()}


def unused_head_shapes(channels: int, prefix: str) -> dict[str, tuple[int, ...]]:
    """The head's weights for the depth itself, and of a unit whose input does not exist."""
    unit, out = prefix + "scratch.refinenet4.resConfUnit1.", prefix + "scratch.output_conv2."
    shapes = _conv(unit + "conv1", channels, channels, 3) | _conv(unit + "conv2", channels, channels, 3)
    return shapes | _conv(out + "0", 32, channels // 2, 3) | _conv(out + "2", 1, 32, 1)
