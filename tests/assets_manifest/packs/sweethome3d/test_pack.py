from __future__ import annotations

from pathlib import Path

from assets_manifest.packs.sweethome3d.pack import Job, convert_all, convert_one
from tests.assets_manifest.packs.sweethome3d.furniture import (
    cube_model,
    write_library,
)


def job(tmp_path: Path, **changes: object) -> Job:
    return Job(
        model=cube_model(**changes),
        library_folder=tmp_path / "Demo",
        pack_folder=tmp_path / "pack",
        note=tmp_path / "notes/cube.json",
    )


def test_a_converted_model_becomes_a_record_with_its_texture(tmp_path: Path) -> None:
    write_library(tmp_path)
    record = convert_one(job(tmp_path)).asset
    assert record is not None and record.id == "sweethome3d/Demo/cube"
    assert record.size_m == (1.2, 0.6, 0.75) and record.triangles == 12 and record.top_m == 0.75
    assert record.attachments[0][0] == "objects/Demo/cube/front.png"
    assert (tmp_path / "pack" / record.uri).is_file()


def test_a_refused_model_leaves_its_reason_and_no_files(tmp_path: Path) -> None:
    write_library(tmp_path, texture=False)
    outcome = convert_one(job(tmp_path))
    assert outcome.asset is None and "front.png" in (outcome.skipped or "").lower()
    assert not (tmp_path / "pack/objects/Demo/cube").exists()


def test_a_model_with_a_note_is_not_converted_again(tmp_path: Path) -> None:
    write_library(tmp_path)
    first = convert_one(job(tmp_path))
    (tmp_path / "Demo/demo/cube/cube.obj").unlink()
    again = convert_all([job(tmp_path)], lambda *_: None, processes=1)
    assert again == {"sweethome3d/Demo/cube": first}
