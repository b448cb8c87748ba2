"""ovrtx with the documented names of its version; what no right program here needs is only a name."""

from __future__ import annotations

import os as _os
import sys as _sys
from importlib.metadata import PackageNotFoundError as _NotFound
from importlib.metadata import version as _version

from rtx_fake import VERSION as _VERSION


def _check_usd() -> None:
    """The real one refuses OpenUSD 25.11 in its process, unless it is told not to look."""
    try:
        usd = _os.environ.get("FAKE_USD_CORE") or _version("usd-core")
    except _NotFound:
        return
    if usd.startswith("25.11") and _os.environ.get("OVRTX_SKIP_USD_CHECK") != "1":
        raise RuntimeError(f"usd-core {usd} is installed, which is not compatible with ovrtx")


_check_usd()
if "pxr" in _sys.modules:
    raise RuntimeError("pxr was imported into this process before ovrtx")

from rtx_fake import config as _config  # noqa: E402
from rtx_fake import operations as _operations  # noqa: E402
from rtx_fake import outputs as _outputs  # noqa: E402
from rtx_fake import renderer as _renderer  # noqa: E402


class _NotDone:
    def __init__(self, *_: object) -> None:
        raise NotImplementedError(f"the fake has no {type(self).__name__}")


def _nothing() -> list[str]:
    return []


_DONE = {
    "__version__": ".".join(map(str, _VERSION)),
    "OVRTX_LIBRARY_PATH_HINT": "",
    "OVRTX_RENDER_VAR_PICK_HIT": "OvrtxPickHit",
    "OVRTX_PICK_FLAG_GIZMO": 1,
    "OVRTX_PICK_FLAG_INCLUDE_TRACKED_INFO": 2,
    "register_schema_paths": _nothing,
    "usd_pluginpath_env_keys": _nothing,
    "usd_plugin_paths": _nothing,
    "Renderer": _renderer.Renderer,
    **{name: getattr(_config, name) for name in ("RendererConfig", "TextureStreamingMode")},
    **{name: getattr(_operations, name) for name in ("Operation", "PendingFetch")},
    **{
        name: getattr(_outputs, name)
        for name in (
            "Device",
            "FrameOutput",
            "MappedRenderVar",
            "ProductOutput",
            "RenderProductSetOutputs",
            "RenderVarOutput",
        )
    },
}
_ONLY_NAMES = (
    "AftermathMode AttributeBinding AttributeFilterMode AttributeInfo AttributeMapping BindingFlag "
    "DLDataType DLDevice DLDeviceType DataAccess EventStatus FilterKind MotionBvh OperationCounter "
    "OperationStatus PrimMode RenderVarParam RenderVarTensor SelectionFillMode SelectionGroupStyle "
    "Semantic"
).split()
_NOT_IN_0_3 = {
    "MotionBvh",
    "TextureStreamingMode",
    "AftermathMode",
    "DLDevice",
    "DLDeviceType",
    "usd_plugin_paths",
}

_names = {**{name: type(name, (_NotDone,), {}) for name in _ONLY_NAMES}, **_DONE}
if _VERSION < (0, 4, 0):
    _names = {name: value for name, value in _names.items() if name not in _NOT_IN_0_3}
globals().update(_names)
__all__ = sorted(_names)
