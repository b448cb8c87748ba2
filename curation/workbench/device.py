"""Where training and scoring compute."""

from __future__ import annotations

from typing import Literal

import torch

from curation.config import CurationConfig


class DeviceError(ValueError):
    """The device asked for is not there."""


def device_of(config: CurationConfig) -> Literal["cpu", "cuda"]:
    """The device of the settings. Raises DeviceError when a GPU is demanded and none is there."""
    there = torch.cuda.is_available()
    if config.device == "cuda" and not there:
        raise DeviceError("curation.device is cuda, but torch finds no CUDA device; set it to auto or cpu")
    return "cuda" if there and config.device != "cpu" else "cpu"
