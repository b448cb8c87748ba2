"""Small stereo data sets in their published layouts, of a scene that is known in closed form.

The right image is a smooth texture; the left image is that texture seen through a slanted disparity, so
left(v, u) = right(v, u - disparity(v, u)) holds for every pixel. Every writer here encodes on its own, from
the data sets' documentation, and shares nothing with the readers.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stereo_model.data.sample import Sample

HEIGHT, WIDTH = 40, 72  # pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a tree shows."""

    left_hwc: NDArray[np.uint8]
    right_hwc: NDArray[np.uint8]
    disparity_hw: NDArray[np.float64]  # pixels of the left view

    @property
    def hidden_hw(self) -> NDArray[np.bool_]:
        """The match lies outside the right image."""
        return np.arange(WIDTH) < self.disparity_hw


def texture(v: NDArray, u: NDArray, seed: int) -> NDArray[np.uint8]:
    """(H,W,3) smooth colours at any, also fractional, place; another picture in every channel and seed."""
    rng = np.random.default_rng(seed)
    channels = []
    for _ in range(3):
        waves = zip(rng.uniform(0.1, 0.7, 6), rng.uniform(-0.5, 0.5, 6), rng.uniform(0, 6, 6), strict=True)
        total = sum(np.sin(a * u + b * v + c) for a, b, c in waves)
        channels.append(np.clip(128 + 35 * total, 0, 255))
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def make_scene(seed: int = 0) -> Scene:
    """Disparities from 9 to 22 px; all differ between rows, columns and seeds."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    disparity_hw = 9.0 + 0.5 * (seed % 3) + 0.12 * u + 0.08 * v
    return Scene(
        left_hwc=texture(v, u - disparity_hw, seed),
        right_hwc=texture(v, u, seed),
        disparity_hw=disparity_hw,
    )


def warp_error(sample: Sample, disparity_hw: NDArray | None = None) -> float:
    """Mean grey-level difference of the left image and the right one read at u - disparity.

    Over pixels that are valid, not occluded, and whose match is inside the frame.
    """
    disparity_hw = sample["disparity"] if disparity_hw is None else disparity_hw
    height, width = disparity_hw.shape
    v, u = np.mgrid[0:height, 0:width]
    place_hw = u - disparity_hw.astype(np.float64)
    seen_hw = sample["valid"] & (place_hw >= 0) & (place_hw < width - 1)
    if "occluded" in sample:
        seen_hw &= ~sample["occluded"]
    place_hw = np.where(seen_hw, place_hw, 0)
    whole_hw = np.floor(place_hw).astype(int)
    part_hw = place_hw - whole_hw
    right = sample["right"].astype(np.float64)
    after_hw = np.minimum(whole_hw + 1, width - 1)
    seen = right[:, v, whole_hw] * (1 - part_hw) + right[:, v, after_hw] * part_hw
    return float(np.abs(seen - sample["left"]).mean(axis=0)[seen_hw].mean())


def save(path: Path, picture: NDArray, **options: object) -> None:
    """A picture by Pillow, in a folder that is made if needed; JPEG as good as it gets."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".jpg":
        options |= {"quality": 97, "subsampling": 0}
    Image.fromarray(picture).save(path, **options)


def save_u16(path: Path, values_hw: NDArray) -> None:
    """A 16-bit PNG of values that are rounded."""
    save(path, np.rint(values_hw).astype(np.uint16))


