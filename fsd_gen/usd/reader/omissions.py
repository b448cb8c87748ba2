"""What a stage says that is neither drawn nor in the truth, told in one line for each stage."""

from __future__ import annotations

import logging

from fsd_gen.usd.openusd import Usd, UsdGeom, UsdSkel

log = logging.getLogger(__name__)

MOST_NAMED = 3  # prims of each kind


class Omissions:
    """Collects what is left out, by kind, with the prims that ask for it."""

    def __init__(self) -> None:
        self._prims: dict[str, dict[str, None]] = {}  # kind -> prims, in the order of the walk

    def add(self, what: str, prim: object) -> None:
        """Note that `what` of a prim, given by its path, is left out."""
        self._prims.setdefault(what, {})[str(prim)] = None

    def add_camera(self, camera: UsdGeom.Camera, time: Usd.TimeCode) -> None:
        """Note what of a camera makes no difference here."""
        if camera.GetFStopAttr().Get(time):
            self.add("fStop (all is in focus)", camera.GetPath())
        if camera.GetShutterOpenAttr().Get(time) != camera.GetShutterCloseAttr().Get(time):
            self.add("shutter (nothing is blurred by motion)", camera.GetPath())

    def add_unbound(self, prim: Usd.Prim) -> None:
        """Note that a mesh with joints to follow follows no skeleton."""
        binding = UsdSkel.BindingAPI(prim)
        if prim.IsA(UsdGeom.Mesh) and binding.GetJointIndicesPrimvar().HasAuthoredValue():
            self.add("joint influences without a skeleton (drawn at rest)", prim.GetPath())

    def tell(self, stage: object) -> None:
        """One warning, if anything was left out."""
        if self._prims:
            kinds = "; ".join(f"{what}: {_names(list(prims))}" for what, prims in self._prims.items())
            log.warning("left out of images and truth: stage=%s %s", stage, kinds)


def _names(prims: list[str]) -> str:
    more = f" and {len(prims) - MOST_NAMED} more" if len(prims) > MOST_NAMED else ""
    return ", ".join(f"<{prim}>" for prim in prims[:MOST_NAMED]) + more
