"""Area lights that shine into some directions only: a cone and a focus about an axis, as UsdLux says."""

from __future__ import annotations

from fsd_gen.backends.mitsuba.runtime import PluginDict, dr, mi, rgb_plugin
from fsd_gen.usd.flat_scene import AreaLight

PLUGIN = "fsd_shaped_area"


class ShapedArea(mi.Emitter):  # type: ignore[misc]  # Mitsuba's types are not read
    """Mitsuba's area light times a factor that depends on the direction alone.

    theta is the angle between the emitted direction and the axis. Beyond the cone's angle there is no light,
    within `softness` of it light fades smoothly; cos(theta)^focus goes from the tinted colour to full.
    """

    def __init__(self, props: mi.Properties) -> None:
        mi.Emitter.__init__(self, props)
        self._radiance = mi.Color3f(props["radiance"])
        self._tint = mi.Color3f(props["focus_tint"])
        self._axis = mi.Vector3f(props["axis"])
        self._cone, self._soft = dr.deg2rad(props["cone_deg"]), props["softness"]
        self._focus = props["focus"]
        self.m_flags = mi.EmitterFlags.Surface

    def eval(self, si: mi.SurfaceInteraction3f, active: mi.Bool = True) -> mi.Color3f:
        """Radiance that leaves the surface towards where it was seen from."""
        shining = active & (mi.Frame3f.cos_theta(si.wi) > 0)
        return dr.select(shining, self._shaped(si.to_world(si.wi)), 0)

    def sample_direction(
        self, it: mi.Interaction3f, sample: mi.Point2f, active: mi.Bool = True
    ) -> tuple[mi.DirectionSample3f, mi.Color3f]:
        """A point of the light, as seen from `it`."""
        ds = self.get_shape().sample_direction(it, sample, active)
        shining = active & (dr.dot(ds.d, ds.n) < 0) & (ds.pdf > 0)
        radiance = self._shaped(-ds.d) / dr.select(shining, ds.pdf, 1)
        ds.emitter = mi.EmitterPtr(self)
        return ds, dr.select(shining, radiance, 0)

    def pdf_direction(
        self, it: mi.Interaction3f, ds: mi.DirectionSample3f, active: mi.Bool = True
    ) -> mi.Float:
        """How likely `sample_direction` is to choose that point."""
        pdf = self.get_shape().pdf_direction(it, ds, active)
        return dr.select(dr.dot(ds.d, ds.n) < 0, pdf, 0)

    def eval_direction(
        self, it: mi.Interaction3f, ds: mi.DirectionSample3f, active: mi.Bool = True
    ) -> mi.Color3f:
        """Radiance of the point of a sample."""
        shining = active & (dr.dot(ds.d, ds.n) < 0)
        return dr.select(shining, self._shaped(-ds.d), 0)

    def _shaped(self, away: mi.Vector3f) -> mi.Color3f:
        """Radiance into the world direction `away`."""
        cosine = dr.clip(dr.dot(away, self._axis), -1, 1)
        radiance = self._radiance
        if self._focus > 0:
            focus = dr.power(dr.maximum(cosine, 0), self._focus)
            radiance = radiance * dr.lerp(self._tint, mi.Color3f(1), focus)
        theta, start = dr.acos(cosine), self._cone * (1 - self._soft)
        if self._soft <= 0:
            return dr.select(theta <= self._cone, radiance, 0)
        x = dr.clip((theta - start) / (self._cone - start), 0, 1)
        return radiance * (1 - x * x * (3 - 2 * x))

    def to_string(self) -> str:
        """For Mitsuba's messages."""
        return f"{PLUGIN}[cone={self._cone}, focus={self._focus}]"


mi.register_emitter(PLUGIN, ShapedArea)


def emitter_plugin(light: AreaLight) -> PluginDict:
    """What makes the body of `light` shine."""
    shaping, radiance = light.shaping, rgb_plugin(light.radiance)
    if shaping is None:
        return {"type": "area", "radiance": radiance}
    return {
        "type": PLUGIN,
        "radiance": radiance,
        "axis": list(shaping.axis),
        "cone_deg": shaping.cone_deg,
        "softness": shaping.softness,
        "focus": shaping.focus,
        "focus_tint": rgb_plugin(shaping.focus_tint),
    }
