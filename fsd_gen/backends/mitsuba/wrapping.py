"""Textures that wrap one way along s and another along t, or go black: Mitsuba's own wrap both alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.mitsuba.runtime import PluginDict, dr, mi
from fsd_gen.backends.textures import TextureValues
from fsd_gen.usd.flat_scene import Texture, Wrap
from fsd_gen.usd.texels import beyond

PLUGIN = "fsd_wrapped"


class WrappedTexture(mi.Texture):  # type: ignore[misc]  # Mitsuba's types are not read
    """A repeating bitmap, asked only where the wrap modes of either axis lead.

    It says that it does not vary, so that lamps which wear it are sampled by their area: sampled by the
    image, they would shine only where their texture coordinates are within it.
    """

    def __init__(self, props: mi.Properties) -> None:
        mi.Texture.__init__(self, props)
        self._image = props["image"]
        self._rows = [[float(factor) for factor in props[f"row_{axis}"]] for axis in ("s", "t")]
        self._axes = [(props[f"wrap_{axis}"], props[f"texels_{axis}"]) for axis in ("s", "t")]

    def eval(self, si: mi.SurfaceInteraction3f, active: mi.Bool = True) -> mi.Color3f:
        """The colour at the surface's texture coordinates."""
        return self._image.eval(self._moved(si), active)

    def eval_1(self, si: mi.SurfaceInteraction3f, active: mi.Bool = True) -> mi.Float:
        """The value there of an image of one channel."""
        return self._image.eval_1(self._moved(si), active)

    def eval_3(self, si: mi.SurfaceInteraction3f, active: mi.Bool = True) -> mi.Color3f:
        """The three channels there."""
        return self._image.eval_3(self._moved(si), active)

    def mean(self) -> mi.Float:
        """Of the whole image."""
        return self._image.mean()

    def is_spatially_varying(self) -> bool:
        """See above."""
        return False

    def _moved(self, si: mi.SurfaceInteraction3f) -> mi.SurfaceInteraction3f:
        placed = [a * si.uv.x + b * si.uv.y + c for a, b, c in self._rows]
        moved = mi.SurfaceInteraction3f(si)
        moved.uv = mi.Point2f(*(_along(x, *axis) for x, axis in zip(placed, self._axes, strict=True)))
        return moved

    def to_string(self) -> str:
        """For Mitsuba's messages."""
        return f"{PLUGIN}[{self._axes}]"


mi.register_texture(PLUGIN, WrappedTexture)


def wrapped_bitmap(
    values_hwc: TextureValues, texture: Texture, to_image_33: NDArray[np.float64], bitmap: PluginDict
) -> PluginDict:
    """`bitmap` with the values of `texture`, wrapped as it says; `to_image_33`: mesh coordinates to image."""
    values_hwc, fit_33, wrap_s, wrap_t = _bordered(values_hwc, texture)
    rows, columns = values_hwc.shape[:2]
    placed_33 = fit_33 @ to_image_33
    return {
        "type": PLUGIN,
        "image": bitmap | {"data": mi.TensorXf(values_hwc.astype(np.float32)), "wrap_mode": "repeat"},
        "row_s": list(placed_33[0]),
        "row_t": list(placed_33[1]),
        "wrap_s": wrap_s,
        "wrap_t": wrap_t,
        "texels_s": columns,
        "texels_t": rows,
    }


def _bordered(
    values_hwc: TextureValues, texture: Texture
) -> tuple[TextureValues, NDArray[np.float64], Wrap, Wrap]:
    """A black-wrapped axis is one of an image with a black border, which is clamped."""
    rows, columns, channels = values_hwc.shape
    black_t, black_s = (int(wrap == "black") for wrap in (texture.wrap_t, texture.wrap_s))
    bordered_hwc = np.empty((rows + 2 * black_t, columns + 2 * black_s, channels), values_hwc.dtype)
    bordered_hwc[:] = beyond(texture)
    bordered_hwc[black_t : black_t + rows, black_s : black_s + columns] = values_hwc
    fit = np.diag([columns / bordered_hwc.shape[1], rows / bordered_hwc.shape[0], 1.0])
    fit[0, 2], fit[1, 2] = black_s / bordered_hwc.shape[1], black_t / bordered_hwc.shape[0]
    wrap_s: Wrap = "clamp" if black_s else texture.wrap_s
    wrap_t: Wrap = "clamp" if black_t else texture.wrap_t
    return bordered_hwc, fit, wrap_s, wrap_t


def _along(x: mi.Float, wrap: str, texels: int) -> mi.Float:
    """One coordinate, brought to where a repeating image gives what `wrap` asks for."""
    if wrap == "repeat":
        return x
    if wrap == "mirror":
        folded = x - 2 * dr.floor(x / 2)
        x = dr.select(folded > 1, 2 - folded, folded)
    half = 0.5 / texels
    return dr.clip(x, half, 1 - half)
