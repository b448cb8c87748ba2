from __future__ import annotations

import pytest

from stereo_model.inference.results import (
    RESULT,
    ResultFolderError,
    read_result,
    require_free,
    result_folder,
    write_result,
)


def fill(target, value: int, **options) -> None:
    with result_folder(target, **options) as folder:
        (folder / "numbers.txt").write_text(str(value))
        write_result(folder, {"value": value})


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_when_it_is_complete(tmp_path):
    target = tmp_path / "deep" / "out"
    with result_folder(target) as folder:
        write_result(folder, {"value": 1})
        assert not target.exists()
    assert names(target) == [RESULT] and read_result(target) == {"value": 1}
    assert names(tmp_path / "deep") == ["out"]


def test_a_failure_leaves_nothing_behind(tmp_path):
    with pytest.raises(KeyError), result_folder(tmp_path / "out") as folder:
        (folder / "half.txt").write_text("half")
        raise KeyError
    assert names(tmp_path) == []
    with pytest.raises(ResultFolderError, match="was not written"), result_folder(tmp_path / "out"):
        pass
    assert names(tmp_path) == []


def test_a_failure_leaves_an_earlier_result_as_it_was(tmp_path):
    fill(tmp_path / "out", 1)
    with pytest.raises(KeyError), result_folder(tmp_path / "out", replace=True):
        raise KeyError
    assert read_result(tmp_path / "out") == {"value": 1} and names(tmp_path) == ["out"]


def test_an_earlier_result_is_replaced_only_on_demand(tmp_path):
    fill(tmp_path / "out", 1)
    with pytest.raises(ResultFolderError, match="holds an earlier result"):
        fill(tmp_path / "out", 2)
    fill(tmp_path / "out", 2, replace=True)
    assert read_result(tmp_path / "out") == {"value": 2} and names(tmp_path) == ["out"]


def test_a_folder_of_other_things_is_never_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(ResultFolderError, match="files that are not results"):
        fill(tmp_path / "out", 1, replace=True)
    assert names(tmp_path / "out") == ["thesis.tex"]
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultFolderError, match="not a folder"):
        fill(tmp_path / "file", 1, replace=True)


def test_an_empty_folder_is_taken_over(tmp_path):
    (tmp_path / "out").mkdir()
    fill(tmp_path / "out", 1)
    assert read_result(tmp_path / "out") == {"value": 1}


def test_a_damaged_result_is_named(tmp_path):
    assert read_result(tmp_path) is None
    (tmp_path / RESULT).write_text("{")
    with pytest.raises(ResultFolderError, match="not JSON"):
        read_result(tmp_path)
    with pytest.raises(ValueError):
        write_result(tmp_path, {"value": float("nan")})


def test_a_place_below_a_file_is_refused_before_any_work(tmp_path):
    (tmp_path / "file").touch()
    for place in (tmp_path / "file", tmp_path / "file" / "folder", tmp_path / "file" / "deep" / "folder"):
        with pytest.raises(ResultFolderError, match="file: not a folder"):
            require_free(place)
    require_free(tmp_path / "new" / "folder")
