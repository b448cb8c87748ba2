"""What can be held against a sample."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DefectCode(StrEnum):
    """Why a sample is refused; written down for every attempt of a quarantined slot."""

    SHAPE = "shape"
    NOT_FINITE = "not_finite"
    RANGE = "range"
    FLAGS = "flags"
    DEPTH = "depth"
    LEFT_RIGHT = "left_right"
    PHOTOMETRIC = "photometric"
    EXPOSURE = "exposure"
    SKY = "sky"
    NO_TRUTH = "no_truth"
    TOO_LITTLE_VALID = "too_little_valid"
    BAD_ASSET = "bad_asset"
    BAD_STAGE = "bad_stage"
    RENDERER_ERROR = "renderer_error"
    STYLE_ERROR = "style_error"
    HUNG = "hung"
    CRASHED = "crashed"
    RENDERER_DEPTH = "renderer_depth"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """One reason against a sample, with the numbers behind it."""

    code: DefectCode
    detail: str
