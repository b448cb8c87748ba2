"""The path tracer: Mitsuba's own, and three things it lacks.

- Light passes the holes of cut-outs, thin glass and veils on its way from a lamp, not only behind the eye:
  shadow rays are dimmed by what they cross instead of ending there.
- Lights without a body (UsdLux ones) shine, are reflected, and are not seen: they wear a `null` surface, and
  what they emit straight into the camera is left out. So image and truth agree on what is there.
- Where a normal map turns the surface away from the eye, the eye is taken to look along the surface.
  Mitsuba would turn the normal over, at another place for either eye.

Emitter and surface sampling are combined by the power heuristic (Veach 1997); a hole or a thin pane between
two points is no scattering, and counts neither as a bounce nor for the heuristic.
"""

from __future__ import annotations

from fsd_gen.backends.mitsuba.guides import GUIDES, guides
from fsd_gen.backends.mitsuba.runtime import dr, mi

LAYERS = 64  # holes, panes and lights without a body that one ray may cross
GRAZING = 0.02  # cosine between the eye and a mapped normal, at the least
SURVIVAL = 0.95  # Russian roulette keeps at most this share


class PathIntegrator(mi.SamplingIntegrator):  # type: ignore[misc]  # Mitsuba's types are not read
    """`max_depth` bounces; Russian roulette from `rr_depth` on, as Mitsuba's `path` counts them.

    It does what a scene's surfaces need and no more: shadow rays that cross nothing are cheaper. `guided`:
    what guides the denoiser comes with the colour, so that camera rays are traced once.
    """

    def __init__(self, scene: mi.Scene, *, max_depth: int, rr_depth: int, guided: bool = False) -> None:
        super().__init__(mi.Properties())
        self._max_depth, self._rr_depth, self._guided = max_depth, rr_depth, guided
        surfaces = [shape.bsdf() for shape in scene.shapes()]
        self._see_through = any(mi.has_flag(bsdf.flags(), mi.BSDFFlags.Null) for bsdf in surfaces)
        self._bumpy = any(bsdf.has_attribute("normalmap") for bsdf in surfaces)

    @dr.syntax  # type: ignore[untyped-decorator]  # nor are Dr.Jit's
    def sample(
        self,
        scene: mi.Scene,
        sampler: mi.Sampler,
        ray: mi.RayDifferential3f,
        medium: mi.Medium | None = None,
        active: bool = True,
    ) -> tuple[mi.Color3f, mi.Bool, list[mi.Float]]:
        """Radiance along a camera ray, and what guides the denoiser there, if asked for."""
        context, ray, active = mi.BSDFContext(), mi.Ray3f(ray), mi.Bool(active)
        light, throughput, eta = mi.Color3f(0), mi.Color3f(1), mi.Float(1)
        bounces, crossed, straight = mi.UInt32(0), mi.UInt32(0), mi.Bool(True)  # straight: from the eye
        origin = dr.zeros(mi.Interaction3f)  # where light was scattered last, and how likely to here
        origin_pdf, origin_sharp = mi.Float(1), mi.Bool(True)
        hit = scene.ray_intersect_preliminary(ray, coherent=True, active=active)
        seen = guides(scene, ray, hit, active) if self._guided else []
        while active:
            si = hit.compute_surface_interaction(ray, mi.RayFlags.All, active)
            bsdf = si.bsdf(ray)
            light += throughput * _emitted(scene, si, bsdf, origin, origin_pdf, origin_sharp, straight)
            active &= si.is_valid() & (bounces + 1 < self._max_depth)
            if dr.hint(self._bumpy, mode="scalar"):
                si.wi = _in_front(si, bsdf, active)
            lit, towards, arriving = self._direct(scene, sampler, si, active & _has(bsdf, "Smooth"))
            value, pdf, chosen, weight = bsdf.eval_pdf_sample(
                context, si, si.to_local(towards.d), sampler.next_1d(active), sampler.next_2d(active), active
            )
            light[lit] += throughput * value * arriving * _heuristic(towards.delta, towards.pdf, pdf)
            ray = si.spawn_ray(si.to_world(chosen.wo))
            throughput, eta = throughput * weight, eta * chosen.eta
            passed = mi.has_flag(chosen.sampled_type, mi.BSDFFlags.Null)
            scattered = active & ~passed
            origin[scattered], origin_pdf[scattered] = mi.Interaction3f(si), chosen.pdf
            origin_sharp[scattered] = mi.has_flag(chosen.sampled_type, mi.BSDFFlags.Delta)
            straight &= passed
            bounces, crossed = (
                dr.select(passed, bounces, bounces + 1),
                dr.select(passed, crossed + 1, crossed),
            )
            judged = scattered & (bounces >= self._rr_depth)
            throughput, survives = _roulette(throughput, eta, sampler.next_1d(active), judged)
            active &= survives & (crossed < LAYERS)
            hit = scene.ray_intersect_preliminary(ray, coherent=False, active=active)
        return light, mi.Bool(True), seen

    def aov_names(self) -> list[str]:
        """Those of the guides, if asked for."""
        return GUIDES if self._guided else []

    def _direct(
        self, scene: mi.Scene, sampler: mi.Sampler, si: mi.SurfaceInteraction3f, lit: mi.Bool
    ) -> tuple[mi.Bool, mi.DirectionSample3f, mi.Color3f]:
        """Where light comes from at all; towards which light; what comes from there, over its density."""
        sample, blocked_by_all = sampler.next_2d(lit), not self._see_through
        towards, arriving = scene.sample_emitter_direction(si, sample, blocked_by_all, lit)
        lit = lit & (towards.pdf != 0)
        if self._see_through:
            arriving *= _transmittance(scene, si.spawn_ray_to(towards.p), towards.p, lit)
        return lit, towards, arriving


