"""A hall as users have one: their own unit and axis, materials and lights beside the default prim."""

from __future__ import annotations

from pathlib import Path

from pxr import Gf, Sdf, Usd, UsdGeom, UsdLux, UsdShade

Vec = tuple[float, float, float]

WALLS = {  # name: centre and size in metres, z up; the floor of 10 x 8 m is z = 0
    "Ceiling": ((0, 0, 3.1), (10, 8, 0.2)),
    "North": ((0, 4.1, 1.5), (10, 0.2, 3)),
    "South": ((0, -4.1, 1.5), (10, 0.2, 3)),
    "East": ((5.1, 0, 1.5), (0.2, 8.4, 3)),
    "West": ((-5.1, 0, 1.5), (0.2, 8.4, 3)),
}
FLOOR = {"Floor": ((0, 0, -0.1), (10, 8, 0.2))}
THINGS = {
    "Table": ((1, 1, 0.37), (1.4, 0.8, 0.74)),
    "Cupboard": ((-3, 2.5, 1), (2, 1.6, 2)),
    "Pillar": ((2.5, -1.5, 1.5), (0.4, 0.4, 3)),
    **{f"Crate_{i}": ((-3 + i * 1.3, -3, 0.3 + 0.05 * i), (0.6, 0.6, 0.6 + 0.1 * i)) for i in range(5)},
}
COLOURS = {"Grey": (0.5, 0.5, 0.5), "Red": (0.6, 0.2, 0.1), "Blue": (0.1, 0.3, 0.6)}


class Hall:
    """Writes the stage; lengths are given in metres, z up, and written in the stage's own unit and axis."""

    def __init__(self, path: Path, unit: float, *, y_up: bool) -> None:
        self.stage = Usd.Stage.CreateNew(str(path))
        self.y_up, self.per_metre = y_up, 1 / unit
        UsdGeom.SetStageMetersPerUnit(self.stage, unit)
        UsdGeom.SetStageUpAxis(self.stage, "Y" if y_up else "Z")
        self.stage.SetDefaultPrim(UsdGeom.Xform.Define(self.stage, "/Hall").GetPrim())
        UsdGeom.Scope.Define(self.stage, "/Looks")
        self.looks = [self.look(name, rgb) for name, rgb in COLOURS.items()]

    def look(self, name: str, rgb: Vec) -> UsdShade.Material:
        material = UsdShade.Material.Define(self.stage, f"/Looks/{name}")
        shader = UsdShade.Shader.Define(self.stage, f"/Looks/{name}/Surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("diffuseColor", Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(*rgb))
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        return material

    def turned(self, x: float, y: float, z: float, *, size: bool = False) -> Gf.Vec3d:
        k = self.per_metre
        if not self.y_up:
            return Gf.Vec3d(x * k, y * k, z * k)
        return Gf.Vec3d(x * k, z * k, (y if size else -y) * k)

    def box(self, name: str, centre: Vec, size: Vec, look: int) -> None:
        cube = UsdGeom.Cube.Define(self.stage, f"/Hall/{name}")
        cube.CreateSizeAttr(1)
        cube.AddTranslateOp().Set(self.turned(*centre))
        cube.AddScaleOp().Set(Gf.Vec3f(self.turned(*size, size=True)))
        UsdShade.MaterialBindingAPI.Apply(cube.GetPrim()).Bind(self.looks[look])

    def lamp(self) -> None:
        light = UsdLux.SphereLight.Define(self.stage, "/Environment/Lamp")
        light.CreateRadiusAttr(0.1 * self.per_metre)
        light.CreateIntensityAttr(60)
        UsdGeom.Xformable(light).AddTranslateOp().Set(self.turned(0, 0, 2.7))

    def camera(self) -> None:
        """Looks north from (0, -3, 1.5), 60 degrees wide."""
        camera = UsdGeom.Camera.Define(self.stage, "/Hall/Cam")
        camera.CreateHorizontalApertureAttr(24)
        camera.CreateFocalLengthAttr(12 * 3**0.5)
        camera.AddTranslateOp().Set(self.turned(0, -3, 1.5))
        camera.AddRotateXOp().Set(0 if self.y_up else 90)


def hall(
    folder: Path,
    *,
    unit: float = 0.01,
    y_up: bool = True,
    floor: bool = True,
    lamp: bool = True,
    name: str = "hall.usda",
) -> Path:
    """The hall with a table, a closed cupboard, a pillar and crates; its camera is /Hall/Cam."""
    path = folder / name
    made = Hall(path, unit, y_up=y_up)
    for index, (part, (centre, size)) in enumerate({**WALLS, **THINGS, **(FLOOR if floor else {})}.items()):
        if floor or (part in WALLS and part != "Ceiling"):
            made.box(part, centre, size, index % 3)
    if lamp:
        made.lamp()
    made.camera()
    made.stage.GetRootLayer().Save()
    return path
