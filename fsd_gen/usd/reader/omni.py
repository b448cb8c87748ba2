"""The MDL materials that come with Omniverse, as surfaces: OmniPBR and its kin, OmniGlass, OmniSurface.

Inputs and defaults are those of NVIDIA's documentation, "Materials and Rendering, Templates". A texture takes
the place of its constant; roughness and metallic ones only by their influence, which is 0 unless said. What a
material has beyond our surfaces, such as a second normal map, is left out of the images with a warning. Where
the documentation leaves a choice, ours is:

- Light that is given is radiant exitance, MDL's default for a diffuse emission: pi times radiance.
- Opacity without a threshold is presence: light goes straight on.
- Texture coordinates are scaled, then turned, then moved, as UsdTransform2d does it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from fsd_gen.usd.flat_scene import ChannelName, Four, Rgb, Surface, Texture, Unread
from fsd_gen.usd.openusd import Sdf, Usd, UsdShade
from fsd_gen.usd.reader.mdl import Inputs, named, worn_by
from fsd_gen.usd.reader.omissions import Omissions
from fsd_gen.usd.reader.primvars import Coordinates

WHITE: Rgb = (1.0, 1.0, 1.0)
BLACK: Rgb = (0.0, 0.0, 0.0)
AVERAGE, ALPHA = 1, 0  # of MDL's mono_mode
SHINE = 0.08  # reflectance along the normal of specular_level 1
IOR = (1.0, 3.0)  # of glass: from none that bends light to the densest there is


def read_mdl(
    shader: UsdShade.Shader, material: Sdf.Path, time: Usd.TimeCode, omissions: Omissions
) -> tuple[Surface, Coordinates | None]:
    """The surface of an MDL shader, and the coordinates its textures read; of an unknown one, a stand-in.

    Raises:
        StageError: an input is of the wrong kind, or connected to nothing.
    """
    worn = worn_by(shader, frozenset(KNOWN))
    if worn is None:
        unread = Unread(mdl=named(shader), material=str(material), holes=True)
        return Surface(name=str(material), unread=unread), None
    inputs = Inputs(shader, time, omissions, worn)
    surface = replace(KNOWN[worn.material](inputs), name=str(material))
    if inputs.lacks:
        lack = ", ".join(inputs.lacks)
        unread = Unread(mdl=named(shader), material=str(material), lack=lack, holes=inputs.undecided)
        surface = replace(surface, unread=unread)
    return surface, inputs.coordinates


# -- OmniPBR


def _pbr(inputs: Inputs) -> Surface:
    return _pbr_of(inputs, holes_unasked=False)


def _pbr_opacity(inputs: Inputs) -> Surface:
    return _pbr_of(inputs, holes_unasked=True)


def _pbr_of(inputs: Inputs, *, holes_unasked: bool) -> Surface:
    for name in {"detail_normalmap_texture", "clearcoat_normalmap_texture", "ao_texture"} & {
        *inputs.assets()
    }:
        inputs.omit(name)
    coated = inputs.flag("enable_clearcoat", False)
    return _holed(
        inputs,
        Surface(
            name="",
            diffuse=_albedo(inputs),
            emissive=_emission(inputs),
            roughness=_mapped(inputs, "reflection_roughness", "reflectionroughness_texture", 0.5, "g"),
            metallic=_mapped(inputs, "metallic", "metallic_texture", 0.0, "b"),
            ior=_ior(inputs.number("specular_level", 0.5)),
            clearcoat=inputs.number("clearcoat_weight", 1.0, most=1.0) if coated else 0.0,
            clearcoat_roughness=inputs.number("clearcoat_reflection_roughness", 0.0, most=1.0),
            normal=_normal(inputs),
        ),
        switch="enable_opacity",
        unasked=holes_unasked,
        constant="opacity_constant",
    )


def _albedo(inputs: Inputs) -> Rgb | Texture:
    tint = inputs.colour("diffuse_tint", WHITE)
    brightness, more = inputs.signed("albedo_brightness", 1.0), inputs.signed("albedo_add", 0.0)
    gain = _four(inputs.scaled("diffuse_tint", tint, brightness))
    bias = _four(inputs.scaled("diffuse_tint", tint, more), alpha=0.0)
    texture = inputs.texture("diffuse_texture", gain=gain, bias=bias)
    if texture and inputs.number("albedo_desaturation", 0.0):
        inputs.omit("albedo_desaturation (drawn in full colour)")
    plain = inputs.colour("diffuse_color_constant", (0.2, 0.2, 0.2))
    return texture or inputs.shade("diffuse_color_constant", plain, tint)


def _mapped(inputs: Inputs, name: str, texture: str, default: float, packed: ChannelName) -> float | Texture:
    """A constant, blended with a map of its own, or with its channel of the ORM map, by the influence."""
    constant = inputs.number(f"{name}_constant", default, most=1.0)
    share = inputs.number(f"{name}_texture_influence", 0.0, most=1.0)
    if share == 0:
        return constant
    rest = constant * (1 - share)
    gain, bias = (share, share, share, share), (rest, rest, rest, rest)
    if inputs.flag("enable_ORM_texture", False):
        return inputs.texture("ORM_texture", packed, gain=gain, bias=bias) or constant
    return inputs.texture(texture, "mean", gain=gain, bias=bias) or constant


def _normal(inputs: Inputs) -> Texture | None:
    """Green points down unless `flip_tangent_v` is off: OmniPBR is made for DirectX's normal maps."""
    strength = inputs.signed("bump_factor", 1.0)
    across = -strength if inputs.flag("flip_tangent_u", False) else strength
    up = -strength if inputs.flag("flip_tangent_v", True) else strength
    gain, bias = (across, up, 1.0, 1.0), ((1 - across) / 2, (1 - up) / 2, 0.0, 0.0)
    return inputs.texture("normalmap_texture", gain=gain, bias=bias, is_data=True)


