"""Every published data set in its layout and encoding: the right pictures, sign, scale and masks."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

from stereo_model.data.base import DataFolderError, DataOptionError
from stereo_model.data.encodings import DataFileError
from stereo_model.data.registry import dataset_kinds, open_dataset
from stereo_model.data.sample import checked_sample
from tests.stereo_model.data.trees import (
    HEIGHT,
    WIDTH,
    WRITERS,
    make_scene,
    nocc_mask,
    save,
    save_pfm,
    save_u16,
    sintel_rgb,
    warp_error,
    write_flyingthings3d,
)

# Largest difference that a data set's encoding makes to disparities of 9..22 px.
QUANTUM = {
    "sintel": 1 / 64,
    "fsd": 0.0006,
    "crestereo": 0.51 / 32,
    "fallingthings": 22**2 / (768.16 * 600) * 0.51,
    "instereo2k": 0.0051,
    "vkitti2": 22**2 / (725.0087 * 53.2725) * 0.51,
    "kitti2012": 0.51 / 256,
    "kitti2015": 0.51 / 256,
    "folder": 0.51 / 256,
}
KNOWS_OCCLUSION = {"sintel", "middlebury", "eth3d", "kitti2012", "kitti2015", "folder"}
GREY = {"eth3d"}


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    root = tmp_path_factory.mktemp("trees")
    return {kind: (root / kind, writer(root / kind)) for kind, writer in WRITERS.items()}


def test_every_kind_but_our_own_shards_has_a_tree():
    assert set(WRITERS) == set(dataset_kinds()) - {"shards"}


@pytest.mark.parametrize("kind", WRITERS)
def test_pictures_are_rgb_left_and_right_and_the_disparity_is_in_pixels(kind, trees):
    root, scenes = trees[kind]
    pairs = open_dataset(kind, root)
    assert pairs.kind == kind and len(pairs) == len(scenes)
    for index, scene in enumerate(scenes):
        sample = checked_sample(pairs[index], source=kind)
        for view, written_hwc in (("left", scene.left_hwc), ("right", scene.right_hwc)):
            written_hwc = written_hwc[..., :1] if kind in GREY else written_hwc
            difference = np.abs(sample[view].transpose(1, 2, 0).astype(int) - written_hwc)
            assert difference.mean() < 1.5, f"{pairs.scene(index)} {view}"
        error_hw = np.abs(sample["disparity"] - scene.disparity_hw)[sample["valid"]]
        assert error_hw.max() <= QUANTUM.get(kind, 1e-5)
        assert (sample["disparity"][~sample["valid"]] == 0).all()


@pytest.mark.parametrize("kind", WRITERS)
def test_the_right_image_warped_by_the_disparity_is_the_left_one_and_by_nothing_else(kind, trees):
    pairs = open_dataset(kind, trees[kind][0])
    for index in range(len(pairs)):
        sample = pairs[index]
        right_is_right = warp_error(sample)
        assert right_is_right < 4
        swapped = {**sample, "left": sample["right"], "right": sample["left"]}
        scaled = [warp_error(sample, sample["disparity"] * scale) for scale in (-1, 0, 0.9, 1.1, 0.5, 2)]
        assert min(warp_error(swapped), *scaled) > 2.5 * right_is_right


@pytest.mark.parametrize("kind", WRITERS)
def test_occlusion_is_known_exactly_where_the_data_set_says_it(kind, trees):
    root, scenes = trees[kind]
    pairs = open_dataset(kind, root)
    assert all(("occluded" in pairs[index]) == (kind in KNOWS_OCCLUSION) for index in range(len(pairs)))
    if kind in KNOWS_OCCLUSION:
        sample, expected_hw = pairs[0], scenes[0].hidden_hw.copy()
        expected_hw[7, 50] |= kind == "sintel"  # occluded inside the frame
        np.testing.assert_array_equal(sample["occluded"], expected_hw & sample["valid"])


@pytest.mark.parametrize("kind", ["middlebury", "eth3d"])
def test_infinite_truth_is_unknown(kind, trees):
    sample = open_dataset(kind, trees[kind][0])[0]
    assert not sample["valid"][0].any() and sample["valid"][1:].all()


@pytest.mark.parametrize("kind", ["kitti2012", "kitti2015"])
def test_kitti_is_sparse_and_its_second_frames_are_no_pairs(kind, trees):
    pairs = open_dataset(kind, trees[kind][0])
    assert [pairs.scene(0)] == ["000000_10"] and len(pairs) == 1
    assert pairs[0]["valid"].mean() == 0.5


SCENES = {
    "fsd": [f"manipulation_v5_realistic_kitchen_2500_1/dataset/data/000{n}" for n in (0, 1)],
    "flyingthings3d": ["cleanpass/TRAIN/A/0000/0006", "cleanpass/TRAIN/B/0001/0007"],
    "monkaa": ["cleanpass/eating_x2/0048"],
    "driving": ["cleanpass/15mm_focallength/scene_forwards/fast/0001"],
    "sceneflow": [
        "FlyingThings3D/cleanpass/TRAIN/A/0000/0006",
        "FlyingThings3D/cleanpass/TRAIN/B/0001/0007",
        "Monkaa/cleanpass/eating_x2/0048",
        "Driving/cleanpass/15mm_focallength/scene_forwards/fast/0001",
    ],
    "sintel": ["clean/alley_1/frame_0001", "final/alley_1/frame_0001"],
    "crestereo": ["hole/0/a", "tree/0/b"],
    "fallingthings": ["mixed/temple_0/000000", "single/025_mug_16k/kitchen_0/000000"],
    "instereo2k": ["train/part1/000100"],
    "vkitti2": ["Scene01/15-deg-left/00000", "Scene01/clone/00000"],
    "middlebury": ["trainingQ/Adirondack"],
    "eth3d": ["delivery_area_1l"],
    "folder": ["one", "three", "two"],
}


@pytest.mark.parametrize("kind", SCENES)
def test_scenes_have_path_like_names_in_a_fixed_order(kind, trees):
    pairs = open_dataset(kind, trees[kind][0])
    assert [pairs.scene(index) for index in range(len(pairs))] == SCENES[kind]


@pytest.mark.parametrize("kind", WRITERS)
def test_an_empty_folder_is_refused_with_the_expected_layout(kind, tmp_path):
    with pytest.raises(DataFolderError, match=f"{tmp_path}.*expect"):
        open_dataset(kind, tmp_path)
    with pytest.raises(DataFolderError, match="nowhere"):
        open_dataset(kind, tmp_path / "nowhere")


FILES = {  # of one pair: right image, truth and what else it needs
    "fsd": [f"manipulation_v5_realistic_kitchen_2500_1/dataset/data/{name}" for name in (
        "right/rgb/0001.jpg", "left/disparity/0001.png")],
    "flyingthings3d": ["frames_cleanpass/TRAIN/A/0000/right/0006.png",
                       "disparity/TRAIN/A/0000/left/0006.pfm"],
    "sceneflow": ["Monkaa/frames_cleanpass/eating_x2/right/0048.png"],
    "sintel": [f"training/{name}/alley_1/frame_0001.png" for name in (
        "final_right", "disparities", "occlusions", "outofframe")],
    "crestereo": ["hole/0/a_right.jpg", "hole/0/a_left.disp.png"],
    "fallingthings": [f"mixed/temple_0/{name}" for name in (
        "000000.right.jpg", "000000.left.depth.png", "_camera_settings.json")],
    "instereo2k": ["train/part1/000100/right.png", "train/part1/000100/left_disp.png"],
    "vkitti2": ["Scene01/clone/frames/rgb/Camera_1/rgb_00000.jpg",
                "Scene01/clone/frames/depth/Camera_0/depth_00000.png"],
    "middlebury": [f"trainingQ/Adirondack/{name}" for name in ("im1.png", "disp0GT.pfm", "mask0nocc.png")],
    "eth3d": ["two_view_training/delivery_area_1l/im1.png",
              "two_view_training_gt/delivery_area_1l/disp0GT.pfm"],
    "kitti2012": [f"training/{name}/000000_10.png" for name in ("colored_1", "disp_occ", "disp_noc")],
    "kitti2015": [f"training/{name}/000000_10.png" for name in ("image_3", "disp_occ_0", "disp_noc_0")],
    "folder": ["one/left.png", "one/right.png", "one/disp.png"],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, names in FILES.items() for name in names])
def test_a_missing_partner_is_named_when_the_data_set_is_opened(kind, name, trees, tmp_path):
    shutil.copytree(trees[kind][0], tmp_path / "copy")
    (tmp_path / "copy" / name).unlink()
    missing = name.removeprefix("Monkaa/")
    with pytest.raises(DataFolderError, match=f"1 files of .* pairs are missing: {missing}"):
        open_dataset(kind, tmp_path / "copy")


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind, names in FILES.items() for name in names[:2]]
)
def test_a_truncated_file_is_named_when_it_is_read(kind, name, trees, tmp_path):
    shutil.copytree(trees[kind][0], tmp_path / "copy")
    broken = tmp_path / "copy" / name
    broken.write_bytes(broken.read_bytes()[:60])
    pairs = open_dataset(kind, tmp_path / "copy")
    with pytest.raises(DataFileError, match=str(broken)):
        for index in range(len(pairs)):
            pairs[index]


@pytest.mark.parametrize("kind", WRITERS)
def test_a_pickled_data_set_gives_the_same_samples(kind, trees):
    pairs = open_dataset(kind, trees[kind][0])
    again = pickle.loads(pickle.dumps(pairs))
    assert again.scene(0) == pairs.scene(0) and again.digest() == pairs.digest()
    np.testing.assert_array_equal(again[0]["disparity"], pairs[0]["disparity"])


@pytest.mark.parametrize("kind", WRITERS)
def test_an_index_outside_the_data_set_is_refused(kind, trees):
    pairs = open_dataset(kind, trees[kind][0])
    for index in (len(pairs), -1):
        with pytest.raises(IndexError):
            pairs[index]


def test_the_digest_depends_on_names_and_sizes_and_not_on_the_place(trees, tmp_path):
    root, _ = trees["crestereo"]
    digest = open_dataset("crestereo", root).digest()
    copy = shutil.copytree(root, tmp_path / "copy")
    assert open_dataset("crestereo", copy).digest() == digest
    (copy / "tree/0/b_left.jpg").write_bytes(
        b"longer than before" + (root / "tree/0/b_left.jpg").read_bytes()
    )
    assert open_dataset("crestereo", copy).digest() != digest
    renamed = shutil.copytree(root, tmp_path / "renamed")
    (renamed / "tree/0").rename(renamed / "tree/1")
    assert open_dataset("crestereo", renamed).digest() != digest


def test_both_passes_of_scene_flow_share_one_truth(trees):
    root, _ = trees["flyingthings3d"]
    pairs = open_dataset("flyingthings3d", root, passes=["finalpass", "cleanpass"])
    assert [pairs.scene(i).split("/")[0] for i in range(4)] == ["cleanpass"] * 2 + ["finalpass"] * 2
    np.testing.assert_array_equal(pairs[0]["disparity"], pairs[2]["disparity"])
    np.testing.assert_array_equal(pairs[0]["left"] // 2, pairs[2]["left"])
    only = open_dataset("flyingthings3d", root, passes="finalpass", split="TRAIN")
    assert [only.scene(0), len(only)] == ["finalpass/TRAIN/A/0000/0006", 2]


def test_the_test_split_of_flyingthings_is_separate(trees):
    pairs = open_dataset("flyingthings3d", trees["flyingthings3d"][0], split="TEST")
    assert [pairs.scene(i) for i in range(len(pairs))] == ["cleanpass/TEST/A/0000/0006"]


def test_frames_listed_as_unused_are_left_out(tmp_path):
    write_flyingthings3d(tmp_path)
    (tmp_path / "all_unused_files.txt").write_text(
        "TRAIN/A/0000/left/0006.png\nTRAIN/C/0009/right/0011.png\n"
    )
    pairs = open_dataset("flyingthings3d", tmp_path)
    assert [pairs.scene(i) for i in range(len(pairs))] == ["cleanpass/TRAIN/B/0001/0007"]


def test_a_map_of_negative_disparities_is_refused(tmp_path):
    write_flyingthings3d(tmp_path)
    save_pfm(tmp_path / "disparity/TRAIN/A/0000/left/0006.pfm", -make_scene(0).disparity_hw)
    with pytest.raises(DataFileError, match="0006.pfm: negative disparities"):
        open_dataset("flyingthings3d", tmp_path)[0]


def test_scene_flow_says_which_of_its_sets_is_missing(trees, tmp_path):
    root, _ = trees["sceneflow"]
    shutil.copytree(root / "FlyingThings3D", tmp_path / "FlyingThings3D")
    with pytest.raises(DataFolderError, match="no folder Monkaa, Driving"):
        open_dataset("sceneflow", tmp_path)


def test_one_pass_of_sintel_can_be_chosen(trees):
    pairs = open_dataset("sintel", trees["sintel"][0], passes=["final"])
    assert [pairs.scene(i) for i in range(len(pairs))] == ["final/alley_1/frame_0001"]


def test_sintel_disparities_beyond_its_range_are_unknown(trees, tmp_path):
    root = shutil.copytree(trees["sintel"][0], tmp_path / "copy")
    disparity_hw = make_scene(5).disparity_hw.copy()
    disparity_hw[3, 4], disparity_hw[3, 5] = 0, 1020.5  # 1024 is written as 0: 256 does not fit into R
    save(root / "training/disparities/alley_1/frame_0001.png", sintel_rgb(disparity_hw))
    sample = open_dataset("sintel", root)[0]
    assert not sample["valid"][3, 4]
    assert sample["disparity"][3, 5] == 1020.5  # R = 255: 4 * R does not fit into 8 bits


def test_depth_at_the_end_of_its_range_is_unknown(trees, tmp_path):
    for kind, name in (
        ("fallingthings", "mixed/temple_0/000000.left.depth.png"),
        ("vkitti2", "Scene01/15-deg-left/frames/depth/Camera_0/depth_00000.png"),
    ):
        root = shutil.copytree(trees[kind][0], tmp_path / kind)
        depth_hw = np.full((HEIGHT, WIDTH), 30000)
        depth_hw[0, 0], depth_hw[0, 1] = 0, 65535
        save_u16(root / name, depth_hw)
        sample = open_dataset(kind, root)[0]
        assert sample["valid"][0, :3].tolist() == [False, False, True]
        assert np.isfinite(sample["disparity"]).all()


@pytest.mark.parametrize(
    "text", ["", "{}", '{"camera_settings": [{"intrinsic_settings": {"fx": -1}}]}', "[]"]
)
def test_useless_camera_settings_are_named(text, trees, tmp_path):
    root = shutil.copytree(trees["fallingthings"][0], tmp_path / "copy")
    (root / "mixed/temple_0/_camera_settings.json").write_text(text)
    with pytest.raises(DataFileError, match="temple_0/_camera_settings.json"):
        open_dataset("fallingthings", root)[0]


def test_the_focal_length_is_that_of_the_settings_file(trees, tmp_path):
    root = shutil.copytree(trees["fallingthings"][0], tmp_path / "copy")
    path = root / "mixed/temple_0/_camera_settings.json"
    settings = json.loads(path.read_text())
    settings["camera_settings"][0]["intrinsic_settings"]["fx"] *= 2
    path.write_text(json.dumps(settings))
    before = open_dataset("fallingthings", trees["fallingthings"][0])[0]["disparity"]
    np.testing.assert_allclose(open_dataset("fallingthings", root)[0]["disparity"], 2 * before, rtol=1e-6)


def test_the_test_split_of_instereo2k_lies_one_folder_higher(trees):
    pairs = open_dataset("instereo2k", trees["instereo2k"][0], split="test")
    assert [pairs.scene(i) for i in range(len(pairs))] == ["test/000001"]


def test_a_resolution_of_middlebury_that_is_not_there_says_so(trees):
    with pytest.raises(DataFolderError, match="no middlebury pair"):
        open_dataset("middlebury", trees["middlebury"][0], resolution="F")
    with pytest.raises(DataOptionError, match="resolution 'X' should be one of Q, H, F"):
        open_dataset("middlebury", trees["middlebury"][0], resolution="X")


def test_fsd_may_be_opened_at_any_height(trees):
    root, scenes = trees["fsd"]
    deep = open_dataset("fsd", root / "manipulation_v5_realistic_kitchen_2500_1/dataset/data")
    assert [deep.scene(0), len(deep)] == ["0000", len(scenes)]
    np.testing.assert_array_equal(deep[1]["disparity"], open_dataset("fsd", root)[1]["disparity"])


def test_code_zero_of_fsd_is_no_truth(tmp_path, trees):
    root = shutil.copytree(trees["fsd"][0], tmp_path / "copy")
    code_hwc = np.full((HEIGHT, WIDTH, 3), 1, np.uint8)
    code_hwc[0, 0] = 0
    at = root / "manipulation_v5_realistic_kitchen_2500_1/dataset/data"
    save(at / "left/disparity/0000.png", code_hwc)
    sample = open_dataset("fsd", root)[0]
    assert not sample["valid"][0, 0] and sample["valid"].sum() == HEIGHT * WIDTH - 1
    assert sample["disparity"][5, 5] == np.float32(65.281)  # (255*255 + 255 + 1) / 1000


def test_a_pair_of_unequal_sizes_names_both_files(trees, tmp_path):
    root = shutil.copytree(trees["folder"][0], tmp_path / "copy")
    save(root / "one/right.png", make_scene().right_hwc[:, 1:])
    with pytest.raises(
        DataFileError, match="one/right.png has 40 rows x 71 columns, one/left.png has 40 x 72"
    ):
        open_dataset("folder", root)[0]


def test_a_folder_scene_without_mask_does_not_know_occlusion(trees, tmp_path):
    root = shutil.copytree(trees["folder"][0], tmp_path / "copy")
    (root / "one/nocc.png").unlink()
    pairs = open_dataset("folder", root)
    assert "occluded" not in pairs[0] and "occluded" in pairs[1]


def test_a_folder_scene_with_two_truths_is_refused(trees, tmp_path):
    root = shutil.copytree(trees["folder"][0], tmp_path / "copy")
    np.save(root / "one/disp.npy", np.zeros((2, 2), np.float32))
    with pytest.raises(DataFolderError, match="one/disp.png and one/disp.npy"):
        open_dataset("folder", root)


def test_folders_without_a_picture_are_not_scenes(trees, tmp_path):
    root = shutil.copytree(trees["folder"][0], tmp_path / "copy")
    (root / "notes").mkdir()
    (root / "notes/readme.txt").write_text("three scenes")
    assert len(open_dataset("folder", root)) == 3


@pytest.mark.parametrize(
    "values", [np.zeros((2, 2, 2), np.float32), np.zeros((2, 2), int), np.array([None, {}], dtype=object)]
)
def test_a_numpy_file_that_is_no_map_of_floats_is_refused_unopened_if_pickled(values, trees, tmp_path):
    root = shutil.copytree(trees["folder"][0], tmp_path / "copy")
    np.save(root / "two/disp.npy", values, allow_pickle=True)
    with pytest.raises(DataFileError, match=r"two/disp\.npy"):
        open_dataset("folder", root)[2]


def test_middlebury_masks_of_another_size_are_named(trees, tmp_path):
    root = shutil.copytree(trees["middlebury"][0], tmp_path / "copy")
    save(root / "trainingQ/Adirondack/mask0nocc.png", nocc_mask(make_scene(15))[1:])
    with pytest.raises(DataFileError, match="trainingQ/Adirondack/im0.png has 39 rows"):
        open_dataset("middlebury", root)[0]


def test_an_unknown_kind_or_option_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(DataOptionError, match="did you mean kitti2015"):
        open_dataset("kitti15", tmp_path)
    with pytest.raises(DataOptionError, match="no option pass; it takes passes, split"):
        open_dataset("flyingthings3d", tmp_path, **{"pass": "cleanpass"})
    with pytest.raises(DataOptionError, match="eth3d has no option split; it takes mask, allow_missing"):
        open_dataset("eth3d", tmp_path, split="training")
    for passes in ("dirtypass", [], ["cleanpass", "clean"]):
        with pytest.raises(DataOptionError, match="should be some of cleanpass, finalpass"):
            open_dataset("monkaa", tmp_path, passes=passes)


REAL = Path(__file__).resolve().parents[4] / "shared" / "realstereo"


@pytest.mark.realdata
@pytest.mark.skipif(not REAL.is_dir(), reason="no real pairs beside the checkout")
def test_real_pairs_fit_their_truth_at_scale_one():
    pairs = open_dataset("folder", REAL)
    assert len(pairs) == 16
    for index in range(len(pairs)):
        sample = pairs[index]
        error = {scale: warp_error(sample, sample["disparity"] * scale) for scale in (0, 0.95, 1, 1.05)}
        assert min(error, key=error.get) == 1, f"{pairs.scene(index)}: {error}"
        assert error[1] < error[0] / 2, f"{pairs.scene(index)}: {error}"
