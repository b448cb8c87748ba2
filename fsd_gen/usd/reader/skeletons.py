"""Skinned meshes in the pose of a moment: blend shapes and joints, computed by UsdSkel itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.openusd import Sdf, Tf, Usd, UsdGeom, UsdSkel, Vt

EVERYTHING = Usd.TraverseInstanceProxies(Usd.PrimIsActive & Usd.PrimIsLoaded)  # prototypes may be no `def`s
WEIGHTLESS = 1e-6  # a joint weight that moves nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """How one mesh follows a skeleton."""

    skeleton: UsdSkel.SkeletonQuery
    query: UsdSkel.SkinningQuery

    @property
    def carrier(self) -> Usd.Prim:
        """The prim in whose space the posed points are."""
        return self.skeleton.GetPrim() if self.query.HasJointInfluences() else self.query.GetPrim()

    def posed(self, points_p3: NDArray[np.float32], time: Usd.TimeCode) -> NDArray[np.float32]:
        """The points at that time. Raises StageError."""
        path = self.query.GetPrim().GetPath()
        points = Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(points_p3, np.float32))
        try:
            if self.query.HasBlendShapes():
                self._blend(points, time)
            if self.query.HasJointInfluences():
                self._check(path, len(points_p3), time)
                xforms = self.skeleton.ComputeSkinningTransforms(time)
                if not self.query.ComputeSkinnedPoints(xforms, points, time):
                    raise StageError(f"<{path}>: cannot be posed by its skeleton <{self._skeleton_path()}>")
        except Tf.ErrorException as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise StageError(f"<{path}>: cannot be posed by its skeleton: {reason}") from error
        return np.array(points, np.float32).reshape(-1, 3)

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

    def _check(self, path: Sdf.Path, points: int, time: Usd.TimeCode) -> None:
        """UsdSkel itself only warns where influences contradict the mesh or the skeleton."""
        each = self.query.GetNumInfluencesPerComponent()
        expected = each if self.query.IsRigidlyDeformed() else each * points
        indices = np.asarray(self.query.GetJointIndicesPrimvar().ComputeFlattened(time) or ())
        weights = np.asarray(self.query.GetJointWeightsPrimvar().ComputeFlattened(time) or ())
        if len(indices) != expected or len(weights) != expected:
            got = f"{len(indices)} and {len(weights)}"
            raise StageError(f"<{path}>: expected {expected} joint indices and weights, got {got}")
        joints = len(self.query.GetJointOrder() or self.skeleton.GetJointOrder())
        if len(indices) and (indices.min() < 0 or indices.max() >= joints):
            raise StageError(f"<{path}>: joint indices reach to {indices.max()} of {joints} joints")
        if not np.isfinite(weights).all():
            raise StageError(f"<{path}>: joint weights are not finite")

    def _skeleton_path(self) -> Sdf.Path:
        return self.skeleton.GetPrim().GetPath()


class Skins:
    """Which meshes of a stage are skinned, and by which skeletons."""

    def __init__(self, stage: Usd.Stage) -> None:
        self._cache = UsdSkel.Cache()  # owns what the queries look into
        self._skins: dict[Sdf.Path, Skin] = {}
        for prim in Usd.PrimRange.Stage(stage, EVERYTHING):
            if prim.IsA(UsdSkel.Root):
                self._collect(UsdSkel.Root(prim))

    def of(self, prim: Usd.Prim) -> Skin | None:
        """How `prim` follows a skeleton; None where it does not.

        Raises:
            StageError: it says that it does, but to a skeleton that cannot pose it.
        """
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
                self._skins[query.GetPrim().GetPath()] = Skin(skeleton=skeleton, query=query)
