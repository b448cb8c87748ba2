from __future__ import annotations

import glob

import pytest

from stereo_model.inference.images import PairError
from stereo_model.inference.pairs import find_pairs, is_pattern, search_pairs


def test_pairs_are_matched_by_what_the_wildcards_stand_for(tmp_path):
    for name in ("x_left_2.png", "x_left_10.png", "x_right_10.png", "x_right_2.png"):
        (tmp_path / name).touch()
    found = find_pairs(str(tmp_path / "x_left_*.png"), str(tmp_path / "x_right_*.png"))
    assert [(p.name, p.left.name, p.right.name) for p in found] == [
        ("10", "x_left_10.png", "x_right_10.png"),
        ("2", "x_left_2.png", "x_right_2.png"),
    ]
    (tmp_path / "x_right_2.png").unlink()
    with pytest.raises(PairError, match="x_left_2.png: no file matching .*right.* belongs to it"):
        find_pairs(str(tmp_path / "x_left_*.png"), str(tmp_path / "x_right_*.png"))
    with pytest.raises(PairError, match="no file matches"):
        find_pairs(str(tmp_path / "y_*.png"), str(tmp_path / "y_*.png"))


NAMES = ["set [1]", "a*b", "what?", "[!x]", "[*]", "Größe 日本", "{a,b}"]


@pytest.fixture(params=NAMES)
def oddly_named(request, tmp_path):
    root = tmp_path / request.param
    for folder in ("left", "right", "calib"):
        (root / folder).mkdir(parents=True)
        for name in ("scene[2]", "b"):
            (root / folder / f"{name}.{'txt' if folder == 'calib' else 'png'}").touch()
    for other in ("a_b", "axb", "x"):  # what a pattern of that name would match
        (tmp_path / other / "left").mkdir(parents=True)
        (tmp_path / other / "left" / "c.png").touch()
    return root


def test_folders_of_any_name_are_taken_as_they_are(oddly_named):
    left, right, calib = (str(oddly_named / name) for name in ("left", "right", "calib"))
    assert is_pattern(left)
    found = find_pairs(left, right, calibration_pattern=calib)
    assert [(pair.name, pair.left.name) for pair in found] == [("b", "b.png"), ("scene[2]", "scene[2].png")]
    assert [pair.calibration.name for pair in found] == ["b.txt", "scene[2].txt"]
    one = find_pairs(left, right, calibration_pattern=str(oddly_named / "calib/scene[2].txt"))
    assert {pair.calibration.name for pair in one} == {"scene[2].txt"}


def test_brackets_in_patterns_are_letters_and_escapes_mean_their_letter(oddly_named):
    root = glob.escape(str(oddly_named))
    found = find_pairs(f"{root}/left/*.png", f"{root}/right/*.png")
    assert [pair.name for pair in found] == ["b", "scene[2]"] and found[0].left.parent.parent == oddly_named
    (pair,) = find_pairs(f"{root}/*/scene[2].png", f"{root}/*/scene[2].png")[:1]
    assert pair.left.name == "scene[2].png"


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path):
    (tmp_path / "a*.png").touch()
    assert not is_pattern(str(tmp_path / "a*.png")) and is_pattern(str(tmp_path / "b*.png"))
    assert not is_pattern(str(tmp_path / "b[*].png"))


def test_what_systems_leave_beside_images_is_no_image(tmp_path):
    for side in ("left", "right"):
        (tmp_path / side).mkdir()
        for name in ("a.png", "._a.png", "left.1.png"):
            (tmp_path / side / name).touch()
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        (tmp_path / "left" / name).touch()
    (tmp_path / "__MACOSX/left").mkdir(parents=True)
    (tmp_path / "__MACOSX/left/a.png").touch()
    folders = find_pairs(str(tmp_path / "left"), str(tmp_path / "right"))
    patterns = find_pairs(str(tmp_path / "left/*"), str(tmp_path / "right/*"))
    assert [pair.name for pair in folders] == [pair.name for pair in patterns] == ["a", "left.1"]
    assert [p.left.name for p in find_pairs(f"{tmp_path}/left/left*.png", f"{tmp_path}/right/left*.png")] == [
        "left.1.png"
    ]
    assert len(find_pairs(f"{tmp_path}/**/left/a.png", f"{tmp_path}/**/left/a.png")) == 1


def test_the_images_of_a_folder_may_have_different_endings_and_are_named_without(tmp_path):
    for name in ("left/a.png", "right/a.jpg", "left/b.v2.png", "right/b.v2.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = find_pairs(str(tmp_path / "left"), str(tmp_path / "right"))
    assert [(pair.name, pair.right.name) for pair in found] == [("a", "a.jpg"), ("b.v2", "b.v2.png")]
    (tmp_path / "left/a.jpg").touch()
    with pytest.raises(PairError, match="a.jpg and .*a.png differ in their endings only"):
        find_pairs(str(tmp_path / "left"), str(tmp_path / "right"))


def test_files_without_a_partner_may_be_listed(tmp_path):
    for name in ("left/a.png", "right/a.png", "left/b.png", "right/c.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with pytest.raises(PairError, match=r"b.png: no file matching .* \(2 without partner\)"):
        find_pairs(str(tmp_path / "left"), str(tmp_path / "right"))
    found = search_pairs(str(tmp_path / "left"), str(tmp_path / "right"))
    assert [pair.name for pair in found.pairs] == ["a"]
    assert ["b.png: no file" in found.alone[0], "c.png: no file" in found.alone[1]] == [True, True]
    (tmp_path / "right/a.png").unlink()
    with pytest.raises(PairError, match="no pair is left"):
        search_pairs(str(tmp_path / "left"), str(tmp_path / "right"))
