"""Which pairs of a folder are found: none too many, and none missing without a word."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from stereo_model.data.base import DataFolderError
from stereo_model.data.registry import open_dataset
from tests.stereo_model.data.trees import WRITERS, write_flyingthings3d

LEFTS = {
    "fsd": "manipulation_v5_realistic_kitchen_2500_1/dataset/data/left/rgb/0001.jpg",
    "flyingthings3d": "frames_cleanpass/TRAIN/A/0000/left/0006.png",
    "sintel": "training/final_left/alley_1/frame_0001.png",
    "crestereo": "hole/0/a_left.jpg",
    "fallingthings": "mixed/temple_0/000000.left.jpg",
    "instereo2k": "train/part1/000100/left.png",
    "vkitti2": "Scene01/clone/frames/rgb/Camera_0/rgb_00000.jpg",
    "middlebury": "trainingQ/Adirondack/im0.png",
    "eth3d": "two_view_training/delivery_area_1l/im0.png",
    "kitti2012": "training/colored_0/000000_10.png",
    "kitti2015": "training/image_2/000000_10.png",
    "folder": "one/left.png",
}


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees")
    for kind, writer in WRITERS.items():
        writer(root / kind)
    return root


@pytest.fixture
def tree(trees, tmp_path):
    return lambda kind, name="copy": shutil.copytree(trees / kind, tmp_path / name)


def scenes_of(pairs) -> list[str]:
    return [pairs.scene(index) for index in range(len(pairs))]


@pytest.mark.parametrize("kind", WRITERS)
def test_what_systems_leave_beside_the_data_is_not_data(kind, tree):
    root = tree(kind)
    expected = open_dataset(kind, root)
    for path in [path for path in root.rglob("*") if path.is_file()]:
        (path.parent / f"._{path.name}").write_bytes(b"\0\5\x16\7resource fork")
        for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
            (path.parent / name).write_bytes(b"system")
    for name in ("__MACOSX", "@eaDir", ".ipynb_checkpoints"):
        shutil.copytree(tree(kind, "other"), root / name)
        shutil.rmtree(root.parent / "other")
    pairs = open_dataset(kind, root)
    assert scenes_of(pairs) == scenes_of(expected) and pairs.digest() == expected.digest()
    assert pairs.skipped == ()


@pytest.mark.parametrize("kind", WRITERS)
def test_upper_and_lower_case_of_names_make_no_difference(kind, trees, tree):
    root, before = tree(kind), open_dataset(kind, trees / kind)
    for path in sorted((path for path in root.rglob("*") if path.is_file()), reverse=True):
        path.rename(path.with_name(path.name.upper()))
    pairs = open_dataset(kind, root)
    assert [name.lower() for name in scenes_of(pairs)] == [name.lower() for name in scenes_of(before)]
    np.testing.assert_array_equal(pairs[0]["disparity"], before[0]["disparity"])
    assert all((root / name).is_file() for name in pairs.files()) and pairs.digest()


def test_the_files_of_a_pair_may_differ_in_case(tree):
    root = tree("crestereo")
    (root / "hole/0/a_right.jpg").rename(root / "hole/0/A_right.jpg")
    pairs = open_dataset("crestereo", root)
    assert scenes_of(pairs) == ["hole/0/a", "tree/0/b"]
    for name in ("left.jpg", "right.jpg", "left.disp.png"):
        shutil.copy(root / f"tree/0/b_{name}", root / f"tree/0/B_{name}")
    assert scenes_of(open_dataset("crestereo", root)) == ["hole/0/a", "tree/0/B", "tree/0/b"]


def test_folders_in_upper_case_are_the_same_folders(tree):
    root = tree("kitti2015")
    (root / "training").rename(root / "TRAINING")
    assert scenes_of(open_dataset("kitti2015", root)) == ["000000_10"]
    assert open_dataset("kitti2015", root)[0]["valid"].any()


@pytest.mark.parametrize("kind", LEFTS)
def test_a_pair_without_its_left_image_is_missed_as_well(kind, tree):
    root = tree(kind)
    (root / LEFTS[kind]).unlink()
    with pytest.raises(
        DataFolderError, match=f"1 files of .* pairs are missing: {LEFTS[kind]}.*allow_missing"
    ):
        open_dataset(kind, root)


@pytest.mark.parametrize("lost", ["left.png", "right.png", "disp.png"])
def test_incomplete_pairs_may_be_left_out_and_are_listed(lost, tree):
    root = tree("folder")
    (root / "one" / lost).unlink()
    pairs = open_dataset("folder", root, allow_missing=True)
    assert scenes_of(pairs) == ["three", "two"] and pairs.skipped == (f"one: no one/{lost}",)
    assert pairs.digest() == open_dataset("folder", root, allow_missing=True).digest()


@pytest.mark.parametrize("kind", WRITERS)
def test_every_reader_can_leave_out_incomplete_pairs_and_refuses_to_be_left_with_none(kind, tree):
    root = tree(kind)
    assert open_dataset(kind, root, allow_missing=True).skipped == ()
    for path in [path for path in root.rglob("*") if path.suffix == ".pfm" or "disp" in str(path)]:
        path.unlink() if path.is_file() else None
    for path in root.rglob("*depth*.png"):
        path.unlink()
    with pytest.raises(DataFolderError, match="are missing"):
        open_dataset(kind, root, allow_missing=True)


def test_a_joined_set_lists_what_its_parts_leave_out(tree):
    root = tree("sceneflow")
    (root / "FlyingThings3D/disparity/TRAIN/A/0000/left/0006.pfm").unlink()
    pairs = open_dataset("sceneflow", root, allow_missing=True)
    assert len(pairs) == 3 and pairs.skipped[0].startswith("FlyingThings3D/cleanpass/TRAIN/A/0000/0006: no ")


def test_a_folder_of_pictures_that_is_no_scene_is_named(tree):
    root = tree("folder")
    (root / "one").rename(root / "other")
    for name in ("left", "right", "disp"):
        (root / "other" / f"{name}.png").rename(root / "other" / f"view_{name}.png")
    with pytest.raises(DataFolderError, match="3 files of 3 folder pairs are missing: other/disp.png"):
        open_dataset("folder", root)
    pairs = open_dataset("folder", root, allow_missing=True)
    assert scenes_of(pairs) == ["three", "two"] and pairs.skipped[0].startswith("other: no other/left.png")


@pytest.mark.parametrize("name", ["set [1]", "a*b", "what?", "[!x]", "Größe 日本", "with, comma"])
def test_folders_of_any_name_are_found(name, tree):
    for kind in ("folder", "crestereo", "kitti2015", "middlebury"):
        root = tree(kind, f"{name}/{kind}")
        for scene in sorted(path for path in root.iterdir() if kind == "folder" and path.is_dir()):
            scene.rename(scene.with_name(f"{name} {scene.name}"))
        pairs = open_dataset(kind, root)
        assert len(pairs) == len(open_dataset(kind, tree(kind, f"plain/{kind}"))) and pairs[0]["valid"].any()


def test_a_list_of_unused_frames_may_come_from_windows(tmp_path):
    write_flyingthings3d(tmp_path)
    text = "\ufeffTRAIN/A/0000/left/0006.png\r\n\r\n\tTRAIN/C/0009/right/0011.png\r\n"
    Path(tmp_path / "all_unused_files.txt").write_bytes(text.encode())
    assert scenes_of(open_dataset("flyingthings3d", tmp_path)) == ["cleanpass/TRAIN/B/0001/0007"]
