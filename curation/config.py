"""Settings of the self-curation loop: the `curation:` section of a run's config.yaml.

A round records the digest of these settings when it starts; the same round under other settings is
refused, and the refusal names what differs.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import ErrorDetails

from curation.judging.rules import check_rule
from fsd_gen.sections import ConfigError, ForeignSection, disguised
from fsd_gen.strict_yaml import LARGEST_INT, read_mapping
from jobs.expected import in_words, with_whole_numbers

ScoringMask = Literal["visible", "all"]


class CurationConfigError(ValueError):
    """The curation settings are not valid; the message names each field."""


class Settings(BaseModel):
    """Base of all settings: frozen, strict about unknown fields, with a digest."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


class Policy(Settings):
    """When a sample is dropped. Shares are fractions of 1; BP-2 is the share of pixels off by more than 2 px.

    FoundationStereo (section 3.5) drops a sample above 60 % BP-2 and does not say over which pixels.
    Ours judges VISIBLE pixels by default: a pixel that the other eye cannot see can only be guessed,
    and a scene is not worse because much of it hides behind something.
    """

    rules: tuple[str, ...] = Field(default=("unscorable", "weak-scorer", "bp2"), min_length=1)
    """Files of `curation/judging/rules`, in order: the first that has a verdict decides."""

    threshold: float = Field(default=0.60, ge=0, le=1)  # drop above this BP-2
    mask: ScoringMask = "visible"  # pixels the BP-2 is taken over
    min_valid_share: float = Field(default=0.02, ge=0, le=1)  # of all pixels; fewer cannot be judged
    weak_scorer_median: float = Field(default=0.40, ge=0, le=1)  # a scorer worse than this judges nothing
    force: bool = False  # a weak scorer judges nevertheless

    @field_validator("rules")
    @classmethod
    def _rules_are_known(cls, rules: tuple[str, ...]) -> tuple[str, ...]:
        for name in rules:
            check_rule(name)
        if twice := [name for name in rules if rules.count(name) > 1]:
            raise ValueError(f"rule {twice[0]!r} is listed twice")
        return rules


class CurationConfig(Settings):
    """One self-curation loop: what is trained, how it is scored and when a sample goes.

    The defaults suit thousands of pairs of 1280x720: the `tiny` preset, hours on a CPU or minutes on a GPU
    per round. The paper trains the full model for 200k steps of batch 128 before each of its two curations
    (arXiv 2501.09898, sections 3.5 and 4.1).
    """

    seed: int = Field(default=0, ge=0, le=LARGEST_INT)  # of folds and trainings
    folds: int = Field(default=2, ge=2, le=20)  # models per round; each scores the slots it never saw
    in_sample: bool = False  # one model trained on everything scores everything, as the paper does

    model: str = "tiny"  # preset of stereo_model
    max_disparity: int = Field(default=416, ge=32, multiple_of=32)
    """Search range of the model in pixels. Truth beyond it is not judged; nothing rendered is nearer than
    0.3 image widths (384 px of 1280) unless the rig is set otherwise."""
    backbone_weights: Path | Literal["imagenet"] | None = "imagenet"
    """Where a new model's backbone starts: the ImageNet weights installed with this package, a file of the
    same format, or None for noise."""

    freeze_backbone: bool = False  # keep the backbone as it starts; for short trainings

    steps_first: int = Field(default=5000, ge=1)  # optimiser steps per fold in round 1
    steps_next: int = Field(default=2500, ge=1)  # in every later round
    continue_models: bool = True  # later rounds start from the fold's model of the round before
    batch: int = Field(default=2, ge=1)  # samples per optimiser step
    crop: tuple[int, int] = (256, 512)  # height, width in pixels; multiples of 32
    lr: float = Field(default=1e-3, gt=0, le=1)  # learning rate
    train_iterations: int = Field(default=4, ge=1)  # refinement iterations while training
    score_iterations: int = Field(default=8, ge=1)  # and while scoring
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: a GPU where there is one

    policy: Policy = Policy()  # when a sample is dropped

    @field_validator("model")
    @classmethod
    def _model_is_known(cls, model: str) -> str:
        from stereo_model.network.config import PRESETS  # light, but only wanted where there are settings

        if model not in PRESETS:
            near = difflib.get_close_matches(model, PRESETS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"expected one of {', '.join(sorted(PRESETS))}, got {model!r:.60}{hint}")
        return model

    @model_validator(mode="after")
    def _crop_is_divisible(self) -> CurationConfig:
        if any(side < 32 or side % 32 for side in self.crop):
            raise ValueError(f"crop must be multiples of 32 px, at least 32, got {self.crop}")
        return self

    @property
    def model_count(self) -> int:
        """How many models one round trains."""
        return 1 if self.in_sample else self.folds

    def steps(self, round_number: int) -> int:
        """Optimiser steps per model in round `round_number` (1 is the first)."""
        return self.steps_first if round_number == 1 else self.steps_next


