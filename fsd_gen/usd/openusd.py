"""The USD library; the only module of `fsd_gen` that imports `pxr`, so that a missing one is said once."""

from __future__ import annotations

from jobs.extras import extra

with extra("render"):
    from pxr import Ar, Gf, Sdf, Tf, Usd, UsdGeom, UsdLux, UsdShade, UsdSkel, UsdUtils, Vt

__all__ = ["Ar", "Gf", "Sdf", "Tf", "Usd", "UsdGeom", "UsdLux", "UsdShade", "UsdSkel", "UsdUtils", "Vt"]
