"""Model configuration: the size of every part of the network, frozen and digestible.

One architecture, several sizes. A preset is a file of field values in `presets/`; `vitl`, `vitb` and `vits`
are the published sizes, `tiny` trains on a CPU, `nano` is for tests. Field names follow the paper's parts
(arXiv 2501.09898, section 3); the default of every field that changes the architecture rather than its size
is the published one.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Mapping
from importlib import resources
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from jobs.expected import in_words, with_whole_numbers

BackboneName = Literal["efficientnet_lite0", "edgenext_small"]
DisparityAttention = Literal["disparity", "heads", "volume"]
Positions = Literal["cosine", "rope"]
CostVolumeKind = Literal["hybrid", "groupwise", "concat"]
PriorName = Literal[
    "depth_anything_v2_vits",
    "depth_anything_v2_vitb",
    "depth_anything_v2_vitl",
    "depth_anything_v2_nano",
    "dinov2_vits",
    "dinov2_vitb",
    "dinov2_vitl",
    "dinov2_nano",
]
SideTuning = Literal["a", "b", "c"]

PRIOR_DIMS: Mapping[str, int] = {"nano": 8, "vits": 32, "vitb": 64, "vitl": 128}  # by the name's last word

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CENTRED = (0.5, 0.5, 0.5)  # EfficientNet-Lite was trained on pixels scaled to [-1, 1]

SIZE_MULTIPLE = 32  # pixels; the coarsest feature level is 1/32
VOLUME_STRIDE = 4  # pixels of the image per pixel of the cost volume


Config = TypeVar("Config", bound=BaseModel)


class ConfigError(ValueError):
    """A configuration value is unknown, of the wrong type or out of range."""


class ModelConfig(BaseModel):
    """Sizes of all parts of the network. Channels unless a unit is given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # Features (paper 3.1)
    backbone: BackboneName = "edgenext_small"
    pixel_mean: tuple[float, float, float] = IMAGENET_MEAN  # of pixels / 255
    pixel_std: tuple[float, float, float] = IMAGENET_STD
    lateral_dims: tuple[int, int, int, int] | None = None
    """1x1 projections of the levels at 1/4, 1/8, 1/16, 1/32; None keeps the backbone's own channels."""
    fusion_blocks: int = Field(default=2, ge=0)  # residual blocks after the prior is concatenated at 1/4
    prior: PriorName | None = None  # frozen single-image network; `nano` is for tests
    prior_dim: int = Field(default=0, ge=0)
    """Channels of the prior at 1/4. Follows from `prior`; given alone, a prior is handed to the model."""
    side_tuning: SideTuning = "c"
    """How prior and backbone meet (paper 3.1). `c`: concatenated at 1/4. `a`: the prior's own pyramid, no
    backbone. `b`: both exchange features at every level, and meet at 1/4 as well."""
    half_dim: int = Field(default=32, ge=1)  # left image at 1/2, for the upsampling

    # Cost volume and its filtering (paper 3.2)
    max_disparity: int = Field(
        default=416, ge=SIZE_MULTIPLE, multiple_of=SIZE_MULTIPLE
    )  # full-resolution pixels
    cost_volume: CostVolumeKind = "hybrid"
    """`groupwise`: correlation of channel groups alone. `concat`: concatenated features alone."""
    cv_groups: int = Field(default=8, ge=1)
    concat_dim: int = Field(default=12, ge=1)
    volume_dim: int = Field(default=28, ge=2, multiple_of=2)
    volume_smoothing: bool = (
        True  # a 3-D convolution and `volume_blocks` residual blocks before the hourglass
    )
    volume_blocks: int = Field(default=2, ge=0)
    hourglass_widths: tuple[int, int, int] = (2, 4, 6)  # multiples of volume_dim at 1/8, 1/16, 1/32
    axial_blocks: int = Field(default=2, ge=1)  # axial-planar convolutions per decoder level
    disparity_kernel: int = Field(default=17, ge=1)  # disparity bins, odd
    transformer_layers: int = Field(default=4, ge=1)
    transformer_heads: int = Field(default=4, ge=1)
    transformer_dropout: float = Field(default=0.1, ge=0.0, lt=1.0)
    disparity_attention: DisparityAttention = "disparity"
    """`disparity`: over disparities, as in the paper. `heads`: over the heads of one disparity only.
    `volume`: over all disparities of all sites."""
    positions: Positions = "cosine"
    """`cosine`: a sinusoidal code is added to the tokens. `rope`: queries and keys are rotated."""
    classifier_blocks: int = Field(
        default=1, ge=0
    )  # 3-D residual blocks; 0 leaves the last convolution alone
    classifier_kernel: int = Field(default=7, ge=1)  # odd
    evidence_skip: bool = False
    """Compare the backbone's own features over small windows; this evidence is one more channel of the volume
    and, times a learned temperature, is added to the logits of the initial disparity."""
    census_radius: int | None = Field(default=None, ge=1)
    """With `evidence_skip`: evidence from census codes of the pixels instead (`network.evidence`),
    over pixels of like colour up to so many quarter-resolution pixels away; nine channels of the volume."""
    evidence_temperature: float = Field(default=80.0, gt=0.0)  # initial; logits per unit of evidence
    argmin_radius: int | None = Field(default=None, ge=1)
    """Bins on each side of the likeliest one that the initial disparity averages over; None: all bins."""
    volume_skip: bool = False
    """Add the unfiltered volume to what the hourglass made of it, which knows nothing finer than 1/8."""

    # Iterative refinement (paper 3.3)
    context_dims: tuple[int, int, int] = (64, 96, 128)
    context_strides: tuple[int, int, int] = (1, 2, 2)  # of the stem and the second and third stage
    hidden_dim: int = Field(default=128, ge=2)
    squeeze_dim: int = Field(default=8, ge=1)  # bottleneck of the channel attention
    corr_levels: int = Field(default=2, ge=1)
    corr_radius: int = Field(default=4, ge=1)  # quarter-resolution pixels
    motion_corr_dim: int = Field(default=256, ge=1)
    motion_disparity_dim: int = Field(default=64, ge=1)
    head_expansion: int = Field(default=4, ge=1)
    mask_dims: tuple[int, int] = (64, 32)
    iterations: int = Field(default=32, ge=1)  # default at inference

    @model_validator(mode="before")
    @classmethod
    def _fill_prior_dim(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and isinstance(values.get("prior"), str):
            return {"prior_dim": PRIOR_DIMS.get(values["prior"].rpartition("_")[2], 0), **values}
        return values

    @model_validator(mode="after")
    def _prior_fits(self) -> ModelConfig:
        if self.prior is not None:
            expected = PRIOR_DIMS[self.prior_size]
            if self.prior_dim != expected:
                raise ValueError(f"prior_dim of {self.prior} is {expected}, got {self.prior_dim}")
        elif self.side_tuning != "c":
            raise ValueError(f"side_tuning {self.side_tuning!r} needs a prior, got prior=None")
        if self.side_tuning == "a" and self.evidence_skip:
            raise ValueError("evidence_skip compares backbone features; side_tuning 'a' has no backbone")
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> ModelConfig:
        if self.volume_dim % self.transformer_heads:
            raise ValueError(
                f"volume_dim must be a multiple of transformer_heads={self.transformer_heads}, "
                f"got {self.volume_dim}"
            )
        if self.positions == "rope" and self.volume_dim == self.transformer_heads:
            raise ValueError("positions 'rope' needs at least two channels per transformer head")
        for name in ("disparity_kernel", "classifier_kernel"):
            if getattr(self, name) % 2 == 0:
                raise ValueError(f"{name} must be odd, got {getattr(self, name)}")
        total = self.context_strides[0] * self.context_strides[1] * self.context_strides[2]
        if total != VOLUME_STRIDE:
            raise ValueError(f"context_strides must multiply to {VOLUME_STRIDE}, got {self.context_strides}")
        return self

    @property
    def prior_size(self) -> str:
        """`vits`, `vitb`, `vitl` or `nano`; empty without a named prior."""
        return (self.prior or "").rpartition("_")[2]

    @property
    def evidence_dim(self) -> int:
        """Channels of the evidence that needs no training: 0 without, 1 of windows, 9 of census codes."""
        if not self.evidence_skip:
            return 0
        return 1 if self.census_radius is None else 1 + 2 * VOLUME_STRIDE

    @property
    def bins(self) -> int:
        """Number of disparity bins of the cost volume, one per quarter-resolution pixel."""
        return self.max_disparity // VOLUME_STRIDE

    def digest(self) -> str:
        """SHA-256 of the canonical JSON; equal digests mean equal architectures."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def _read_presets() -> Mapping[str, Mapping[str, Any]]:
    """The files in `presets/`, by name. A preset `like` another one replaces some of its fields."""
    folder = resources.files("stereo_model.network") / "presets"
    files = {
        path.name.removesuffix(".yaml"): path for path in folder.iterdir() if path.name.endswith(".yaml")
    }
    own = {name: yaml.safe_load(files[name].read_text("utf-8")) for name in sorted(files)}
    return {name: _completed(name, own) for name in own}


def _completed(name: str, own: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    fields = dict(own[name])
    base = fields.pop("like", None)
    return fields if base is None else {**_completed(base, own), **fields}


PRESETS: Mapping[str, Mapping[str, Any]] = _read_presets()


def model_config(preset: str = "tiny", **overrides: Any) -> ModelConfig:
    """The configuration of a named size, with single fields replaced.

    Raises ConfigError, in one line, for an unknown preset, an unknown field or a value out of range.
    """
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset {preset!r}: expected one of {', '.join(sorted(PRESETS))}")
    return parse_config(ModelConfig, {**PRESETS[preset], **overrides})


def parse_config(kind: type[Config], values: Mapping[str, Any]) -> Config:
    """Build a pydantic value from untrusted fields, turning every complaint into one line (ConfigError)."""
    try:
        return with_whole_numbers(kind.model_validate, dict(values))
    except ValidationError as error:
        raise ConfigError(f"{kind.__name__}: {one_line(error, kind)}") from None


def one_line(error: ValidationError, kind: type[BaseModel]) -> str:
    """All complaints of a validation as `field: reason (got value)`, joined by semicolons."""
    return "; ".join(_complaint(dict(item), kind) for item in error.errors())


def _complaint(item: dict[str, Any], kind: type[BaseModel]) -> str:
    field = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(field, kind.model_fields, n=1)
        return f"unknown field {field!r}" + (f", did you mean {near[0]!r}?" if near else "")
    message = in_words(item["type"], item["msg"])
    return f"{field}: {message} (got {item['input']!r:.80})" if field else message
