"""Point instancers: which prototype stands where."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.openusd import Sdf, Usd, UsdGeom
from fsd_gen.usd.reader.skeletons import EVERYTHING
from fsd_gen.usd.reader.stage import Matrix, matrix_of
from fsd_gen.usd.reader.values import floats_of, ints_of

Copy = tuple[Usd.Prim, Matrix]  # the prototype, and from the prototype's root to the instancer


def copies_of(instancer: UsdGeom.PointInstancer, time: Usd.TimeCode) -> Iterator[Copy]:
    """Every instance that is shown. Raises StageError where the instancer contradicts itself."""
    prim, path = instancer.GetPrim(), instancer.GetPath()
    indices = ints_of(instancer.GetProtoIndicesAttr(), time)
    _check_lengths(instancer, len(indices), time)
    targets = instancer.GetPrototypesRel().GetForwardedTargets()
    if len(indices) and (indices.min() < 0 or indices.max() >= len(targets)):
        bad = indices.min() if indices.min() < 0 else indices.max()
        raise StageError(f"<{path}>: there is no prototype number {bad} of {len(targets)}")
    roots = [prim.GetStage().GetPrimAtPath(target) for target in targets]
    whole = UsdGeom.PointInstancer.IncludeProtoXform, UsdGeom.PointInstancer.IgnoreMask
    poses = instancer.ComputeInstanceTransformsAtTime(time, time, *whole)
    if len(poses) != len(indices):
        raise StageError(f"<{path}>: expected {len(indices)} instances, got {len(poses)}")
    mask = instancer.ComputeMaskAtTime(time)
    for number, (index, pose) in enumerate(zip(indices, poses, strict=True)):
        if len(mask) and not mask[number]:
            continue
        if not roots[index]:
            raise StageError(f"<{path}>: its prototype <{targets[index]}> does not exist")
        yield roots[index], matrix_of(pose)


def prototype_range(root: Usd.Prim) -> Iterator[Usd.Prim]:
    """A prototype and what is below it.

    It may stand under an `over` or a `class`, which hides it from the stage itself; below it, only what is
    really defined counts.
    """
    prims = iter(Usd.PrimRange(root, EVERYTHING))
    return _Defined(prims, root)


class _Defined:
    """The iterator of a Usd.PrimRange without the `over`s and `class`es below its root."""

    def __init__(self, prims: Iterator[Usd.Prim], root: Usd.Prim) -> None:
        self._prims, self._root = prims, root

    def __iter__(self) -> Iterator[Usd.Prim]:
        return self

    def __next__(self) -> Usd.Prim:
        for prim in self._prims:
            if prim == self._root or prim.GetSpecifier() == Sdf.SpecifierDef:
                return prim
            self.PruneChildren()
        raise StopIteration

    def PruneChildren(self) -> None:  # USD's name
        """Leave out what is below the last prim."""
        self._prims.PruneChildren()  # type: ignore[attr-defined]


def _check_lengths(instancer: UsdGeom.PointInstancer, count: int, time: Usd.TimeCode) -> None:
    path = instancer.GetPath()
    positions = floats_of(instancer.GetPositionsAttr(), time, 3)
    lengths = {"positions": len(positions)}
    optional = {
        "orientations": instancer.GetOrientationsAttr(),
        "orientationsf": instancer.GetOrientationsfAttr(),
        "scales": instancer.GetScalesAttr(),
        "ids": instancer.GetIdsAttr(),
    }
    for name, attribute in optional.items():
        values = attribute.Get(time) if attribute else None
        if values is not None and len(values):
            lengths[name] = len(values)
    for name, length in lengths.items():
        if length != count:
            raise StageError(f"<{path}>: expected {count} {name}, one for each protoIndices, got {length}")
    if not np.isfinite(positions).all():
        raise StageError(f"<{path}>: some positions are not finite")
