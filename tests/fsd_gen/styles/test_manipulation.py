"""Small things before an egocentric camera: near, at rest, within the disparity, the same for one key."""

from __future__ import annotations

import numpy as np
import pytest

from assets_manifest.derived.hulls import hulls
from fsd_gen.physics.bodies import Body
from fsd_gen.physics.settle import settle
from fsd_gen.scene.rotations import camera_to_world
from fsd_gen.scene.slots import SlotKey
from fsd_gen.styles.compose import compose_scene
from fsd_gen.styles.heaps.piles import MOST_PENETRATION_M, world_points
from tests.fsd_gen.styles.only import only


def bodies(spec, library, prefix="Thing"):
    """The small things of a stored scene, as physics sees them."""
    return tuple(
        Body(
            hulls=hulls(library.get(p.asset), library.path(p.asset), library.root(p.asset)),
            position=p.position,
            rotation=p.rotation,
            scale=p.scale,
        )
        for p in spec.placements
        if p.name.startswith(prefix)
    )


def check(spec, library, config):
    things = bodies(spec, library)
    assert spec.stratum == "manipulation" and things
    deepest = max(each.penetration_m for each in settle(things, (), 0.0))
    assert deepest <= MOST_PENETRATION_M
    points = np.concatenate([world_points(body) for body in things])
    room = np.ptp([p.position for p in spec.panels if p.name.startswith("Wall")], axis=0)
    assert (np.abs(points[:, :2]) < room[:2] / 2).all()  # within the walls
    eyes = camera_to_world(spec.camera) @ np.array([[0, 0, 0, 1], [spec.rig.baseline_m, 0, 0, 1.0]]).T
    for eye in eyes[:3].T:
        assert (np.abs(eye[:2]) < room[:2] / 2).all() and eye[2] > 0
        assert np.linalg.norm(points - eye, axis=1).min() > 0.05
    seen = (points - eyes[:3, 0]) @ camera_to_world(spec.camera)[:3, :3]
    rig, depth = spec.rig, np.maximum(seen[:, 2], 1e-3)
    inside = (
        (seen[:, 2] > 0)
        & (np.abs(seen[:, 0] / depth) < rig.width / 2 / rig.focal_px)
        & (np.abs(seen[:, 1] / depth) < rig.height / 2 / rig.focal_px)
    )
    first = sum(len(world_points(body)) for body in bodies(spec, library, "Thing_0"))
    assert inside[:first].mean() > 0.1 if first else inside.any(), "what is looked at is in the picture"
    share = rig.disparity(depth[inside]).max() / rig.width
    smallest = config.rig.baseline_m[0] * rig.focal_px / depth[inside].min() / rig.width
    assert share <= max(config.rig.max_disparity_share, smallest) + 1e-6


@pytest.fixture(scope="module")
def config(small_config):
    return only(small_config, "manipulation", things=(4, 8))


def test_scenes_are_sound_and_the_same_for_one_key(config, library):
    for slot in range(3):
        spec = compose_scene(config, library, SlotKey(slot=slot))
        check(spec, library, config)
    assert compose_scene(config, library, SlotKey(slot=2)).digest() == spec.digest()


@pytest.mark.slow
def test_hundreds_of_scenes_are_sound(small_config, library):
    config = only(small_config, "manipulation")
    for slot in range(200):
        check(compose_scene(config, library, SlotKey(slot=slot)), library, config)


@pytest.mark.parametrize(("share", "name"), [("shelf", "Shelf"), ("bin", "Bin_0")])
def test_shelves_and_bins_are_filled(small_config, library, share, name):
    shares = {"shelf": 0.0, "bin": 0.0, share: 1.0}
    config = only(small_config, "manipulation", things=(5, 6), falling=0.0, **shares)
    specs = [compose_scene(config, library, SlotKey(slot=slot)) for slot in range(2)]
    holders = [[p for p in spec.placements if p.name == name] for spec in specs]
    assert any(holders)
    for spec, (holder, *_) in ((s, h) for s, h in zip(specs, holders, strict=True) if h):
        near = [
            np.linalg.norm(np.subtract(p.position[:2], holder.position[:2]))
            for p in spec.placements
            if p.name.startswith("Thing_0")
        ]
        assert near and max(near) < 1.0


def test_a_new_setting_moves_no_other_stream(small_config, library):
    plain = only(small_config, "manipulation", things=(4, 4), retexture=0.0)
    coated = only(small_config, "manipulation", things=(4, 4), retexture=1.0)
    one, other = (compose_scene(c, library, SlotKey(slot=1)) for c in (plain, coated))
    assert [p.position for p in one.placements] == [p.position for p in other.placements]
    assert one.camera == other.camera and one.panels == other.panels
    looks = [[bool(p.looks) for p in spec.placements if p.name.startswith("Thing")] for spec in (one, other)]
    assert sum(looks[1]) > sum(looks[0])


PRINTED = {"poster", "label", "spines", "newsprint", "bricks", "gravel", "asphalt", "plaster", "wallpaper"}


def test_nothing_is_coated_with_prints_or_masonry(small_config, library):
    config = only(small_config, "manipulation", things=(6, 8), retexture=1.0, new_top=1.0, bin=0.6)
    specs = [compose_scene(config, library, SlotKey(slot=slot)) for slot in range(3)]
    placed = [p for spec in specs for p in spec.placements]
    coats = [p.material for p in placed if p.material] + [look.material for p in placed for look in p.looks]
    made = [coat.texture.split("/")[2] for coat in coats if (coat.texture or "").startswith("made/texture.")]
    assert made and not PRINTED & set(made)
