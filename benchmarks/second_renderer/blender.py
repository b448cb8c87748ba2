"""Runs in a Python that has `bpy` and nothing of ours: opens a stage in Blender and renders its left eye.

    python blender.py STAGE OUT.npz WIDTH HEIGHT SPP X Y Z     # of the left eye

OUT holds linear light (H, W, 3), plane depth (H, W) in metres through pixel centres, and the names of images
that are missing.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import bpy
import numpy as np

FAR_M = 1e5
CENTRES = 0.01  # width of the pixel filter in pixels: all rays through the middles


def open_stage(path: str) -> None:
    """The stage as the only content of the scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.world = bpy.data.worlds.new("World")  # as a new file has one: the dome goes into it
    bpy.ops.wm.usd_import(filepath=path, import_textures_mode="IMPORT_NONE")


def missing_images() -> list[str]:
    """Images whose file is not there or cannot be decoded, and materials that read none where they should."""
    wrong = []
    for image in bpy.data.images:
        if image.source == "VIEWER" or image.type == "RENDER_RESULT":
            continue
        packed = image.packed_file is not None
        if not packed and not Path(bpy.path.abspath(image.filepath)).is_file() and image.source != "TILED":
            wrong.append(f"{image.name}: no file {image.filepath}")
        elif not image.size[0] or (not image.has_data and not len(image.pixels[:1])):
            wrong.append(f"{image.name}: cannot be decoded")
    for material in bpy.data.materials:
        nodes = material.node_tree.nodes if material.node_tree else ()
        wrong += [
            f"{material.name}: a texture without image"
            for node in nodes
            if node.type == "TEX_IMAGE" and node.image is None
        ]
    return wrong


def left_camera(position: list[float]) -> bpy.types.Object:
    """The camera at the left eye: names tell nothing where a stage within the stage has cameras too."""
    cameras = [each for each in bpy.data.objects if each.type == "CAMERA"]
    return min(cameras, key=lambda each: np.linalg.norm(np.subtract(each.matrix_world.translation, position)))


def render(width: int, height: int, spp: int, folder: Path, name: str, filter_px: float) -> None:
    """Image and depth of the left eye as two EXR files."""
    scene = bpy.context.scene
    scene.render.engine, scene.cycles.device = "CYCLES", "CPU"
    scene.cycles.samples, scene.cycles.use_adaptive_sampling = spp, False
    scene.cycles.use_denoising = filter_px == 1
    scene.cycles.pixel_filter_type, scene.cycles.filter_width = (
        "BOX" if filter_px == 1 else "GAUSSIAN",
        filter_px,
    )
    scene.cycles.max_bounces, scene.render.threads_mode, scene.render.threads = 8, "FIXED", 2
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = (
        width,
        height,
        100,
    )
    scene.camera.data.clip_start, scene.camera.data.clip_end = 1e-3, FAR_M
    bpy.context.view_layer.use_pass_z = True
    scene.use_nodes = True
    tree = scene.node_tree
    tree.nodes.clear()
    layers, output = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("CompositorNodeOutputFile")
    output.base_path, output.format.file_format, output.format.color_depth = str(folder), "OPEN_EXR", "32"
    output.file_slots.clear()
    for slot, socket in ((f"{name}_image_", "Image"), (f"{name}_depth_", "Depth")):
        output.file_slots.new(slot)
        tree.links.new(layers.outputs[socket], output.inputs[slot])
    bpy.ops.render.render()


def pixels(folder: Path, start: str) -> np.ndarray:
    """The float pixels (H, W, 4) of the one file whose name starts so, the top row first."""
    (path,) = folder.glob(f"{start}*.exr")
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    flat = np.empty(image.size[0] * image.size[1] * 4, np.float32)
    image.pixels.foreach_get(flat)
    return flat.reshape(image.size[1], image.size[0], 4)[::-1]


def main(stage: str, out: str, width: int, height: int, spp: int, position: list[float]) -> None:
    """Open, look for what is missing, render."""
    open_stage(stage)
    bpy.context.scene.camera = left_camera(position)
    missing = missing_images()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        render(width, height, 1, folder, "centre", CENTRES)
        render(width, height, spp, folder, "light", 1.0)
        depth_hw = pixels(folder, "centre_depth_")[:, :, 0]
        light_hwc = pixels(folder, "light_image_")[:, :, :3]
    counts = {kind: len(getattr(bpy.data, kind)) for kind in ("objects", "images", "materials", "lights")}
    np.savez(out, light_hwc=light_hwc, depth_hw=depth_hw, missing=np.array(missing, str), counts=str(counts))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6]), list(map(float, sys.argv[6:9])))
