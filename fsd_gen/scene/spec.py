"""The whole description of one scene as a value: plain numbers and asset ids, no renderer, no file.

World axes: z up, metres. Quaternions are (w, x, y, z). Colours are linear RGB. `SceneSpec.to_json`
is canonical (sorted keys, no spaces), so `digest()` names the scene.

Numbers are rounded once, here: a field's type says to how many digits, and a style hands over what it has
computed. Fields of a plain float type keep every bit, because the scenes of existing datasets do.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.slots import SlotKey

Vec2 = tuple[float, float]
Vec3 = tuple[float, float, float]
Quaternion = tuple[float, float, float, float]  # w, x, y, z


def rounded(digits: int) -> AfterValidator:
    """Round a number to so many digits after the point when it becomes part of a value."""
    return AfterValidator(lambda number: round(number, digits))


Coordinate = Annotated[float, rounded(5)]  # metres
Radius = Annotated[float, rounded(3), Field(gt=0)]  # metres
Degrees = Annotated[float, rounded(3)]
Stops = Annotated[float, rounded(3)]
Unit = Annotated[float, rounded(3), Field(ge=0, le=1)]
TileOffset = Annotated[float, rounded(5)]
ScaleFactor = Annotated[float, rounded(6)]
Versor = Annotated[float, rounded(9)]
Reflectance = Annotated[float, rounded(4)]
Power = Annotated[float, rounded(5)]
Point = tuple[Coordinate, Coordinate, Coordinate]
Scale = tuple[ScaleFactor, ScaleFactor, ScaleFactor]
Facing = tuple[Versor, Versor, Versor, Versor]  # a Quaternion
Rgb = tuple[Reflectance, Reflectance, Reflectance]  # linear
Radiance = tuple[Power, Power, Power]  # linear RGB
NO_ROTATION: Quaternion = (1.0, 0.0, 0.0, 0.0)


class Value(BaseModel):
    """Base of all parts of a scene: frozen, strict about unknown fields, every number finite.

    A field that came after the first datasets is named in `LATER`: where it has its default it is not written
    at all, so that scenes which do not use it keep the digest that they have always had.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    LATER: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields: dict[str, Any] = dump(self)
        unused = {name for name in self.LATER if getattr(self, name) == type(self).model_fields[name].default}
        return {name: value for name, value in fields.items() if name not in unused}

    def but(self, **changes: Any) -> Self:
        """This value with some fields changed, validated and rounded like any other."""
        return self.model_validate({**dict(self), **changes})


class MaterialSpec(Value):
    """A UsdPreviewSurface: constants, or textures laid over the mesh's own texture coordinates."""

    LATER = frozenset({"tint", "clearcoat", "clearcoat_roughness", "glow", "glow_texture"})

    colour: Rgb = (0.5, 0.5, 0.5)  # linear RGB; multiplies nothing when `texture` is given
    texture: str | None = None  # asset id of an albedo texture or a photo
    normal_map: str | None = None  # asset id
    uv_scale: Vec2 = (1.0, 1.0)  # tiles per unit of texture coordinate
    uv_rotation_deg: Degrees = 0.0
    uv_offset: tuple[TileOffset, TileOffset] = (0.0, 0.0)  # tiles
    roughness: Unit = 0.6
    metallic: Unit = 0.0
    opacity: Unit = 1.0  # below 1: see-through
    ior: float = Field(default=1.5, ge=1)  # of glass and of shine; 1: light goes straight through
    tint: Rgb = (1.0, 1.0, 1.0)  # multiplies `texture`, linear
    clearcoat: Unit = 0.0  # how much of a second, clear layer lies over all: lacquer, glaze
    clearcoat_roughness: Unit = 0.03
    glow: Radiance = (0.0, 0.0, 0.0)  # light that it gives, in all directions alike
    glow_texture: str | None = None  # asset id of a picture that `glow` multiplies: a screen


Hard = Literal["glass", "mirror", "brushed_metal", "translucent", "repetition", "plain"]
"""What makes a surface hard to match; styles have quotas for each."""


class PartLook(Value):
    """Another material for one part of an asset; the other parts keep theirs."""

    part: str  # name of the asset's mesh, such as "part_003_legs", or its path below the asset's root
    material: MaterialSpec


class Placement(Value):
    """An asset standing (or flying) somewhere. Asset origin: centre of the footprint, on the ground, z up."""

    LATER = frozenset({"looks", "hard"})

    name: str
    asset: str  # asset id of an object
    position: Point
    rotation: Quaternion = NO_ROTATION
    scale: Scale = (1.0, 1.0, 1.0)
    material: MaterialSpec | None = None  # None keeps the asset's own materials
    looks: tuple[PartLook, ...] = ()  # of single parts; not beside `material`, which covers them all
    hard: Hard | None = None  # which quota of hard surfaces it fills

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if self.material and self.looks:
            raise ValueError(f"{self.name}: `material` covers every part, so `looks` must be empty")
        return self


class Panel(Value):
    """A flat rectangle, such as a wall or a floor: centred, in its own x-y plane, normal +z.

    Texture coordinates are metres from its lower left corner, so `uv_scale` is tiles per metre.
    """

    LATER = frozenset({"hard"})

    name: str
    position: Vec3
    rotation: Facing = NO_ROTATION
    size: Vec2  # metres
    material: MaterialSpec
    hard: Hard | None = None  # which quota of hard surfaces it fills


