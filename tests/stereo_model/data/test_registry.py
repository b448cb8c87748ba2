"""A reader is one file in `stereo_model.data.readers` and nothing else."""

from __future__ import annotations

import sys

import pytest

from stereo_model.data import readers
from stereo_model.data.registry import dataset_kinds, open_dataset

READER = """
from stereo_model.data.base import Files, PairFiles, Truth


class Mine(PairFiles):
    kind = "{kind}"
    layout = "any folder with a file left.png"

    def __init__(self, root, *, side="left"):
        self.side = side
        super().__init__(root)

    def _scenes(self, tree):
        return [self.side]

    def _files(self, scene):
        return Files(left="left.png", right="left.png", truth="left.png")

    def _truth(self, files):
        raise NotImplementedError
"""


@pytest.fixture
def extra_reader(tmp_path, monkeypatch):
    """Puts a reader of some kind into the readers' folder for the time of a test."""

    def add(kind: str) -> None:
        (tmp_path / "mine.py").write_text(READER.format(kind=kind))
        monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(tmp_path)])
        dataset_kinds.cache_clear()

    yield add
    monkeypatch.undo()
    sys.modules.pop("stereo_model.data.readers.mine", None)
    dataset_kinds.cache_clear()


def test_a_new_reader_is_found_in_its_folder(extra_reader, tmp_path):
    before = set(dataset_kinds())
    extra_reader("mine")
    assert set(dataset_kinds()) == before | {"mine"}
    (tmp_path / "left.png").touch()
    assert open_dataset("mine", tmp_path, side="right").scene(0) == "right"


def test_two_readers_of_one_kind_are_refused(extra_reader):
    extra_reader("sintel")
    with pytest.raises(TypeError, match="both the reader of 'sintel'"):
        dataset_kinds()
