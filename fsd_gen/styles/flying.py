"""Flying scenes: randomly posed, scaled and retextured real objects before backgrounds with content.

The paper calls them chaotic (section 3.5). The rig is drawn first; depths follow from it, so that disparities
spread over the whole range whatever the baseline. Half of the scenes place the camera first and objects
before it, half the objects first and the camera near them; either way it turns to their centre of mass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets_manifest.records import Asset
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.rotations import camera_to_world, heading, random_rotation, rotation_matrix
from fsd_gen.scene.spec import CameraPose, Placement, Quaternion, SceneSpec, Vec3
from fsd_gen.sections import Count, PositiveCount, Share
from fsd_gen.styles import materials
from fsd_gen.styles.chaos.backdrops import Backdrop, Painter
from fsd_gen.styles.chaos.lights import chaotic_dome, chaotic_lamps
from fsd_gen.styles.hard import Quota, harden_whole
from fsd_gen.styles.needs import OBJECT, PANORAMA, TEXTURE, Need
from fsd_gen.styles.registry import Style
from fsd_gen.styles.sampler import Sampler, StyleConfig, count, log_uniform, pick

UNUSABLE = ("door_window", "flat")  # tags of objects that make no sense in mid-air
TRIES = 12  # places tried for one object, each smaller than the one before
ODD_STOPS = 1.3  # by which odd exposures are off, at most

Array = NDArray[np.float64]


class Config(StyleConfig):
    """How many objects, and how many of them get another material."""

    objects: PositiveCount = (10, 32)  # how many
    retexture: Share = 0.6  # of the objects
    metal: Share = 0.12  # of the retextured ones
    glass: Share = 0.06  # of the retextured ones
    whole: Share = 0.6  # of the retextured ones that get one material all over; the others: part by part
    distractors: Count = (6, 18)  # further objects, behind the others
    pictures: Count = (2, 9)  # panels with pictures in mid-air, before the background
    objects_first: Share = 0.5  # of the scenes: the camera is placed after the objects, near them
    odd_exposure: Share = 0.15  # of the scenes: under- or overexposed by up to 1.3 stops more

    def needs(self) -> tuple[Need, ...]:
        """Things to fly, something to cover them with, and a panorama around them."""
        return (OBJECT, TEXTURE, PANORAMA)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stage:
    """Where things may be in one scene."""

    rig: StereoRig
    camera: CameraPose  # before it turns to the centre of mass
    pose_44: Array  # of that camera, to the world
    near_m: float
    far_m: float
    middle_3: Array  # of the ball of objects that was there first
    radius_m: float  # 0 where the camera was first

    def somewhere(self, rng: np.random.Generator, low_m: float, high_m: float) -> tuple[Array, float]:
        """A place in view between two depths, even in the image and in inverse depth, and that depth."""
        depth_m = 1 / rng.uniform(1 / high_m, 1 / low_m)
        rig, pose_44 = self.rig, self.pose_44
        u, v = rng.uniform(0.02, 0.98) * rig.width, rng.uniform(0.05, 0.95) * rig.height
        seen_3 = np.array([(u - rig.cx_px) / rig.focal_px, (v - rig.cy_px) / rig.focal_px, 1.0]) * depth_m
        return pose_44[:3, :3] @ seen_3 + pose_44[:3, 3], float(depth_m)

    def in_the_ball(self, rng: np.random.Generator) -> tuple[Array, float]:
        """A place in the ball of objects, and its depth."""
        direction_3 = rng.normal(size=3)
        direction_3 *= self.radius_m * rng.uniform() ** (1 / 3) / np.linalg.norm(direction_3)
        position_3 = self.middle_3 + direction_3 * [1.0, 1.0, 0.6]
        return position_3, self.depth_m(position_3)

    def depth_m(self, position_3: Array) -> float:
        """Along the first camera's axis."""
        return float((position_3 - self.pose_44[:3, 3]) @ self.pose_44[:3, 2])


