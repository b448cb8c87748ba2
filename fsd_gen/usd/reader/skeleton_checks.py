"""What UsdSkel only warns about: bindings, animations and weights that contradict themselves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.openusd import Sdf, Usd, UsdSkel

BINDINGS = {  # relationship, and what it has to name
    "skel:skeleton": ("a Skeleton", UsdSkel.Skeleton),
    "skel:animationSource": ("a SkelAnimation", UsdSkel.Animation),
    "skel:blendShapeTargets": ("a BlendShape", UsdSkel.BlendShape),
}


def check_bindings(prim: Usd.Prim) -> None:
    """What a shape below a SkelRoot is bound to must be there. Raises StageError."""
    line, root = [prim], prim
    while (root := root.GetParent()) and not root.IsPseudoRoot():
        line.append(root)
    if not any(each.IsA(UsdSkel.Root) for each in line):
        return
    for each in line:
        for name in BINDINGS:
            _check_targets(each, name)
    names = prim.GetAttribute("skel:blendShapes")
    targets = prim.GetRelationship("skel:blendShapeTargets")
    named = len(names.Get() or ()) if names else 0
    given = len(targets.GetForwardedTargets()) if targets else 0
    if named != given:
        raise StageError(
            f"<{prim.GetPath()}>: expected a target for each of its {named} blendShapes, "
            f"got {given} blendShapeTargets"
        )


def _check_targets(prim: Usd.Prim, name: str) -> None:
    relationship = prim.GetRelationship(name)
    expected, schema = BINDINGS[name]
    for target in relationship.GetForwardedTargets() if relationship else ():
        found = prim.GetStage().GetPrimAtPath(target)
        if not found or not found.IsA(schema):
            raise StageError(f"<{prim.GetPath()}>: {name}: expected {expected}, found none at <{target}>")


def check_animation(skeleton: UsdSkel.SkeletonQuery, bones: Usd.Prim, time: Usd.TimeCode) -> None:
    """The animation must move the skeleton's joints, each of its own completely. Raises StageError."""
    _check_targets(bones, "skel:animationSource")
    _check_transforms(UsdSkel.Skeleton(bones))
    query = skeleton.GetAnimQuery()
    if query:
        _check_joints(skeleton, UsdSkel.Animation(query.GetPrim()), time)
        _check_shapes(UsdSkel.Animation(query.GetPrim()), time)


def _check_transforms(skeleton: UsdSkel.Skeleton) -> None:
    """Rest transforms may be left out: they only serve joints that no animation moves."""
    joints = len(skeleton.GetJointsAttr().Get() or ())
    path = skeleton.GetPath()
    bind = len(skeleton.GetBindTransformsAttr().Get() or ())
    rest = len(skeleton.GetRestTransformsAttr().Get() or ())
    if bind != joints:
        raise StageError(f"<{path}>: expected {joints} bindTransforms, one for each joint, got {bind}")
    if rest not in (0, joints):
        raise StageError(f"<{path}>: expected {joints} restTransforms, one for each joint, got {rest}")


def _check_joints(skeleton: UsdSkel.SkeletonQuery, animation: UsdSkel.Animation, time: Usd.TimeCode) -> None:
    joints = animation.GetJointsAttr().Get() or ()
    attributes = (animation.GetTranslationsAttr(), animation.GetRotationsAttr(), animation.GetScalesAttr())
    lengths = {each.GetName(): len(each.Get(time) or ()) for each in attributes}
    if not any(lengths.values()):
        return  # it animates blend shapes only
    path = animation.GetPath()
    for name, length in lengths.items():
        if length != len(joints):
            raise StageError(f"<{path}>: expected {len(joints)} {name}, one for each joint, got {length}")
    known = skeleton.GetJointOrder()
    if not set(joints) & set(known):
        raise StageError(
            f"<{path}>: moves {', '.join(joints)}; expected joints of its skeleton: {', '.join(known)}"
        )


def _check_shapes(animation: UsdSkel.Animation, time: Usd.TimeCode) -> None:
    names = len(animation.GetBlendShapesAttr().Get() or ())
    weights = len(animation.GetBlendShapeWeightsAttr().Get(time) or ())
    if names != weights:
        raise StageError(f"<{animation.GetPath()}>: expected {names} blendShapeWeights, got {weights}")


Influences = tuple[NDArray[np.int32], NDArray[np.float32]]


def check_influences(
    query: UsdSkel.SkinningQuery, skeleton: UsdSkel.SkeletonQuery, points: int, time: Usd.TimeCode
) -> Influences:
    """Joint indices and weights of all points, flat; those of each point add up to 1. Raises StageError."""
    path, each = query.GetPrim().GetPath(), query.GetNumInfluencesPerComponent()
    expected = each if query.IsRigidlyDeformed() else each * points
    indices = np.array(query.GetJointIndicesPrimvar().ComputeFlattened(time) or (), np.int32)
    weights = np.array(query.GetJointWeightsPrimvar().ComputeFlattened(time) or (), np.float32)
    if len(indices) != expected or len(weights) != expected:
        got = f"{len(indices)} and {len(weights)}"
        raise StageError(f"<{path}>: expected {expected} joint indices and weights, got {got}")
    joints = len(query.GetJointOrder() or skeleton.GetJointOrder())
    if len(indices) and (indices.min() < 0 or indices.max() >= joints):
        raise StageError(f"<{path}>: joint indices reach to {indices.max()} of {joints} joints")
    shares = _shares(weights.reshape(-1, each), path)
    repeats = points if query.IsRigidlyDeformed() else 1
    return np.tile(indices, repeats), np.tile(shares.ravel(), repeats)


def _shares(weights_pk: NDArray[np.float32], path: Sdf.Path) -> NDArray[np.float32]:
    if not np.isfinite(weights_pk).all():
        raise StageError(f"<{path}>: joint weights are not finite")
    total_p1 = weights_pk.sum(axis=1, keepdims=True)
    if len(total_p1) and total_p1.min() <= 0:
        raise StageError(
            f"<{path}>: the joint weights of point {int(total_p1.argmin())} add up to {total_p1.min():g}, "
            "expected more than 0"
        )
    shares_pk: NDArray[np.float32] = weights_pk / total_p1
    return shares_pk
