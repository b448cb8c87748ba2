"""How far a model looks for a match, and what to give where that is too near."""

from __future__ import annotations

import math

from stereo_model.network.config import SIZE_MULTIPLE


def search_range(max_disparity: int, *, hierarchical: bool) -> int:
    """Disparity in pixels up to which a model finds matches; twice as far from an estimate at half size."""
    return 2 * max_disparity if hierarchical else max_disparity


def enough_range(largest_px: float, *, hierarchical: bool) -> str:
    """The setting with which a model looks beyond a disparity, in words."""
    wanted = SIZE_MULTIPLE * math.ceil((largest_px + 1) / ((1 + hierarchical) * SIZE_MULTIPLE))
    other = "" if hierarchical else ", or start from an estimate at half size (--hierarchical)"
    return f"give max_disparity={wanted} (--model max_disparity={wanted}){other}"