def compose(sampler: Sampler[Config]) -> SceneSpec:
    """Flying objects before a background (chaotic, in the words of the paper)."""
    rig = sampler.rig()
    stage = _stage(sampler, rig)
    quotas = sampler.rng("hard")
    painter = Painter(
        sampler=sampler, rng=sampler.rng("background"), rig=rig, camera=stage.camera, far_m=stage.far_m
    )
    backdrop = painter.backdrop()
    fleet = _Fleet(sampler, stage, backdrop, Quota.of(sampler.style.hard, quotas))
    near = tuple(fleet.objects())
    centre = fleet.centre()
    bare = 3 if backdrop.kind in ("sky", "stack") else 1
    pictures = painter.pictures(
        bare * count(sampler.rng("pictures"), sampler.style.pictures),
        Quota.of(sampler.style.hard, quotas),
        backdrop,
    )
    roll_deg = float(sampler.rng("roll").normal(0, 4.0))
    scene = sampler.scene(
        rig,
        CameraPose(position=stage.camera.position, target=centre, roll_deg=roll_deg),
        placements=near + tuple(fleet.distractors()),
        panels=backdrop.panels + pictures,
        lights=tuple(
            chaotic_lamps(sampler.rng("lights"), centre, stage.far_m, inside=backdrop.kind == "box")
        ),
        dome=chaotic_dome(sampler, seen=backdrop.kind in ("sky", "open", "stack")),
    )
    return _exposed(sampler, scene)


def _stage(sampler: Sampler[Config], rig: StereoRig) -> _Stage:
    """Depths that suit the rig, and a camera that stands first or that stands near a ball of objects."""
    layout = sampler.rng("layout")
    near_m = sampler.nearest_m(rig) * layout.uniform(0.97, 1.7)
    far_m = near_m * layout.uniform(3.0, 7.0)
    azimuth, pitch = layout.uniform(0, 2 * np.pi), np.deg2rad(layout.uniform(-25, 14))
    ahead_3 = np.array([np.cos(azimuth) * np.cos(pitch), np.sin(azimuth) * np.cos(pitch), np.sin(pitch)])
    radius_m = near_m * float(layout.uniform(0.8, 2.4))
    away_m = max(1.1 * radius_m + near_m, radius_m * 2 * rig.focal_px / rig.width * layout.uniform(0.8, 1.2))
    first = layout.uniform() < sampler.style.objects_first
    eye_3 = -ahead_3 * away_m if first else np.zeros(3)
    eye_3 = eye_3 + [0.0, 0.0, near_m * layout.uniform(1.0, 2.0)]
    x, y, z = eye_3.round(4).tolist()
    a, b, c = (eye_3 + ahead_3).tolist()
    camera = CameraPose(position=(x, y, z), target=(a, b, c))
    return _Stage(
        rig=rig,
        camera=camera,
        pose_44=camera_to_world(camera),
        near_m=near_m,
        far_m=max(far_m, away_m + radius_m * 1.5) if first else far_m,
        middle_3=eye_3 + ahead_3 * away_m,
        radius_m=radius_m if first else 0.0,
    )


class _Balls:
    """Balls that are taken: centres and radii, in arrays with room for more."""

    def __init__(self) -> None:
        self._number = 0
        self._centres_n3, self._radii_n = np.empty((32, 3)), np.empty(32)

    @property
    def centres_n3(self) -> Array:
        """Of all that there are."""
        return self._centres_n3[: self._number]

    def add(self, centre_3: Array, radius_m: float) -> None:
        """One more."""
        if self._number == len(self._radii_n):
            self._centres_n3 = np.concatenate([self._centres_n3, np.empty_like(self._centres_n3)])
            self._radii_n = np.concatenate([self._radii_n, np.empty_like(self._radii_n)])
        self._centres_n3[self._number], self._radii_n[self._number] = centre_3, radius_m
        self._number += 1

    def leave_room(self, centre_3: Array, radius_m: float) -> bool:
        """Whether a ball would lie in none of them by more than a quarter."""
        apart_n = 0.75 * (radius_m + self._radii_n[: self._number])
        distance_n = np.linalg.norm(centre_3 - self.centres_n3, axis=1)
        return bool((distance_n > apart_n).all())


