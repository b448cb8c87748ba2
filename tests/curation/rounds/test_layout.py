from __future__ import annotations

from curation.rounds.layout import RoundDir, unfinished_shards


def test_files_that_macos_leaves_beside_shards_are_no_shards(tmp_path):
    found = RoundDir(run_dir=tmp_path, number=1)
    for folder, name in ((found.regenerated, "00000.h5"), (tmp_path / "shards", "00001.h5.part")):
        folder.mkdir(parents=True)
        (folder / name).touch()
        (folder / f"._{name}").touch()
    assert [path.name for path in found.regenerated_shards()] == ["00000.h5"]
    assert [path.name for path in unfinished_shards(tmp_path)] == ["00001.h5.part"]
