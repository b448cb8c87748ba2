from __future__ import annotations

from pathlib import Path

from assets_manifest.packs.sweethome3d.pack import Conversion, Job, _dropped_notes, convert_all, convert_one
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
        source="sweethome3d-furniture 1.8-1",
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


def test_dropped_faces_are_counted_in_the_note_and_told_in_the_packs_report(tmp_path: Path) -> None:
    library = write_library(tmp_path)
    with open(library / "demo/cube/cube.obj", "a") as file:
        file.write("f 8/4 5/1 6/2\nf 7/3 6/2 5/1\nf 5/1 5/1 6/2\n")  # the front's again, one from behind
    conversion = convert_one(job(tmp_path))
    assert (conversion.repeated_corners, conversion.duplicates) == (0, 1)
    assert conversion.asset is not None and conversion.asset.triangles == 13
    told = _dropped_notes({"a": conversion, "b": conversion, "c": Conversion(repeated_corners=4)})
    assert told == (
        "dropped 4 faces with repeated corners in 1 objects",
        "dropped 2 duplicate faces in 2 objects",
    )
