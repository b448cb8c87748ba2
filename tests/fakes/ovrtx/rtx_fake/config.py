"""RendererConfig: its fields by version, and what they take."""

from __future__ import annotations

import enum
from dataclasses import field, fields, make_dataclass
from typing import Any

from rtx_fake import VERSION


class TextureStreamingMode(enum.IntEnum):
    DISABLE = 0
    SYNCHRONOUS = 1
    ASYNCHRONOUS = 2


SINCE = {  # name: (type, first version, first version without it)
    "sync_mode": (bool, (0, 3), None),
    "log_file_path": (str, (0, 3), None),
    "log_level": (str, (0, 3), None),
    "enable_profiling": (bool, (0, 3), None),
    "use_vulkan": (bool, (0, 3), (0, 5)),
    "read_gpu_transforms": (bool, (0, 3), None),
    "keep_system_alive": (bool, (0, 3), None),
    "active_cuda_gpus": (str, (0, 3), None),
    "datastore_cache": (str, (0, 4, 1), None),
    "selection_outline_enabled": (bool, (0, 3), None),
    "selection_outline_width": (int, (0, 3), None),
    "selection_fill_mode": (object, (0, 3), None),
    "enable_geometry_streaming": (bool, (0, 3), None),
    "enable_geometry_streaming_lod": (bool, (0, 3), None),
    "enable_spg": (bool, (0, 3), None),
    "suppress_deprecation_warnings": (bool, (0, 4, 1), None),
    "enable_motion_bvh": (bool, (0, 3), (0, 4)),
    "motion_bvh": (object, (0, 4), None),
    "sensors_allowed_deprecation_base": (str, (0, 5), None),
    "aftermath_mode": (object, (0, 5), None),
    "texture_streaming_mode": (object, (0, 4, 1), None),
    "dome_baking_resolution": (int, (0, 4, 1), (0, 5)),
}
MODES = {"disable", "synchronous", "asynchronous"}


def _check(config: Any) -> None:
    for each in fields(config):
        value, kind = getattr(config, each.name), SINCE[each.name][0]
        if value is not None and not isinstance(value, kind):
            raise TypeError(f"{each.name} must be {kind.__name__}, not {type(value).__name__}")
    mode = getattr(config, "texture_streaming_mode", None)
    if isinstance(mode, str) and mode not in MODES:
        raise ValueError(f"texture_streaming_mode: unknown mode {mode!r}")


RendererConfig = make_dataclass(
    "RendererConfig",
    [
        (name, Any, field(default=None))
        for name, (_, first, gone) in SINCE.items()
        if first <= VERSION and (gone is None or gone > VERSION)
    ],
    namespace={"__post_init__": _check},
)