class RectLight(Value):
    """Shines along its own -z, as UsdLux.RectLight does."""

    kind: Literal["rect"] = "rect"
    name: str
    position: Vec3
    rotation: Facing = NO_ROTATION
    size: Vec2  # metres
    radiance: Radiance


class DiskLight(Value):
    """Shines along its own -z."""

    kind: Literal["disk"] = "disk"
    name: str
    position: Vec3
    rotation: Facing = NO_ROTATION
    radius_m: Radius
    radiance: Radiance


class SphereLight(Value):
    """A glowing ball."""

    kind: Literal["sphere"] = "sphere"
    name: str
    position: Vec3
    radius_m: Radius
    radiance: Radiance


class DistantLight(Value):
    """The sun: shines along its own -z, with the given angular diameter."""

    kind: Literal["distant"] = "distant"
    name: str
    rotation: Facing = NO_ROTATION
    angle_deg: Annotated[Degrees, Field(gt=0)] = 0.53
    irradiance: Radiance  # on a surface facing the light


LightSpec = Annotated[RectLight | DiskLight | SphereLight | DistantLight, Field(discriminator="kind")]


class DomeSpec(Value):
    """Light from infinitely far: an HDRI turned about the vertical, or one colour."""

    hdri: str | None = None  # asset id, latitude-longitude
    colour: Rgb = (1.0, 1.0, 1.0)  # multiplies the HDRI
    rotation_deg: Degrees = 0.0


class CameraPose(Value):
    """Left camera: where it is, the point it looks at, and its roll about the optical axis."""

    position: Vec3
    target: Vec3
    roll_deg: Degrees = 0.0


DenoiserQuality = Literal["high", "balanced", "fast"]
"""How much work the denoiser takes upon itself: Open Image Denoise's own words."""


class RenderSettings(Value):
    """How the images are rendered. Truth does not depend on any of these."""

    LATER = frozenset({"denoiser_quality"})

    spp: int = Field(default=16, ge=1)  # samples per pixel
    max_depth: int = Field(default=9, ge=1)  # bounces
    rr_depth: int = Field(default=2, ge=1)  # Russian roulette from this bounce on
    denoise: bool = True
    denoiser_quality: DenoiserQuality = "high"
    exposure_ev: Stops = 0.0  # stops added to the automatic exposure


UnknownMaterials = Literal["refuse", "grey"]
"""What a renderer does with MDL that it cannot draw: give up, or draw grey what it cannot read of it."""


class World(Value):
    """A USD stage of the user's that the scene is set in: its file, and the digest of all that it names."""

    LATER = frozenset({"unknown_materials", "opaque"})

    stage: str  # absolute path of the stage file
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")  # of the stage with every file that it refers to
    time: float | None = None  # time code of the stage; None: its startTimeCode
    lit: bool = True  # its own lights shine
    unknown_materials: UnknownMaterials = "refuse"
    opaque: tuple[str, ...] = ()  # kinds of materials that are opaque to the truth, for nobody knows better


Look = Literal["colour", "grey", "infrared"]
Noise = Annotated[float, rounded(5), Field(ge=0)]  # standard deviation, of white


class SensorSpec(Value):
    """What the camera does to the light that reaches it. Truth does not depend on any of these."""

    shot_noise: Noise = 0.0  # at white; grows with the root of the light
    read_noise: Noise = 0.0
    vignetting: Unit = 0.0  # light that the farthest corner loses
    blur_px: Annotated[float, rounded(3), Field(ge=0)] = 0.0  # standard deviation of the point spread
    look: Look = "colour"
    jpeg_quality: Annotated[int, Field(ge=1, le=100)] | None = None  # None: not compressed
    right_ev: Stops = 0.0  # by which the right eye is exposed longer
    right_gains: Rgb = (1.0, 1.0, 1.0)  # on the right eye's channels


class SceneSpec(Value):
    """Everything that decides one sample. Sampling the same key again gives the same digest."""

    LATER = frozenset({"sensor", "world"})

    version: Literal[1] = 1
    seed: int
    key: SlotKey
    stratum: str
    rig: StereoRig
    camera: CameraPose
    placements: tuple[Placement, ...] = ()
    panels: tuple[Panel, ...] = ()
    lights: tuple[LightSpec, ...] = ()
    dome: DomeSpec | None = None
    settings: RenderSettings = RenderSettings()
    world: World | None = None  # in metres and z up, whatever the stage's own unit and axis are
    sensor: SensorSpec | None = None  # None: an ideal one

    def to_json(self) -> str:
        """Canonical JSON."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def asset_ids(self) -> tuple[str, ...]:
        """Every asset the scene refers to, sorted, each once."""
        parts = (look.material for p in self.placements for look in p.looks)
        coats = (*(p.material for p in self.placements), *(p.material for p in self.panels), *parts)
        materials = [coat for coat in coats if coat]
        ids = {p.asset for p in self.placements}
        ids |= {name for m in materials for name in (m.texture, m.normal_map, m.glow_texture) if name}
        if self.dome and self.dome.hdri:
            ids.add(self.dome.hdri)
        return tuple(sorted(ids))
