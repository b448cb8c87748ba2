"""Skinned meshes in the pose of a moment: blend shapes and joints, computed by UsdSkel itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.openusd import Sdf, Tf, Usd, UsdGeom, UsdSkel, Vt
from fsd_gen.usd.reader.skeleton_checks import check_animation, check_bindings, check_influences

EVERYTHING = Usd.TraverseInstanceProxies(Usd.PrimIsActive & Usd.PrimIsLoaded)  # prototypes may be no `def`s


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """How one mesh follows a skeleton."""

    skeleton: UsdSkel.SkeletonQuery  # of a prototype where the skeleton is an instance
    query: UsdSkel.SkinningQuery
    bones: Usd.Prim  # the skeleton itself, in its own instance

    @property
    def carrier(self) -> Usd.Prim:
        """The prim in whose space the posed points are."""
        return self.bones if self.query.HasJointInfluences() else self.query.GetPrim()

    def posed(self, points_p3: NDArray[np.float32], time: Usd.TimeCode) -> NDArray[np.float32]:
        """The points at that time. Raises StageError."""
        path = self.query.GetPrim().GetPath()
        points = Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(points_p3, np.float32))
        check_animation(self.skeleton, self.bones, time)
        try:
            if self.query.HasBlendShapes():
                self._blend(points, time)
            if self.query.HasJointInfluences():
                self._skin(points, time)
        except Tf.ErrorException as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise StageError(f"<{path}>: cannot be posed by its skeleton: {reason}") from error
        posed_p3 = np.array(points, np.float32).reshape(-1, 3)
        if not np.isfinite(posed_p3).all():
            raise StageError(
                f"<{path}>: some points are not finite where <{self.bones.GetPath()}> takes them"
            )
        return posed_p3

    def _skin(self, points: Vt.Vec3fArray, time: Usd.TimeCode) -> None:
        """Move the points with their joints; weights count by their share, so that they add up to 1."""
        indices, weights = check_influences(self.query, self.skeleton, len(points), time)
        xforms = self.skeleton.ComputeSkinningTransforms(time)
        mapper = self.query.GetJointMapper()
        if xforms and mapper and not mapper.IsIdentity():
            xforms = mapper.RemapTransforms(xforms)
        done = bool(xforms) and UsdSkel.SkinPoints(
            self.query.GetSkinningMethod(),
            self.query.GetGeomBindTransform(time),
            xforms,
            Vt.IntArray.FromNumpy(indices),
            Vt.FloatArray.FromNumpy(weights),
            self.query.GetNumInfluencesPerComponent(),
            points,
        )
        if not done:
            path = self.query.GetPrim().GetPath()
            raise StageError(f"<{path}>: cannot be posed by its skeleton <{self.bones.GetPath()}>")

    def _blend(self, points: Vt.Vec3fArray, time: Usd.TimeCode) -> None:
        animation = self.skeleton.GetAnimQuery()
        mapper = self.query.GetBlendShapeMapper()
        weights = animation.ComputeBlendShapeWeights(time) if animation else None
        if weights is None or not mapper:
            return
        path = self.query.GetPrim().GetPath()
        shapes = UsdSkel.BlendShapeQuery(UsdSkel.BindingAPI(self.query.GetPrim()))
        point_indices, offsets = shapes.ComputeBlendShapePointIndices(), shapes.ComputeSubShapePointOffsets()
        for indices, moves in zip(point_indices, offsets, strict=False):
            reach = max(indices, default=len(moves) - 1)
            if (
                min(indices, default=0) < 0
                or reach >= len(points)
                or (indices and len(indices) != len(moves))
            ):
                raise StageError(f"<{path}>: a blend shape moves point {reach} of {len(points)}")
        sub_weights, shape_indices, sub_indices = shapes.ComputeSubShapeWeights(mapper.Remap(weights))
        done = shapes.ComputeDeformedPoints(
            sub_weights, shape_indices, sub_indices, point_indices, offsets, points
        )
        if not done:
            raise StageError(f"<{path}>: its blend shapes do not fit its {len(points)} points")


class Skins:
    """Which meshes of a stage are skinned, and by which skeletons."""

    def __init__(self, stage: Usd.Stage) -> None:
        self._cache = UsdSkel.Cache()  # owns what the queries look into
        self._skins: dict[Sdf.Path, Skin] = {}
        self._skeletal = False
        for prim in Usd.PrimRange.Stage(stage, EVERYTHING):
            if prim.IsA(UsdSkel.Root):
                self._skeletal = True
                self._collect(UsdSkel.Root(prim))

    def of(self, prim: Usd.Prim) -> Skin | None:
        """How `prim` follows a skeleton; None where it does not.

        Raises:
            StageError: it says that it does, but to a skeleton that cannot pose it.
        """
        if self._skeletal:
            check_bindings(prim)
        skin = self._skins.get(prim.GetPath())
        if skin is not None and not prim.IsA(UsdGeom.Mesh):
            raise StageError(f"<{prim.GetPath()}>: only meshes can be skinned, got {prim.GetTypeName()}")
        return skin

    def _collect(self, root: UsdSkel.Root) -> None:
        self._cache.Populate(root, EVERYTHING)
        for binding in self._cache.ComputeSkelBindings(root, EVERYTHING):
            skeleton = self._cache.GetSkelQuery(binding.GetSkeleton())
            for query in binding.GetSkinningTargets():
                if not (query.HasJointInfluences() or query.HasBlendShapes()):
                    continue
                if not skeleton:
                    raise StageError(f"<{query.GetPrim().GetPath()}>: its skeleton cannot be used")
                self._skins[query.GetPrim().GetPath()] = Skin(
                    skeleton=skeleton, query=query, bones=binding.GetSkeleton().GetPrim()
                )