def save_pfm(path: Path, values_hw: NDArray) -> None:
    """Little-endian PFM, row by row from the bottom."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [struct.pack(f"<{values_hw.shape[1]}f", *row) for row in values_hw[::-1]]
    path.write_bytes(f"Pf\n{values_hw.shape[1]} {values_hw.shape[0]}\n-1.000000\n".encode() + b"".join(rows))


def write_scene_flow(root: Path, folder: str, frame: str, scene: Scene, *, finalpass: bool = False) -> None:
    """One frame of FlyingThings3D, Monkaa or Driving; the final pass is a little darker."""
    save(root / f"frames_cleanpass/{folder}/left/{frame}.png", scene.left_hwc)
    save(root / f"frames_cleanpass/{folder}/right/{frame}.png", scene.right_hwc)
    if finalpass:
        save(root / f"frames_finalpass/{folder}/left/{frame}.png", scene.left_hwc // 2)
        save(root / f"frames_finalpass/{folder}/right/{frame}.png", scene.right_hwc // 2)
    save_pfm(root / f"disparity/{folder}/left/{frame}.pfm", scene.disparity_hw)
    save_pfm(root / f"disparity/{folder}/right/{frame}.pfm", scene.disparity_hw + 1)


def write_flyingthings3d(root: Path) -> list[Scene]:
    scenes = [make_scene(0), make_scene(1)]
    write_scene_flow(root, "TRAIN/A/0000", "0006", scenes[0], finalpass=True)
    write_scene_flow(root, "TRAIN/B/0001", "0007", scenes[1], finalpass=True)
    write_scene_flow(root, "TEST/A/0000", "0006", make_scene(2))
    return scenes


def write_monkaa(root: Path) -> list[Scene]:
    write_scene_flow(root, "eating_x2", "0048", scene := make_scene(3))
    return [scene]


def write_driving(root: Path) -> list[Scene]:
    write_scene_flow(root, "15mm_focallength/scene_forwards/fast", "0001", scene := make_scene(4))
    return [scene]


def write_sceneflow(root: Path) -> list[Scene]:
    return [
        *write_flyingthings3d(root / "FlyingThings3D"),
        *write_monkaa(root / "Monkaa"),
        *write_driving(root / "Driving"),
    ]


def sintel_rgb(disparity_hw: NDArray) -> NDArray[np.uint8]:
    """README: R = floor(DISP/4), G = floor(DISP * 2^6 % 256); the third channel stays 0."""
    r_hw = np.floor(disparity_hw / 4)
    g_hw = np.floor(disparity_hw * 64 % 256)
    return np.stack([r_hw, g_hw, 0 * r_hw], axis=-1).astype(np.uint8)


def write_sintel(root: Path) -> list[Scene]:
    scene = make_scene(5)
    for view, picture in (("left", scene.left_hwc), ("right", scene.right_hwc)):
        save(root / f"training/clean_{view}/alley_1/frame_0001.png", picture)
        save(root / f"training/final_{view}/alley_1/frame_0001.png", picture)
    save(root / "training/disparities/alley_1/frame_0001.png", sintel_rgb(scene.disparity_hw))
    occluded_hw = np.zeros((HEIGHT, WIDTH), np.uint8)
    occluded_hw[7, 50] = 255
    save(root / "training/occlusions/alley_1/frame_0001.png", occluded_hw)
    save(root / "training/outofframe/alley_1/frame_0001.png", scene.hidden_hw.astype(np.uint8) * 255)
    return [scene, scene]


def fsd_rgb(disparity_hw: NDArray) -> NDArray[np.uint8]:
    """Digits of 1000 x disparity for which (R*255*255 + G*255 + B) / 1000 is right."""
    code_hw = np.rint(disparity_hw * 1000).astype(int)
    return np.stack([code_hw // 65025, code_hw // 255 % 255, code_hw % 255], axis=-1).astype(np.uint8)


def write_fsd(root: Path) -> list[Scene]:
    scenes = [make_scene(6), make_scene(7)]
    for number, scene in enumerate(scenes):
        at = root / "manipulation_v5_realistic_kitchen_2500_1/dataset/data"
        save(at / f"left/rgb/{number:04d}.jpg", scene.left_hwc)
        save(at / f"right/rgb/{number:04d}.jpg", scene.right_hwc)
        save(at / f"left/disparity/{number:04d}.png", fsd_rgb(scene.disparity_hw))
    return scenes


def write_crestereo(root: Path) -> list[Scene]:
    scenes = [make_scene(8), make_scene(9)]
    for stem, scene in zip(("hole/0/a", "tree/0/b"), scenes, strict=True):
        save(root / f"{stem}_left.jpg", scene.left_hwc)
        save(root / f"{stem}_right.jpg", scene.right_hwc)
        save_u16(root / f"{stem}_left.disp.png", scene.disparity_hw * 32)
        save_u16(root / f"{stem}_right.disp.png", scene.disparity_hw * 32 + 32)
    return scenes


def write_fallingthings(root: Path) -> list[Scene]:
    scenes = [make_scene(10), make_scene(11)]
    for folder, scene in zip(("mixed/temple_0", "single/025_mug_16k/kitchen_0"), scenes, strict=True):
        save(root / f"{folder}/000000.left.jpg", scene.left_hwc)
        save(root / f"{folder}/000000.right.jpg", scene.right_hwc)
        metres_hw = 768.16 * 0.06 / scene.disparity_hw
        save_u16(root / f"{folder}/000000.left.depth.png", metres_hw * 10_000)  # 0.1 mm
        cameras = [
            {"name": name, "intrinsic_settings": {"fx": 768.16, "fy": 768.16, "cx": 480, "cy": 270, "s": 0}}
            for name in ("left", "right")
        ]
        (root / folder / "_camera_settings.json").write_text(json.dumps({"camera_settings": cameras}))
    return scenes


def write_instereo2k(root: Path) -> list[Scene]:
    scene = make_scene(12)
    for folder in ("train/part1/000100", "test/000001"):
        save(root / folder / "left.png", scene.left_hwc)
        save(root / folder / "right.png", scene.right_hwc)
        save_u16(root / folder / "left_disp.png", scene.disparity_hw * 100)
        save_u16(root / folder / "right_disp.png", scene.disparity_hw * 100 + 100)
    return [scene]


def write_vkitti2(root: Path) -> list[Scene]:
    scenes = [make_scene(13), make_scene(14)]
    for variation, scene in zip(("15-deg-left", "clone"), scenes, strict=True):
        frames = root / f"Scene01/{variation}/frames"
        save(frames / "rgb/Camera_0/rgb_00000.jpg", scene.left_hwc)
        save(frames / "rgb/Camera_1/rgb_00000.jpg", scene.right_hwc)
        metres_hw = 725.0087 * 0.532725 / scene.disparity_hw
        save_u16(frames / "depth/Camera_0/depth_00000.png", metres_hw * 100)
        save_u16(frames / "depth/Camera_1/depth_00000.png", metres_hw * 100 + 50)
    return scenes


def nocc_mask(scene: Scene) -> NDArray[np.uint8]:
    """255 visible, 128 occluded, 0 without truth (the top row)."""
    mask_hw = np.where(scene.hidden_hw, 128, 255).astype(np.uint8)
    mask_hw[0] = 0
    return mask_hw


def infinite_top(scene: Scene) -> NDArray[np.float64]:
    """The disparity, unknown in the top row."""
    disparity_hw = scene.disparity_hw.copy()
    disparity_hw[0] = np.inf
    return disparity_hw


def write_middlebury(root: Path) -> list[Scene]:
    scene = make_scene(15)
    at = root / "trainingQ/Adirondack"
    save(at / "im0.png", scene.left_hwc)
    save(at / "im1.png", scene.right_hwc)
    save_pfm(at / "disp0GT.pfm", infinite_top(scene))
    save(at / "mask0nocc.png", nocc_mask(scene))
    (at / "calib.txt").write_text("cam0=[1000 0 36; 0 1000 20; 0 0 1]\ndoffs=32.8\nbaseline=176.2\n")
    return [scene]


def write_eth3d(root: Path) -> list[Scene]:
    """ETH3D's pictures are grey."""
    scene = make_scene(16)
    save(root / "two_view_training/delivery_area_1l/im0.png", scene.left_hwc[..., 0])
    save(root / "two_view_training/delivery_area_1l/im1.png", scene.right_hwc[..., 0])
    save_pfm(root / "two_view_training_gt/delivery_area_1l/disp0GT.pfm", infinite_top(scene))
    save(root / "two_view_training_gt/delivery_area_1l/mask0nocc.png", nocc_mask(scene))
    return [scene]


