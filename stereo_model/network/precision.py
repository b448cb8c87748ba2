"""Where float32 is kept under autocast: correlations, resizes of the prior, evidence."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def float32(like: Tensor) -> AbstractContextManager[None]:
    """A block without autocast on the device of a tensor. The meta device has none to switch off."""
    if like.device.type == "meta":
        return nullcontext()
    without: AbstractContextManager[None] = torch.autocast(like.device.type, enabled=False)
    return without
