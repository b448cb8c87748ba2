"""Nearest hits: which primitive, how far, and when nothing can be said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from fsd_gen.truth.raycast import GAVE_UP, MAX_LAYERS, NOTHING, Hits, build_ray_scene
from fsd_gen.usd.flat_scene import AreaLight, FlatScene, Mesh, Surface, Texture
from tests.fsd_gen.truth.scenes import quad, scene, wall


def ahead(of: FlatScene, x: float = 0.1, y: float = 0.2) -> Hits:
    return build_ray_scene(of).first_hits(np.zeros((1, 3)), np.array([[x, y, 1.0]]))


def test_the_nearest_triangle_is_hit_at_its_exact_depth():
    depth = 1.0 + 1e-9  # lost in float32
    hits = ahead(scene(wall(3.0), wall(depth)))
    assert hits.t_n[0] == depth
    assert hits.primitive_n[0] in (2, 3)  # the second mesh's


def test_rays_pass_lights_which_have_no_body():
    to_world = np.diag([1.0, 1.0, 1.0, 1.0])
    to_world[2, 3] = 2.5
    lamp = AreaLight(name="lamp", shape="disk", to_world=to_world, radiance=(1, 1, 1))
    assert ahead(scene(wall(3.0), lights=(lamp,))).t_n[0] == 3.0


def test_a_ray_into_nothing_says_so():
    hits = ahead(scene(wall(-1.0)))
    assert (hits.t_n[0], hits.primitive_n[0]) == (np.inf, NOTHING)


def holes(path: Path, layers: int) -> tuple[tuple[Mesh, ...], tuple[Surface, ...]]:
    """Layers that are nothing but holes, before a wall."""
    Image.fromarray(np.zeros((1, 1, 4), np.uint8)).save(path)
    texture = Texture(path=path, colour_space="raw", channel="a")
    surfaces = (Surface(name="wall"), Surface(name="hole", opacity=texture, opacity_threshold=0.5))
    nets = [quad([(-9, -9, z), (9, -9, z), (9, 9, z), (-9, 9, z)], 1) for z in np.linspace(1, 2, layers)]
    return (wall(3.0), *nets), surfaces


def test_a_ray_goes_on_through_as_many_layers_as_promised_and_then_gives_up(tmp_path):
    meshes, surfaces = holes(tmp_path / "hole.png", MAX_LAYERS)
    assert ahead(scene(*meshes, surfaces=surfaces)).t_n[0] == 3.0
    meshes, surfaces = holes(tmp_path / "hole.png", MAX_LAYERS + 1)
    assert ahead(scene(*meshes, surfaces=surfaces)).primitive_n[0] == GAVE_UP