def _emission(inputs: Inputs) -> Rgb | Texture:
    if not inputs.flag("enable_emission", False):
        return BLACK
    radiance = inputs.within("emissive_intensity", inputs.number("emissive_intensity", 1.0) / math.pi)
    light = inputs.scaled("emissive_color", inputs.colour("emissive_color", (1.0, 1.0, 0.1)), radiance)
    picture = inputs.texture("emissive_color_texture", gain=_four((radiance,) * 3))
    mask = inputs.texture("emissive_mask_texture", gain=_four(light))
    if picture and mask:
        inputs.omit("emissive_mask_texture over an emissive_color_texture")
    return picture or mask or light


# -- glass


def _glass(inputs: Inputs) -> Surface:
    for name in inputs.assets():
        inputs.omit(f"{name} of glass (drawn even)")
    return Surface(
        name="",
        diffuse=BLACK,
        tint=inputs.shade("glass_color", inputs.colour("glass_color", WHITE)),
        opacity=0.0,
        roughness=inputs.number("frosting_roughness", 0.0, most=1.0),
        ior=inputs.between("glass_ior", 1.491, *IOR),
    )


# -- light, and OmniSurface


def _emissive(inputs: Inputs) -> Surface:
    radiance = inputs.within("emission_intensity", inputs.number("emission_intensity", 1.0) / math.pi)
    light = inputs.scaled("emissive_color", inputs.colour("emissive_color", (0.1, 0.1, 0.1)), radiance)
    picture = inputs.texture("emissive_color_texture", gain=_four((radiance,) * 3))
    return Surface(name="", diffuse=BLACK, roughness=1.0, emissive=picture or light)


def _omni_surface(inputs: Inputs) -> Surface:
    """Its constants; a map of any of them is lacking."""
    for name in inputs.assets():
        inputs.lack(name, holes="opacity" in name)
    weight = inputs.number("diffuse_reflection_weight", 0.8, most=1.0)
    passed = inputs.number("specular_transmission_weight", 0.0, most=1.0)
    glow = (
        inputs.number("emission_weight", 0.0, most=1.0) * inputs.number("emission_intensity", 1.0) / math.pi
    )
    reflected = inputs.colour("diffuse_reflection_color", WHITE)
    base = Surface(
        name="",
        diffuse=inputs.shade("diffuse_reflection_color", reflected, (weight, weight, weight)),
        emissive=inputs.scaled("emission_color", inputs.colour("emission_color", WHITE), glow),
        roughness=inputs.number("specular_reflection_roughness", 0.2, most=1.0),
        metallic=inputs.number("metalness", 0.0, most=1.0),
        ior=max(1.0, inputs.number("specular_reflection_ior", 1.5)),
        clearcoat=inputs.number("coat_weight", 0.0, most=1.0),
        clearcoat_roughness=inputs.number("coat_roughness", 0.0, most=1.0),
    )
    if passed > 0:
        clear = inputs.shade(
            "specular_transmission_color", inputs.colour("specular_transmission_color", WHITE)
        )
        return replace(base, opacity=1 - passed, tint=clear)
    return _holed(inputs, base, switch="enable_opacity", unasked=False, constant="geometry_opacity")


# -- what they share


def _holed(inputs: Inputs, whole: Surface, *, switch: str, unasked: bool, constant: str) -> Surface:
    """The surface with the holes that its opacity makes."""
    if not inputs.flag(switch, unasked, holes=True):
        return whole
    threshold_name = "opacity_threshold" if constant == "opacity_constant" else f"{constant}_threshold"
    threshold = inputs.number(threshold_name, 0.0, most=1.0, holes=True)
    opacity: float | Texture = inputs.number(constant, 1.0, most=1.0, holes=True)
    if inputs.flag("enable_opacity_texture", False, holes=True):
        opacity = _opacity_map(inputs) or opacity
    if inputs.undecided:
        return whole
    if isinstance(opacity, float) and threshold > 0 and opacity >= threshold:
        return whole
    return replace(whole, opacity=opacity, opacity_threshold=threshold, presence=threshold == 0)


def _opacity_map(inputs: Inputs) -> Texture | None:
    mode = int(inputs.number("opacity_mode", AVERAGE, holes=True))
    if mode not in (AVERAGE, ALPHA):
        inputs.lack(
            f"opacity_mode {mode} (of an opacity map its average, 1, and its alpha, 0, are read)", holes=True
        )
        return None
    return inputs.texture("opacity_texture", "mean" if mode == AVERAGE else "a", holes=True)


def _ior(level: float) -> float:
    """Of the index of refraction that reflects so much along the normal."""
    root = math.sqrt(min(SHINE * level, 0.99))
    return round((1 + root) / (1 - root), 9)


def _four(rgb: Iterable[float], *, alpha: float = 1.0) -> Four:
    red, green, blue = rgb
    return (red, green, blue, alpha)


KNOWN: dict[str, Callable[[Inputs], Surface]] = {
    "OmniPBR": _pbr,
    "OmniPBR_Opacity": _pbr_opacity,
    "OmniPBR_ClearCoat": _pbr,
    "OmniPBR_ClearCoat_Opacity": _pbr_opacity,
    "OmniGlass": _glass,
    "OmniGlass_Opacity": _glass,
    "OmniEmissive": _emissive,
    "OmniSurface": _omni_surface,
    "OmniSurfaceBase": _omni_surface,
    "OmniSurfaceLite": _omni_surface,
    "OmniSurfaceLiteBase": _omni_surface,
}