def _write_kitti(root: Path, folders: tuple[str, str, str, str], seed: int) -> list[Scene]:
    scene = make_scene(seed)
    left, right, occ, noc = (root / "training" / name for name in folders)
    for frame in ("000000_10", "000000_11"):  # the second frame has no truth
        save(left / f"{frame}.png", scene.left_hwc)
        save(right / f"{frame}.png", scene.right_hwc)
    known_hw = np.indices((HEIGHT, WIDTH)).sum(axis=0) % 2 == 0  # sparse
    save_u16(occ / "000000_10.png", np.where(known_hw, scene.disparity_hw * 256, 0))
    save_u16(noc / "000000_10.png", np.where(known_hw & ~scene.hidden_hw, scene.disparity_hw * 256, 0))
    return [scene]


def write_kitti2012(root: Path) -> list[Scene]:
    return _write_kitti(root, ("colored_0", "colored_1", "disp_occ", "disp_noc"), 17)


def write_kitti2015(root: Path) -> list[Scene]:
    return _write_kitti(root, ("image_2", "image_3", "disp_occ_0", "disp_noc_0"), 18)


def write_folder(root: Path) -> list[Scene]:
    scenes = [make_scene(19), make_scene(20), make_scene(21)]
    for name, scene, suffix in zip(("one", "three", "two"), scenes, ("png", "pfm", "jpg"), strict=True):
        picture = "jpg" if suffix == "jpg" else "png"
        save(root / name / f"left.{picture}", scene.left_hwc)
        save(root / name / f"right.{picture}", scene.right_hwc)
        save(root / name / "nocc.png", np.where(scene.hidden_hw, 0, 255).astype(np.uint8))
    save_u16(root / "one/disp.png", scenes[0].disparity_hw * 256)
    save_pfm(root / "three/disp.pfm", scenes[1].disparity_hw)
    np.save(root / "two/disp.npy", scenes[2].disparity_hw.astype(np.float32))
    return scenes


WRITERS = {
    "fsd": write_fsd,
    "flyingthings3d": write_flyingthings3d,
    "monkaa": write_monkaa,
    "driving": write_driving,
    "sceneflow": write_sceneflow,
    "sintel": write_sintel,
    "crestereo": write_crestereo,
    "fallingthings": write_fallingthings,
    "instereo2k": write_instereo2k,
    "vkitti2": write_vkitti2,
    "middlebury": write_middlebury,
    "eth3d": write_eth3d,
    "kitti2012": write_kitti2012,
    "kitti2015": write_kitti2015,
    "folder": write_folder,
}