def check_section(section: Mapping[str, Any]) -> None:
    """Refuse a bad `curation:` section before anything is rendered. Raises CurationConfigError."""
    parse_config(section, source="this section")


SECTION = ForeignSection(model=CurationConfig, check=check_section)


def parse_config(section: Mapping[str, Any] | None, *, source: str) -> CurationConfig:
    """The validated settings. Raises CurationConfigError naming `source` and every bad field."""
    try:
        settings = with_whole_numbers(CurationConfig.model_validate, dict(section or {}))
    except ValidationError as error:
        complaints = "; ".join(_complaint(item) for item in error.errors())
        raise CurationConfigError(f"{source}: bad curation settings: {complaints}") from error
    if found := list(disguised(section or {}, settings.model_dump(mode="json"))):
        raise CurationConfigError(f"{source}: bad curation settings: {'; '.join(found)}")
    return settings


def _complaint(item: ErrorDetails) -> str:
    """One bad field and what is wrong with it; an unknown one with the name that was probably meant."""
    place = ".".join(map(str, item["loc"])) or "curation"
    if item["type"] != "extra_forbidden":
        return f"{place}: {in_words(item['type'], item['msg'])}"
    owner = Policy if item["loc"][0] == "policy" else CurationConfig
    known = list(owner.model_fields)
    near = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
    return f"{place}: unknown setting; {hint}"


def load_config(run_dir: Path, override: Path | None = None) -> CurationConfig:
    """Settings from `override`, or from the `curation:` section of the run's config.yaml (absent: defaults).

    `override` may hold the settings at its top level or under `curation:`.
    """
    path = override or run_dir / "config.yaml"
    if not path.is_file():
        remedy = "give an existing file to --config" if override else "expected a run of `fsd-gen render`"
        raise CurationConfigError(f"{path}: no such file; {remedy}")
    try:
        document = read_mapping(path.read_text("utf-8"), str(path))
    except (ConfigError, UnicodeDecodeError) as error:
        raise CurationConfigError(_named(path, error)) from error
    section = document if override and "curation" not in document else document.get("curation")
    if not isinstance(section, Mapping | None):
        raise CurationConfigError(f"{path}: curation: expected a mapping, got {type(section).__name__}")
    return parse_config(section, source=str(path))


def _named(path: Path, error: Exception) -> str:
    return f"{path}: not UTF-8: {error}" if isinstance(error, UnicodeDecodeError) else str(error)


def differences(old: Settings, new: Settings, prefix: str = "") -> tuple[str, ...]:
    """The fields that differ, each as "name: old -> new"."""
    found: list[str] = []
    for name in type(new).model_fields:
        was, now = getattr(old, name), getattr(new, name)
        if isinstance(was, Settings):
            found += differences(was, now, f"{prefix}{name}.")
        elif was != now:
            found.append(f"{prefix}{name}: {was} -> {now}")
    return tuple(found)
