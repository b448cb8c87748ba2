"""What the parts of a model start a training from: somebody's weights, or noise; and how to give weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stereo_model.network.config import model_config
from stereo_model.network.model import FoundationStereo
from stereo_model.training.recipe import ModelChoice
from stereo_model.weights.backbone import installed_lite0_weights

IMAGENET = "imagenet"
TRY_OUT = "_nano"  # end of the names of priors that exist to try things out, and may be noise


def start_of(choice: ModelChoice, model: FoundationStereo) -> str:
    """One line on all parts, for the person who trains."""
    if choice.weights is not None:
        return f"all weights of {choice.weights}"
    parts = [_backbone(choice, model)] if model.features.backbone is not None else []
    if model.prior is not None:
        parts.append(f"the prior {model.config.prior} from {choice.prior_weights or 'noise'}")
    return ", ".join([*parts, "all else from noise"])


def model_left_open(choice: ModelChoice) -> Iterator[str]:
    """What must be given before a model can be built: a size or a checkpoint, and no frozen prior of noise,
    which no training could mend. Raises ConfigError for an unknown preset or override.
    """
    if choice.weights is not None:
        return
    if choice.preset is None:
        yield "model: give preset (a new model) or weights (a checkpoint to go on from)"
        return
    prior = model_config(choice.preset, **choice.overrides).prior
    if prior is not None and choice.prior_weights is None and not prior.endswith(TRY_OUT):
        yield (
            f"model.prior_weights is not given: the frozen prior {prior} would be noise; give its published "
            f"file, or model.prior_weights={prior} to fetch it"
        )


def backbone_weights(choice: ModelChoice) -> str | Path | None:
    """Where the backbone's weights are: `imagenet` is installed for EfficientNet-Lite0, else on the hub.

    Raises:
        BackboneWeightsError: the package with the installed ones is not there.
    """
    if choice.backbone_weights != IMAGENET:
        return choice.backbone_weights
    name = model_config(choice.preset or "", **choice.overrides).backbone
    return installed_lite0_weights() if name == "efficientnet_lite0" else name


def _backbone(choice: ModelChoice, model: FoundationStereo) -> str:
    name = model.config.backbone
    if choice.backbone_weights is not None:
        return f"the backbone {name} from {choice.backbone_weights}"
    return f"the backbone {name} from NOISE (give model.backbone_weights=imagenet, or a file)"
