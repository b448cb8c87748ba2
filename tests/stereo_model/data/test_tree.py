"""Names below a folder, each folder read once and in a fixed order."""

from __future__ import annotations

import os

import pytest

from stereo_model.data.tree import Tree


@pytest.fixture
def tree(tmp_path):
    for name in (
        "b/left/2.png",
        "b/left/1.png",
        "a/left/1.png",
        "a/deep/left/1.png",
        "a/left/1.txt",
        "top.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return Tree(tmp_path)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*/left/*.png", ["a/left/1.png", "b/left/1.png", "b/left/2.png"]),
        ("**/left/*.png", ["a/left/1.png", "a/deep/left/1.png", "b/left/1.png", "b/left/2.png"]),
        ("**/*.png", ["top.png", "a/deep/left/1.png", "a/left/1.png", "b/left/1.png", "b/left/2.png"]),
        ("[b]/left/?.png", ["b/left/1.png", "b/left/2.png"]),
        ("a/left", []),  # a folder
        ("c/*", []),
        ("../*", []),
    ],
)
def test_a_pattern_finds_files_in_order(tree, pattern, found):
    assert list(tree.glob(pattern)) == found


def test_files_are_there_and_folders_are_not_files(tree):
    assert tree.has("a/left/1.png") and tree.has("top.png")
    assert not tree.has("a/left") and not tree.has("a/left/9.png") and not tree.has("c/1.png")


def test_each_folder_is_read_once(tree, monkeypatch):
    read, scandir = [], os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (read.append(path), scandir(path))[1])
    for _ in range(3):
        assert len(list(tree.glob("**/*.png"))) == 5 and tree.has("b/left/2.png")
    assert len(read) == len(set(read)) == 7
