"""Writes a scene as a plain USD stage that any renderer and viewer opens.

Layout: /World/Rig/{Left,Right} cameras, /World/Objects references to asset files, /World/Panels
meshes, /World/Lights, /World/Looks materials. Metres, z up, UsdPreviewSurface and UsdLux only. Lamps and the
sky behind a window are meshes that glow, because no two renderers agree on whether a UsdLux light is seen.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from assets_manifest.meshes.parts import is_closed
from fsd_gen.scene.instances import LIGHTS, OBJECTS, PANELS
from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.scene.spec import (
    DistantLight,
    DomeSpec,
    LightSpec,
    MaterialSpec,
    Panel,
    Placement,
    Quaternion,
    SceneSpec,
    SphereLight,
    Vec3,
)
from fsd_gen.usd.corners import PolygonError
from fsd_gen.usd.environment import add_world
from fsd_gen.usd.errors import AssetFileError, StageWriteError
from fsd_gen.usd.gather import complaint, pack
from fsd_gen.usd.lamps import Body, glowing, housing
from fsd_gen.usd.objects import refer_to_objects
from fsd_gen.usd.openusd import Gf, Sdf, Tf, Usd, UsdGeom, UsdLux, UsdShade, Vt
from fsd_gen.usd.polygons import triangulate
from fsd_gen.usd.units import PIXEL_ASPECT

FILM_MM = 36.0  # film width that stands for the image width
UNITS_PER_MM = 1e-3 * 10  # of a camera's lengths: tenths of a scene unit, which here is a metre
DARK: Vec3 = (0.0, 0.0, 0.0)
WHITE: Vec3 = (1.0, 1.0, 1.0)
NO_REFRACTION = 1.0  # ior of what light passes straight
LAMP_ALBEDO = 0.2  # of the glass and the back of a lamp
RTX_LUX_VERSION = "omni:rtx:usdluxVersion"  # 2505: Omniverse reads UsdLux as OpenUSD does since 25.05
OBJECT_ST = "st_box"  # texture coordinates in metres that every asset carries beside its own `st`

ALWAYS = {"opacityThreshold": 0.0, "clearcoat": 0.0, "clearcoatRoughness": 0.03, "occlusion": 1.0}
LAYER_SUFFIXES = (".usda", ".usdc", ".usd")
SUFFIXES = (*LAYER_SUFFIXES, ".usdz")

PathOf = Callable[[str], Path]  # asset id -> file


def write_stage(spec: SceneSpec, path: Path, path_of: PathOf) -> Path:
    """Author `spec` as the stage file `path`: .usdz holds all assets, the others name them where they are.

    Raises:
        StageWriteError: the file cannot be written.
        AssetFileError: an asset does not say in which unit and which way up it is.
    """
    if path.suffix not in SUFFIXES:
        raise StageWriteError(f"{path}: could not write the stage; expected a name ending in {SUFFIXES}")
    stage = Usd.Stage.CreateInMemory()
    _author(stage, spec, path_of)
    if path.suffix in LAYER_SUFFIXES:
        _export(stage, path)
        return path
    with tempfile.TemporaryDirectory(prefix="fsd-usdz-") as folder:
        layer, scratch = Path(folder) / path.with_suffix(".usdc").name, Path(folder) / "packed"
        scratch.mkdir()
        _export(stage, layer)
        pack(layer, path, scratch)
    return path


def _export(stage: Usd.Stage, path: Path) -> None:
    try:
        written = stage.GetRootLayer().Export(str(path))
    except Tf.ErrorException as error:
        raise StageWriteError(f"{path}: could not write the stage: {complaint(error)}") from None
    if not written:
        raise StageWriteError(f"{path}: could not write the stage; is the folder there, and writable?")


def _author(stage: Usd.Stage, spec: SceneSpec, path_of: PathOf) -> None:
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.z)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/World").GetPrim())
    stage.GetRootLayer().customLayerData = {
        "fsd": {"sample": spec.key.sample_id, "stratum": spec.stratum, "digest": spec.digest()}
    }
    _cameras(stage, spec)
    if spec.world:
        add_world(stage, spec.world)
    looks = _Looks(stage, path_of)
    if spec.placements:
        refer_to_objects(stage, spec.placements, path_of)
    for placement in spec.placements:
        _coat(stage, placement, looks)
    for panel in spec.panels:
        _panel(stage, panel, looks)
    for light in spec.lights:
        _light(stage, light, looks)
    if spec.dome:
        _dome(stage, spec.dome, path_of)


def _cameras(stage: Usd.Stage, spec: SceneSpec) -> None:
    rig = spec.rig
    left = camera_to_world(spec.camera)
    right = left.copy()
    right[:3, 3] += left[:3, 0] * rig.baseline_m
    for name, vision in (("Left", left), ("Right", right)):
        camera = UsdGeom.Camera.Define(stage, f"/World/Rig/{name}")
        pose = vision @ np.diag([1.0, -1.0, -1.0, 1.0])  # USD cameras look along -z with y up
        camera.AddTransformOp().Set(Gf.Matrix4d(pose.T.tolist()))
        film = FILM_MM * UNITS_PER_MM
        camera.CreateFocalLengthAttr(rig.focal_px / rig.width * film)
        camera.CreateHorizontalApertureAttr(film)
        tall = film / rig.aspect  # what a film as high as wide would be high
        camera.CreateVerticalApertureAttr(tall * rig.height / rig.width)
        camera.CreateHorizontalApertureOffsetAttr((rig.width / 2 - rig.cx_px) / rig.width * film)
        camera.CreateVerticalApertureOffsetAttr((rig.cy_px - rig.height / 2) / rig.width * tall)
        if rig.focal_y_px is not None:
            camera.GetPrim().CreateAttribute(PIXEL_ASPECT, Sdf.ValueTypeNames.Double, True).Set(rig.aspect)
        camera.CreateFStopAttr(0.0)  # a pinhole: all is in focus
        camera.CreateClippingRangeAttr(Gf.Vec2f(0.01, 10000.0))


class _Looks:
    """Materials of a stage, each distinct spec authored once."""

    def __init__(self, stage: Usd.Stage, path_of: PathOf) -> None:
        self._stage = stage
        self._path_of = path_of
        self._made: dict[tuple[MaterialSpec, str], UsdShade.Material] = {}
        self._lamps: dict[Vec3, UsdShade.Material] = {}

    def bind(self, prim: Usd.Prim, spec: MaterialSpec, st: str, *, stronger: bool = True) -> None:
        """Bind `spec` to `prim` and all below it, whatever those have themselves unless not `stronger`.

        Its textures read the primvar `st`.
        """
        material = self._made.get((spec, st))
        if material is None:
            material = self._define(f"/World/Looks/Material_{len(self._made):03d}", spec, st)
            self._made[spec, st] = material
        binding = UsdShade.MaterialBindingAPI.Apply(prim)
        tokens = UsdShade.Tokens
        binding.Bind(material, tokens.strongerThanDescendants if stronger else tokens.weakerThanDescendants)

    def bind_lamp(self, prim: Usd.Prim, radiance: Vec3) -> None:
        """Bind the surface of a lamp that emits `radiance`, in all directions alike, to `prim`."""
        material = self._lamps.get(radiance)
        if material is None:
            path = f"/World/Looks/Lamp_{len(self._lamps):03d}"
            shader = self._surface(path, roughness=1.0, metallic=0.0, opacity=1.0, ior=1.0)
            shader.GetInput("diffuseColor").Set(Gf.Vec3f(LAMP_ALBEDO))
            shader.GetInput("emissiveColor").Set(Gf.Vec3f(*radiance))
            material = self._lamps[radiance] = UsdShade.Material.Get(self._stage, path)
        UsdShade.MaterialBindingAPI.Apply(prim).Bind(material)

    def _surface(self, path: str, **numbers: float) -> UsdShade.Shader:
        """A material's UsdPreviewSurface with every input given: not every renderer has USD's defaults."""
        material = UsdShade.Material.Define(self._stage, path)
        shader = UsdShade.Shader.Define(self._stage, f"{path}/Surface")
        shader.CreateIdAttr("UsdPreviewSurface")
        shader.CreateInput("useSpecularWorkflow", Sdf.ValueTypeNames.Int).Set(0)
        for name, value in {**ALWAYS, **numbers}.items():
            shader.CreateInput(name, Sdf.ValueTypeNames.Float).Set(value)
        for name in ("diffuseColor", "emissiveColor"):
            shader.CreateInput(name, Sdf.ValueTypeNames.Color3f).Set(Gf.Vec3f(0.0))
        material.CreateSurfaceOutput().ConnectToSource(shader.ConnectableAPI(), "surface")
        return shader

    def _define(self, path: str, spec: MaterialSpec, st: str) -> UsdShade.Material:
        shader = self._surface(
            path,
            roughness=spec.roughness,
            metallic=spec.metallic,
            opacity=spec.opacity,
            ior=spec.ior,
            clearcoat=spec.clearcoat,
            clearcoatRoughness=spec.clearcoat_roughness,
        )
        shader.GetInput("diffuseColor").Set(Gf.Vec3f(*spec.colour))
        shader.GetInput("emissiveColor").Set(Gf.Vec3f(*spec.glow))
        if spec.texture or spec.normal_map or spec.glow_texture:
            self._connect_textures(path, spec, shader, self._coordinates(path, spec, st))
        return UsdShade.Material.Get(self._stage, path)

    def _connect_textures(
        self, path: str, spec: MaterialSpec, shader: UsdShade.Shader, st: UsdShade.Output
    ) -> None:
        if spec.texture:
            output = self._texture(f"{path}/Albedo", spec.texture, "sRGB", st, gain=spec.tint)
            shader.GetInput("diffuseColor").ConnectToSource(output)
        if spec.glow_texture and max(spec.glow) > 0:
            output = self._texture(f"{path}/Picture", spec.glow_texture, "sRGB", st, gain=spec.glow)
            shader.GetInput("emissiveColor").ConnectToSource(output)
        if spec.normal_map:
            output = self._texture(f"{path}/Bumps", spec.normal_map, "raw", st)
            shader.CreateInput("normal", Sdf.ValueTypeNames.Normal3f).ConnectToSource(output)

    def _coordinates(self, path: str, spec: MaterialSpec, st: str) -> UsdShade.Output:
        reader = UsdShade.Shader.Define(self._stage, f"{path}/Coordinates")
        reader.CreateIdAttr("UsdPrimvarReader_float2")
        reader.CreateInput("varname", Sdf.ValueTypeNames.String).Set(st)
        transform = UsdShade.Shader.Define(self._stage, f"{path}/Transform")
        transform.CreateIdAttr("UsdTransform2d")
        read = reader.CreateOutput("result", Sdf.ValueTypeNames.Float2)
        transform.CreateInput("in", Sdf.ValueTypeNames.Float2).ConnectToSource(read)
        transform.CreateInput("scale", Sdf.ValueTypeNames.Float2).Set(Gf.Vec2f(*spec.uv_scale))
        transform.CreateInput("rotation", Sdf.ValueTypeNames.Float).Set(spec.uv_rotation_deg)
        transform.CreateInput("translation", Sdf.ValueTypeNames.Float2).Set(Gf.Vec2f(*spec.uv_offset))
        return transform.CreateOutput("result", Sdf.ValueTypeNames.Float2)

    def _texture(
        self, path: str, asset: str, space: str, st: UsdShade.Output, *, gain: Vec3 = WHITE
    ) -> UsdShade.Output:
        texture = UsdShade.Shader.Define(self._stage, path)
        texture.CreateIdAttr("UsdUVTexture")
        texture.CreateInput("file", Sdf.ValueTypeNames.Asset).Set(str(self._path_of(asset)))
        texture.CreateInput("sourceColorSpace", Sdf.ValueTypeNames.Token).Set(space)
        texture.CreateInput("wrapS", Sdf.ValueTypeNames.Token).Set("repeat")
        texture.CreateInput("wrapT", Sdf.ValueTypeNames.Token).Set("repeat")
        texture.CreateInput("st", Sdf.ValueTypeNames.Float2).ConnectToSource(st)
        if space == "raw":  # a normal map: [0, 1] to [-1, 1]
            texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(2, 2, 2, 1))
            texture.CreateInput("bias", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(-1, -1, -1, 0))
        elif gain != WHITE:
            texture.CreateInput("scale", Sdf.ValueTypeNames.Float4).Set(Gf.Vec4f(*gain, 1))
        return texture.CreateOutput("rgb", Sdf.ValueTypeNames.Float3)


def _coat(stage: Usd.Stage, placement: Placement, looks: _Looks) -> None:
    """Give an object, or some of its parts, other materials than its own."""
    xform = stage.GetPrimAtPath(f"{OBJECTS}/{placement.name}")
    asset, coat = xform.GetChild("Asset"), placement.material
    if coat and coat.opacity < 1 < coat.ior:
        _glass(asset, coat, looks)
    elif coat:
        looks.bind(xform, coat, OBJECT_ST)
    for look in placement.looks:
        looks.bind(_part(asset, look.part, placement.asset), look.material, OBJECT_ST)


def _part(asset: Usd.Prim, name: str, asset_id: str) -> Usd.Prim:
    """The mesh of an asset called so, or at this path below it."""
    prim = asset.GetPrimAtPath(name)
    if prim:
        return prim
    for prim in Usd.PrimRange(asset):
        if prim.GetName() == name:
            return prim
    raise AssetFileError(f"{asset_id}: has no part {name!r}, which the scene gives another material")


def _glass(asset: Usd.Prim, coat: MaterialSpec, looks: _Looks) -> None:
    """Bind `coat` to every mesh: solid glass refracts, a sheet encloses nothing that could.

    Renderers differ on what a refracting sheet is, and agree on one without an index of refraction.
    """
    sheet = coat.but(ior=NO_REFRACTION)
    looks.bind(asset, sheet, OBJECT_ST, stronger=False)
    for prim in Usd.PrimRange(asset):
        if prim.IsA(UsdGeom.Gprim) and not prim.IsInstanceProxy():
            looks.bind(prim, coat if _is_solid(prim) else sheet, OBJECT_ST)


def _is_solid(prim: Usd.Prim) -> bool:
    if not prim.IsA(UsdGeom.Mesh):
        return True  # spheres, cubes and the like
    mesh = UsdGeom.Mesh(prim)
    points, counts, indices = (
        np.asarray(attribute.Get() or ())
        for attribute in (
            mesh.GetPointsAttr(),
            mesh.GetFaceVertexCountsAttr(),
            mesh.GetFaceVertexIndicesAttr(),
        )
    )
    try:
        triangles = triangulate(points.reshape(-1, 3), counts.astype(np.int32), indices.astype(np.int32))
    except PolygonError:
        return False  # reading the stage will say what is wrong with it
    return is_closed(triangles.vertices_v3, triangles.faces_t3)


def _panel(stage: Usd.Stage, panel: Panel, looks: _Looks) -> None:
    mesh = UsdGeom.Mesh.Define(stage, f"{PANELS}/{panel.name}")
    _place(mesh, panel.position, panel.rotation)
    width, height = panel.size
    x, y = width / 2, height / 2
    mesh.CreatePointsAttr([(-x, -y, 0), (x, -y, 0), (x, y, 0), (-x, y, 0)])
    mesh.CreateExtentAttr([(-x, -y, 0), (x, y, 0)])
    mesh.CreateFaceVertexCountsAttr([4])
    mesh.CreateFaceVertexIndicesAttr([0, 1, 2, 3])
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateDoubleSidedAttr(True)
    st = UsdGeom.PrimvarsAPI(mesh).CreatePrimvar(
        "st", Sdf.ValueTypeNames.TexCoord2fArray, UsdGeom.Tokens.vertex
    )
    st.Set([(0, 0), (width, 0), (width, height), (0, height)])
    looks.bind(mesh.GetPrim(), panel.material, "st")


def _light(stage: Usd.Stage, light: LightSpec, looks: _Looks) -> None:
    path = f"{LIGHTS}/{light.name}"
    if isinstance(light, DistantLight):
        prim = UsdLux.DistantLight.Define(stage, path)
        prim.CreateAngleAttr(light.angle_deg)
        _place(prim, (0.0, 0.0, 0.0), light.rotation)
        _emission(prim, light.irradiance, normalize=True)  # intensity is the irradiance, whatever the angle
        return
    turned = (1.0, 0.0, 0.0, 0.0) if isinstance(light, SphereLight) else light.rotation
    _place(UsdGeom.Xform.Define(stage, path), light.position, turned)
    looks.bind_lamp(_mesh(stage, f"{path}/Glow", glowing(light)).GetPrim(), light.radiance)
    if back := housing(light):
        looks.bind_lamp(_mesh(stage, f"{path}/Housing", back).GetPrim(), DARK)


def _mesh(stage: Usd.Stage, path: str, body: Body) -> UsdGeom.Mesh:
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(body.points_p3))
    low_3, high_3 = body.points_p3.min(axis=0), body.points_p3.max(axis=0)
    mesh.CreateExtentAttr([Gf.Vec3f(*low_3.tolist()), Gf.Vec3f(*high_3.tolist())])
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray.FromNumpy(body.counts_f))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(body.indices_c))
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreateDoubleSidedAttr(True)
    return mesh


def _dome(stage: Usd.Stage, dome: DomeSpec, path_of: PathOf) -> None:
    prim = UsdLux.DomeLight.Define(stage, f"{LIGHTS}/Dome")
    if dome.hdri:
        prim.CreateTextureFileAttr(str(path_of(dome.hdri)))
        prim.CreateTextureFormatAttr(UsdLux.Tokens.latlong)
    xform = UsdGeom.Xformable(prim)
    xform.AddRotateZOp().Set(dome.rotation_deg)
    xform.AddRotateXOp().Set(90.0)  # a dome's pole is its own +y
    _emission(prim, dome.colour)


def _emission(prim: UsdLux.LightAPI, rgb: Vec3, *, normalize: bool = False) -> None:
    """Everything that decides how bright the light is, because defaults differ between renderers."""
    intensity = max(rgb)
    prim.CreateIntensityAttr(intensity)
    prim.CreateExposureAttr(0.0)
    prim.CreateNormalizeAttr(normalize)
    prim.CreateDiffuseAttr(1.0)
    prim.CreateSpecularAttr(1.0)
    prim.CreateEnableColorTemperatureAttr(False)
    version = prim.GetPrim().CreateAttribute(RTX_LUX_VERSION, Sdf.ValueTypeNames.Int, True)
    version.Set(2505)
    prim.CreateColorAttr(Gf.Vec3f(*(c / intensity if intensity else 0.0 for c in rgb)))


def _place(prim: UsdGeom.Xformable, position: Vec3, rotation: Quaternion) -> None:
    xform = UsdGeom.Xformable(prim)
    xform.AddTranslateOp().Set(Gf.Vec3d(*position))
    w, x, y, z = rotation
    xform.AddOrientOp(UsdGeom.XformOp.PrecisionDouble).Set(Gf.Quatd(w, Gf.Vec3d(x, y, z)))
