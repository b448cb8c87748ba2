"""What the denoiser is guided by: the albedo and normal that a pixel shows, free of noise."""

from __future__ import annotations

from fsd_gen.backends.mitsuba.runtime import dr, mi

GUIDE_DEPTH = 8  # mirrors, panes and holes that the denoiser's guides look past


@dr.syntax  # type: ignore[untyped-decorator]  # Dr.Jit's types are not read
def guides(
    scene: mi.Scene, ray: mi.Ray3f, hit: mi.PreliminaryIntersection3f, active: mi.Bool
) -> list[mi.Float]:
    """Albedo and normal, three channels each, of what a camera ray shows that meets `hit`, without noise.

    They look through holes and clear glass, and into mirrors, always along the likelier way. Normals are
    those of the normal maps.
    """
    context = mi.BSDFContext()
    looking, ray, hit = mi.Bool(active), mi.Ray3f(ray), mi.PreliminaryIntersection3f(hit)
    tint, albedo, normal = mi.Color3f(1), mi.Color3f(0), mi.Normal3f(0)
    depth = mi.UInt32(0)
    while looking:
        si = hit.compute_surface_interaction(ray, mi.RayFlags.All, looking)
        looking &= si.is_valid()
        bsdf = si.bsdf()
        asked = looking & _goes_on(bsdf.flags()) & (depth < GUIDE_DEPTH)
        chosen, weight = bsdf.sample(context, si, mi.Float(0.5), mi.Point2f(0.5), asked)
        passes = asked & _goes_on(chosen.sampled_type)
        stops = looking & ~passes
        albedo[stops] = tint * bsdf.eval_diffuse_reflectance(si, stops)
        normal[stops] = _shading_normal(si, bsdf, stops)
        looking &= passes
        tint[looking] = tint * dr.minimum(weight, 1)
        ray[looking] = si.spawn_ray(si.to_world(chosen.wo))
        hit = scene.ray_intersect_preliminary(ray, coherent=True, active=looking)
        depth += 1
    return [*albedo, *normal]


GUIDES = [f"{guide}.{channel}" for guide in ("albedo", "normal") for channel in "XYZ"]


def _goes_on(lobes: mi.UInt32) -> mi.Bool:
    """Whether light may leave in one direction only: mirrored, refracted or straight on."""
    return mi.has_flag(lobes, mi.BSDFFlags.Delta) | mi.has_flag(lobes, mi.BSDFFlags.Null)


def _shading_normal(si: mi.SurfaceInteraction3f, bsdf: mi.BSDFPtr, active: mi.Bool) -> mi.Normal3f:
    """World normal, bent by the normal map where the surface has one."""
    mapped = active & bsdf.has_attribute("normalmap", active)
    local = mi.Normal3f(bsdf.eval_attribute_3("normalmap", si, mapped)) * 2 - 1
    return dr.select(mapped, si.to_world(dr.normalize(local)), si.sh_frame.n)