class _Fleet:
    """The objects of one scene, each clear of the background and, for the most part, of the others."""

    def __init__(self, sampler: Sampler[Config], stage: _Stage, backdrop: Backdrop, quota: Quota) -> None:
        self._sampler, self._stage, self._backdrop, self._quota = sampler, stage, backdrop, quota
        self._assets = sampler.some("object", without=UNUSABLE)
        self._taken = _Balls()

    def objects(self) -> Iterator[Placement]:
        """Those that the scene is about."""
        rng = self._sampler.rng("objects")
        for index in range(count(rng, self._sampler.style.objects)):
            yield self._object(rng, f"Object_{index:02d}", behind=False)

    def distractors(self) -> Iterator[Placement]:
        """Those behind."""
        rng = self._sampler.rng("distractors")
        for index in range(count(rng, self._sampler.style.distractors)):
            yield self._object(rng, f"Distractor_{index:02d}", behind=True)

    def centre(self) -> Vec3:
        """Centre of mass of what there is so far, each object weighing the same."""
        x, y, z = self._taken.centres_n3.mean(axis=0).round(5).tolist()
        return (x, y, z)

    def _object(self, rng: np.random.Generator, name: str, *, behind: bool) -> Placement:
        asset = pick(rng, self._assets)
        size_m = np.array(asset.size_m or (1.0, 1.0, 1.0))
        centre_3, radius_m = self._place(rng, behind=behind)
        self._taken.add(centre_3, radius_m)
        scale = round(2 * radius_m / float(np.linalg.norm(size_m)), 6)
        rotation = heading(rng.uniform(0, 360)) if rng.uniform() < 0.35 else random_rotation(rng)
        foot_3 = centre_3 - rotation_matrix(rotation) @ np.array([0.0, 0.0, size_m[2] / 2 * scale])
        return self._dressed(rng, asset, name, foot_3, rotation, scale)

    def _place(self, rng: np.random.Generator, *, behind: bool) -> tuple[Array, float]:
        """Centre and radius of a ball for an object: in view, not too near, before the background."""
        stage = self._stage
        for attempt in range(TRIES):
            if behind:
                centre_3, depth_m = stage.somewhere(rng, 0.6 * stage.far_m, 1.5 * stage.far_m)
            elif stage.radius_m:
                centre_3, depth_m = stage.in_the_ball(rng)
            else:
                centre_3, depth_m = stage.somewhere(rng, stage.near_m, stage.far_m)
            share = log_uniform(rng, 0.1, 0.3) if behind else log_uniform(rng, 0.12, 0.6)
            radius_m = share / 2 * stage.rig.width / stage.rig.focal_px * depth_m * 0.85**attempt
            radius_m = min(radius_m, stage.far_m * 0.25)
            if not behind and depth_m < stage.near_m + radius_m:
                if stage.radius_m:
                    continue
                centre_3 = centre_3 + self._ahead() * (stage.near_m + radius_m - depth_m)
            if self._is_free(centre_3, radius_m):
                break
        return centre_3, radius_m

    def _ahead(self) -> Array:
        axis_3: Array = self._stage.pose_44[:3, 2]
        return axis_3

    def _is_free(self, centre_3: Array, radius_m: float) -> bool:
        if self._backdrop.room_m(centre_3) < radius_m:
            return False
        return self._taken.leave_room(centre_3, radius_m)

    def _dressed(
        self,
        rng: np.random.Generator,
        asset: Asset,
        name: str,
        foot_3: Array,
        rotation: Quaternion,
        scale: float,
    ) -> Placement:
        """The object with its own materials, one new one all over, new ones part by part, or a hard one."""
        style = self._sampler.style
        x, y, z = foot_3.tolist()
        plain = Placement(
            name=name, asset=asset.id, position=(x, y, z), rotation=rotation, scale=(scale, scale, scale)
        )
        hard = harden_whole(rng, self._quota, plain)
        if hard.hard or rng.uniform() >= style.retexture:
            return hard
        if rng.uniform() < style.whole:
            longest_m = max(asset.size_m or (1.0, 1.0, 1.0))
            coat = materials.object_material(
                self._sampler, rng, longest_m, metal=style.metal, glass=style.glass
            )
            return plain.but(material=coat)
        return plain.but(looks=materials.relook(self._sampler, rng, asset, 0.8, scale=scale))


def _exposed(sampler: Sampler[Config], scene: SceneSpec) -> SceneSpec:
    """Some scenes are exposed wrongly, as far as cameras do that."""
    rng = sampler.rng("odd-exposure")
    if rng.uniform() >= sampler.style.odd_exposure:
        return scene
    stops = scene.settings.exposure_ev + float(rng.uniform(-ODD_STOPS, ODD_STOPS))
    return scene.but(settings=scene.settings.but(exposure_ev=stops))


STYLE = Style(name="flying", config=Config, compose=compose)
