"""Primvars as values over a mesh, texture coordinates first of all."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import cast, get_args

import numpy as np

from fsd_gen.usd import polygons
from fsd_gen.usd.errors import StageError
from fsd_gen.usd.openusd import Sdf, Usd, UsdGeom
from fsd_gen.usd.polygons import Attribute
from fsd_gen.usd.reader.stage import shared_path
from fsd_gen.usd.reader.values import floats_of, ints_of, where

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Which texture coordinates a material reads, and what it reads where a shape has none."""

    primvar: str
    fallback: tuple[float, float] = (0.0, 0.0)  # of the UsdPrimvarReader_float2; USD says 0 unless authored
    by_number: bool = False  # MDL reads a shape's first set, whatever it is called

    def source(self, prim: Usd.Prim) -> Sdf.Path:
        """Whose coordinates a shape has: its own, or those of a prim above, perhaps outside its prototype."""
        primvar = self._of(prim)
        return shared_path(primvar.GetAttr().GetPrim()) if primvar else Sdf.Path()

    def _of(self, prim: Usd.Prim) -> UsdGeom.Primvar | None:
        api = UsdGeom.PrimvarsAPI(prim)
        named = api.FindPrimvarWithInheritance(self.primvar)
        if named or not self.by_number:
            return named if named else None
        return next((each for each in api.FindPrimvarsWithInheritance() if _is_texture_set(each)), None)

    def over(self, prim: Usd.Prim, time: Usd.TimeCode) -> Attribute:
        """The coordinates of a shape. Raises StageError."""
        primvar = self._of(prim)
        if primvar and primvar.HasValue():
            found = primvar_attribute(primvar, time, 2)
            if not np.isfinite(found.values_nk).all():
                raise StageError(f"{where(primvar.GetAttr())}: some texture coordinates are not finite")
            return found
        log.warning(
            "texture coordinates missing: prim=%s primvar=%s; USD reads %s",
            prim.GetPath(),
            self.primvar,
            "({:g}, {:g})".format(*self.fallback),
        )
        return Attribute(values_nk=np.array([self.fallback], np.float32), interpolation="constant")


def _is_texture_set(primvar: UsdGeom.Primvar) -> bool:
    return bool(primvar.GetTypeName().role == Sdf.ValueRoleNames.TextureCoordinate and primvar.HasValue())


def primvar_attribute(primvar: UsdGeom.Primvar, time: Usd.TimeCode, width: int) -> Attribute:
    """Values over a mesh. Raises StageError."""
    attribute = primvar.GetAttr()
    if primvar.GetElementSize() != 1:
        raise StageError(f"{where(attribute)}: expected elementSize 1, got {primvar.GetElementSize()}")
    indices = ints_of(primvar.GetIndicesAttr(), time) if primvar.IsIndexed() else None
    return Attribute(
        values_nk=floats_of(attribute, time, width),
        interpolation=interpolation_of(str(primvar.GetInterpolation()), where(attribute)),
        indices_n=indices,
    )


def interpolation_of(token: str, named: str) -> polygons.Interpolation:
    """USD's word as ours. Raises StageError."""
    word = "vertex" if token == "varying" else token
    if word not in get_args(polygons.Interpolation):
        raise StageError(f"{named}: cannot be interpolated by {token!r}")
    return cast(polygons.Interpolation, word)
