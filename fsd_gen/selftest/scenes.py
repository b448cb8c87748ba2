"""Three scenes of panels and lamps alone, so that no asset is needed: a room, a yard, panes and a mirror.

The first two are dull all over, so that every renderer has to agree on them; the third has gloss, on which
the models of renderers differ a little.
"""

from __future__ import annotations

from dataclasses import dataclass

from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import facing
from fsd_gen.scene.slots import SlotKey
from fsd_gen.scene.spec import (
    CameraPose,
    DistantLight,
    DomeSpec,
    LightSpec,
    MaterialSpec,
    Panel,
    RectLight,
    SceneSpec,
    SphereLight,
    Vec3,
)

RIG = StereoRig.centred(width=96, height=64, focal_px=80.0, baseline_m=0.12)
DULL = 0.4  # roughness at which models of a dull surface differ least; without an ior nothing shines


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownScene:
    """A scene, and how far its pictures may be from the reference."""

    name: str
    spec: SceneSpec
    tolerance: float  # of the mean radiance of a part of the picture


def known_scenes() -> tuple[KnownScene, ...]:
    """The three of them."""
    return (
        KnownScene(name="room", spec=_room(), tolerance=0.1),
        KnownScene(name="yard", spec=_yard(), tolerance=0.1),
        KnownScene(name="panes", spec=_panes(), tolerance=0.15),
    )


def _room() -> SceneSpec:
    """A closed box with a lamp below its ceiling."""
    white, red, green = (_dull(c) for c in ((0.7, 0.7, 0.7), (0.6, 0.1, 0.1), (0.1, 0.5, 0.1)))
    walls = (
        _panel("Floor", (0, 2, 0), (0, 0, 1), (4, 6), white),
        _panel("Ceiling", (0, 2, 2.6), (0, 0, -1), (4, 6), white),
        _panel("Back", (0, 5, 1.3), (0, -1, 0), (4, 2.6), white),
        _panel("Front", (0, -1, 1.3), (0, 1, 0), (4, 2.6), white),
        _panel("Left", (-2, 2, 1.3), (1, 0, 0), (6, 2.6), red),
        _panel("Right", (2, 2, 1.3), (-1, 0, 0), (6, 2.6), green),
        _panel("Screen", (0.4, 3, 0.8), (-0.3, -1, 0.2), (0.9, 1.1), _dull((0.2, 0.3, 0.6))),
    )
    down = facing((0, 0, 1))
    lamp = RectLight(name="Lamp", position=(0, 2.5, 2.5), rotation=down, size=(0.8, 0.8), radiance=(9, 8, 7))
    return _spec("room", walls, (lamp,))


def _yard() -> SceneSpec:
    """The ground with four boards in the sun, under an even sky."""
    boards = tuple(
        _panel(f"Board_{k}", (x, y, 0.7), (turn, -1, 0), (0.9, 1.4), _dull(colour))
        for k, (x, y, turn, colour) in enumerate(
            (
                (-1.2, 3.0, 0.5, (0.7, 0.2, 0.1)),
                (-0.2, 4.5, -0.3, (0.2, 0.6, 0.2)),
                (0.9, 2.6, -0.6, (0.1, 0.2, 0.7)),
                (2.2, 6.0, 0.0, (0.8, 0.8, 0.8)),
            )
        )
    )
    ground = _panel("Ground", (0, 20, 0), (0, 0, 1), (80, 60), _dull((0.4, 0.35, 0.3)))
    sun = DistantLight(name="Sun", rotation=facing((0.5, -0.8, 1.0)), irradiance=(3.0, 2.8, 2.4))
    return _spec("yard", (ground, *boards), (sun,), DomeSpec(colour=(0.4, 0.5, 0.7)))


def _panes() -> SceneSpec:
    """A pane and a mirror before a wall, lit by a ball."""
    glass = MaterialSpec(colour=(1.0, 1.0, 1.0), roughness=0.0, opacity=0.3, ior=1.0)
    mirror = MaterialSpec(colour=(0.9, 0.9, 0.9), roughness=0.05, metallic=1.0)
    things = (
        _panel("Wall", (0, 5, 1), (0, -1, 0), (12, 6), _dull((0.5, 0.4, 0.3))),
        _panel("Floor", (0, 2, 0), (0, 0, 1), (12, 8), MaterialSpec(colour=(0.3, 0.3, 0.35), roughness=0.3)),
        _panel("Behind", (0, -2, 1), (0, 1, 0), (12, 6), _dull((0.1, 0.4, 0.5))),
        _panel("Pane", (-0.8, 2.5, 0.9), (0.2, -1, 0), (1.1, 1.5), glass),
        _panel("Mirror", (0.8, 3.0, 0.9), (-0.2, -1, 0), (1.1, 1.5), mirror),
    )
    ball = SphereLight(name="Ball", position=(0, 1.5, 2.4), radius_m=0.25, radiance=(12, 11, 10))
    return _spec("panes", things, (ball,), DomeSpec(colour=(0.3, 0.3, 0.3)))


def _dull(colour: Vec3) -> MaterialSpec:
    return MaterialSpec(colour=colour, roughness=DULL, ior=1.0)


def _panel(
    name: str, position: Vec3, normal: Vec3, size: tuple[float, float], material: MaterialSpec
) -> Panel:
    return Panel(name=name, position=position, rotation=facing(normal), size=size, material=material)


def _spec(
    name: str, panels: tuple[Panel, ...], lights: tuple[LightSpec, ...], dome: DomeSpec | None = None
) -> SceneSpec:
    return SceneSpec(
        seed=0,
        key=SlotKey(slot=0),
        stratum=f"selftest {name}",
        rig=RIG,
        camera=CameraPose(position=(0, 0, 1.1), target=(0, 3, 0.9)),
        panels=panels,
        lights=lights,
        dome=dome,
    )
