"""UsdPreviewSurfaces and the meshes that wear them as Mitsuba plugins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fsd_gen.backends.mesh_batches import FLIP_V, MeshBatch, uv_matrix
from fsd_gen.backends.mitsuba.runtime import PluginDict, instantiate, mi, rgb_plugin, settled
from fsd_gen.backends.mitsuba.wrapping import wrapped_bitmap
from fsd_gen.backends.textures import TextureCache, TextureValues
from fsd_gen.usd.flat_scene import Four, Rgb, Surface, Texture

MIN_ROUGHNESS = 0.04  # below, highlights are fireflies at few samples
PERFECT_MIRROR = 0.06  # roughness of metals up to which reflections stay sharp
CLEAR_GLASS = 0.15  # rougher solid glass is frosted
NATIVE_WRAPS = ("repeat", "clamp", "mirror")  # alike along both axes
ALIKE = 1e-9  # of a texture's placement, in image widths
COAT = 1.6  # Mitsuba's full coat reflects 3.5 % along the normal, as glass, but less than glass at a slant
NO_REFRACTION = 1.001  # ior up to which light goes straight through


def base_uv_matrix(surface: Surface) -> NDArray[np.float64]:
    """(3, 3) of the first texture of the surface, to bake into its meshes; the normal map comes first,
    because the directions it bends normals along are those of the mesh's own texture coordinates.
    """
    textures = _textures_of(surface)
    return uv_matrix(textures[0]) if textures else np.eye(3)


def _textures_of(surface: Surface) -> list[Texture]:
    inputs = (
        surface.normal,
        surface.diffuse,
        surface.opacity,
        surface.roughness,
        surface.metallic,
        surface.emissive,
        surface.clearcoat,
    )
    return [value for value in inputs if isinstance(value, Texture)]


class SurfaceBuilder:
    """UsdPreviewSurface as Mitsuba plugins."""

    def __init__(self, textures: TextureCache) -> None:
        self._textures = textures

    def bsdf(self, surface: Surface, *, solid: bool) -> PluginDict:
        """Opaque, cut out, or see-through: solid glass refracts, single sheets only tint."""
        if holes := surface.cutout_texture:
            base = self._opaque(surface)
            return {"type": "mask", "opacity": self._cutout(holes, surface), "bsdf": base}
        if not surface.transparent:
            return self._opaque(surface)
        if surface.presence or isinstance(surface.opacity, Texture):
            opacity = self._scalar(surface.opacity, surface)
            return {"type": "mask", "opacity": opacity, "bsdf": self._opaque(surface)}
        return self._glass(surface, surface.opacity, solid)

    def _opaque(self, surface: Surface) -> PluginDict:
        if _is_perfect_mirror(surface):
            colour = self._colour(surface.diffuse, surface)
            return {"type": "twosided", "bsdf": {"type": "conductor", "specular_reflectance": colour}}
        principled: PluginDict = {
            "type": "principled",
            "base_color": self._colour(surface.diffuse, surface),
            "roughness": self._scalar(surface.roughness, surface, at_least=MIN_ROUGHNESS),
            "metallic": self._scalar(surface.metallic, surface),
            "eta": max(surface.ior, NO_REFRACTION),
        }
        if surface.coated:
            principled |= {
                "clearcoat": self._scalar(_stronger(surface.clearcoat), surface),
                "clearcoat_gloss": _gloss(surface.clearcoat_roughness),
            }
        bsdf = {"type": "twosided", "bsdf": principled}
        if not surface.normal:
            return bsdf
        return {"type": "normalmap", "normalmap": self._texture(surface.normal, surface), "bsdf": bsdf}

    def _glass(self, surface: Surface, opacity: float, solid: bool) -> PluginDict:
        """A share of `opacity` is the opaque surface, the rest is clear and tinted by the diffuse colour.

        Without an index of refraction that differs from air's the rest goes straight on, as it is.
        """
        if surface.ior <= NO_REFRACTION:
            return {"type": "mask", "opacity": opacity, "bsdf": self._opaque(surface)}
        own = zip(_mean_colour(surface.diffuse), surface.tint, strict=True)
        tint = rgb_plugin(tuple(channel**opacity * passed for channel, passed in own))
        ior = max(surface.ior, NO_REFRACTION)
        clear: PluginDict = {"int_ior": ior, "ext_ior": 1.0, "specular_transmittance": tint}
        roughness = 0.0 if isinstance(surface.roughness, Texture) else surface.roughness
        if solid and roughness > CLEAR_GLASS:
            clear |= {"type": "roughdielectric", "distribution": "ggx", "alpha": roughness**2}
        else:
            clear |= {"type": "dielectric" if solid else "thindielectric"}
        if opacity < 0.02:
            return clear
        return {"type": "blendbsdf", "weight": opacity, "a": clear, "b": self._opaque(surface)}

    def emitter(self, surface: Surface) -> PluginDict | None:
        """The glow of the surface, if it has any."""
        if isinstance(surface.emissive, Texture):
            return {"type": "area", "radiance": self._texture(surface.emissive, surface)}
        return (
            {"type": "area", "radiance": rgb_plugin(surface.emissive)} if max(surface.emissive) > 0 else None
        )

    def _colour(self, value: Rgb | Texture, surface: Surface) -> PluginDict:
        return self._texture(value, surface) if isinstance(value, Texture) else rgb_plugin(value)

    def _scalar(self, value: float | Texture, surface: Surface, at_least: float = 0.0) -> PluginDict | float:
        if not isinstance(value, Texture):
            return max(float(value), at_least)
        values_hwc = self._textures.values(value)
        return self._bitmap(np.maximum(values_hwc, values_hwc.dtype.type(at_least)), value, surface)

    def _texture(self, texture: Texture, surface: Surface) -> PluginDict:
        return self._bitmap(self._textures.values(texture), texture, surface)

    def _cutout(self, holes: Texture, surface: Surface) -> PluginDict:
        solid_hw1 = self._textures.cutout(holes, surface.opacity_threshold)
        return self._bitmap(solid_hw1, holes, surface, filter_type="nearest")

    def _bitmap(
        self,
        values_hwc: TextureValues,
        texture: Texture,
        surface: Surface,
        filter_type: str = "bilinear",
    ) -> PluginDict:
        from_mesh = _from_mesh(texture, surface)
        bitmap: PluginDict = {
            "type": "bitmap",
            "raw": True,
            "format": "fp16" if values_hwc.dtype == np.float16 else "variant",
            "filter_type": filter_type,
        }
        if texture.wrap_s != texture.wrap_t or texture.wrap_s not in NATIVE_WRAPS:
            return wrapped_bitmap(values_hwc, texture, from_mesh, bitmap)
        return bitmap | {
            "data": mi.TensorXf(values_hwc.astype(np.float32)),
            "wrap_mode": texture.wrap_s,
            "to_uv": mi.ScalarTransform3f(from_mesh),
        }


def mesh_plugin(
    batch: MeshBatch, surface: Surface, builder: SurfaceBuilder, *, sampled: bool = True
) -> mi.Mesh:
    """The triangles of a batch, wearing their surface; `sampled`: what glows is also found from elsewhere."""
    props = mi.Properties()
    props["bsdf"] = instantiate(builder.bsdf(surface, solid=batch.solid))
    emitter = builder.emitter(surface)
    if emitter:
        props["emitter"] = instantiate(emitter | ({} if sampled else {"sampling_weight": 0.0}))
    mesh = mi.Mesh(
        f"surface_{batch.surface}",
        len(batch.vertices_v3),
        len(batch.faces_f3),
        has_vertex_normals=batch.normals_v3 is not None,
        has_vertex_texcoords=batch.uv_v2 is not None,
        props=props,
    )
    params = mi.traverse(mesh)
    params["vertex_positions"] = settled(batch.vertices_v3)
    params["faces"] = settled(batch.faces_f3)
    if batch.normals_v3 is not None:
        params["vertex_normals"] = settled(batch.normals_v3)
    if batch.uv_v2 is not None:
        params["vertex_texcoords"] = settled(batch.uv_v2)
    params.update()
    return mesh


def _from_mesh(texture: Texture, surface: Surface) -> NDArray[np.float64]:
    """(3, 3) from the mesh's coordinates, which are those of the surface's first texture, to the image.

    Exactly the identity where both lie alike: the matrix is compiled into the kernel, and rounding errors
    would give every surface code of its own.
    """
    placed = FLIP_V @ uv_matrix(texture) @ np.linalg.inv(FLIP_V @ base_uv_matrix(surface))
    return np.eye(3) if np.allclose(placed, np.eye(3), rtol=0, atol=ALIKE) else placed


def _is_perfect_mirror(surface: Surface) -> bool:
    smooth = not isinstance(surface.roughness, Texture) and surface.roughness <= PERFECT_MIRROR
    return surface.mirror and smooth and not surface.normal and not surface.coated


def _stronger(coat: float | Texture) -> float | Texture:
    if isinstance(coat, Texture):
        return replace(coat, gain=_scaled(coat.gain), bias=_scaled(coat.bias))
    return COAT * coat


def _scaled(four: Four) -> Four:
    r, g, b, a = (COAT * channel for channel in four)
    return (r, g, b, a)


def _gloss(roughness: float) -> float:
    """Mitsuba's measure of how smooth a coat is: 1 for a GGX width of 0.001, 0 for 0.1 and more."""
    return float(np.clip((0.1 - roughness**2) / 0.099, 0.0, 1.0))


def _mean_colour(value: Rgb | Texture) -> Rgb:
    return (1.0, 1.0, 1.0) if isinstance(value, Texture) else value