def _has(bsdf: mi.BSDFPtr, lobe: str) -> mi.Bool:
    return mi.has_flag(bsdf.flags(), getattr(mi.BSDFFlags, lobe))


def _roulette(
    throughput: mi.Color3f, eta: mi.Float, sample: mi.Float, judged: mi.Bool
) -> tuple[mi.Color3f, mi.Bool]:
    """Throughput, raised where a path that was judged survives, and which paths carry light on."""
    brightest = dr.max(throughput)
    survival = dr.minimum(brightest * dr.square(eta), SURVIVAL)
    survives = (~judged | (sample < survival)) & (brightest != 0)
    return dr.select(judged, throughput * dr.rcp(survival), throughput), survives


def _emitted(
    scene: mi.Scene,
    si: mi.SurfaceInteraction3f,
    bsdf: mi.BSDFPtr,
    origin: mi.Interaction3f,
    origin_pdf: mi.Float,
    origin_sharp: mi.Bool,
    straight: mi.Bool,
) -> mi.Color3f:
    """What the surface, or the sky behind all, emits towards the ray, weighted against emitter sampling."""
    emitter = si.emitter(scene)
    lobes = bsdf.flags() & mi.UInt32(mi.BSDFFlags.All)
    bodiless = si.is_valid() & (lobes == mi.UInt32(mi.BSDFFlags.Null))
    unseen = dr.select(straight, bodiless, emitter.sampling_weight() == 0)  # see bulbs
    shown = (emitter != None) & ~unseen  # noqa: E711  # a pointer per lane
    towards = mi.DirectionSample3f(scene, si, origin)
    pdf = scene.pdf_emitter_direction(origin, towards, shown & ~origin_sharp)
    return dr.select(shown, emitter.eval(si, shown) * _heuristic(origin_sharp, origin_pdf, pdf), 0)


def _heuristic(sharp: mi.Bool, pdf: mi.Float, other_pdf: mi.Float) -> mi.Float:
    """Power heuristic; 1 where only this way of sampling could have found the direction."""
    square, other_square = dr.square(pdf), dr.square(other_pdf)
    weight = square / (square + other_square)
    return dr.select(sharp, 1, dr.select(dr.isfinite(weight), weight, 0))


def _in_front(si: mi.SurfaceInteraction3f, bsdf: mi.BSDFPtr, active: mi.Bool) -> mi.Vector3f:
    """Direction to the eye in the surface's frame, bent until it sees the front of a mapped normal.

    It stays the same function of the direction, so it has no jump: a matte flank keeps its brightness when
    it turns away, for either eye.
    """
    mapped = active & bsdf.has_attribute("normalmap", active)
    texel = mi.Vector3f(bsdf.eval_attribute_3("normalmap", si, mapped)) * 2 - 1
    normal = dr.mulsign(dr.normalize(texel), si.wi.z)
    cosine = dr.dot(si.wi, normal)
    bent = dr.normalize(si.wi + normal * (GRAZING - cosine))
    return dr.select(mapped & (cosine < GRAZING), bent, si.wi)


@dr.syntax  # type: ignore[untyped-decorator]
def _transmittance(scene: mi.Scene, ray: mi.Ray3f, end: mi.Point3f, active: mi.Bool) -> mi.Color3f:
    """The share of light that comes straight along `ray` to its end, through holes and thin panes."""
    share, crossed, going = mi.Color3f(1), mi.UInt32(0), mi.Bool(active)
    while going:
        hit = scene.ray_intersect_preliminary(ray, active=going)
        bsdf = hit.shape.bsdf()
        passes = going & hit.is_valid() & mi.has_flag(bsdf.flags(), mi.BSDFFlags.Null)
        share[going & hit.is_valid() & ~passes] = mi.Color3f(0)
        si = hit.compute_surface_interaction(ray, mi.RayFlags.All, passes)
        share[passes] *= bsdf.eval_null_transmission(si, passes)
        ray[passes] = si.spawn_ray_to(end)
        crossed += 1
        going = passes & (dr.max(share) > 0)
        share[going & (crossed >= LAYERS)] = mi.Color3f(0)
        going &= crossed < LAYERS
    return share
