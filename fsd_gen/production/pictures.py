"""The pairs of a run as plain pictures and maps, one folder each, for programs that read no shards."""

from __future__ import annotations

from pathlib import Path

from fsd_gen.production.pair_files import write_pair_files
from fsd_gen.production.survey import shown_shards
from fsd_gen.shards.reader import ShardReader
from fsd_gen.shards.sample import StereoSample
from jobs.files import part_folder

FOLDER = "pictures"


def write_pairs(run_dir: Path) -> Path:
    """Write left.png, right.png, disparity.npy, flags.npy and K.txt of every pair that has no folder yet.

    Returns the folder of those folders, which are called after the samples.
    """
    folder = run_dir / FOLDER
    folder.mkdir(exist_ok=True)
    for shard in shown_shards(run_dir):
        with ShardReader(shard.path) as reader:
            for row, record in enumerate(reader.records()):
                if not (folder / record.sample_id).exists():
                    _write(reader.sample(row), folder / record.sample_id)
    return folder


def _write(sample: StereoSample, place: Path) -> None:
    with part_folder(place) as part:
        write_pair_files(
            part,
            sample.left_hwc,
            sample.right_hwc,
            sample.disparity_left_hw,
            sample.flags_left_hw,
            sample.spec.rig,
        )
