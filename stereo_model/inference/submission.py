"""A benchmark's upload: the disparity of every pair as a 16-bit PNG named as the left image, in one folder.

KITTI's servers take such a folder: 000000_10.png, 000001_10.png, ... of disparity x 256.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from jobs.files import part_folder
from jobs.store.mirror import refuse_url
from stereo_model.inference.images import PairError
from stereo_model.inference.pairs import PairPaths
from stereo_model.inference.results import ResultFolderError

PICTURE = "disparity.png"


def require_submission(pairs: Sequence[PairPaths], folder: Path, *, replace: bool = False) -> None:
    """Raise PairError or ResultFolderError unless the pictures of the pairs can go to `folder`."""
    names = [pair.left.stem for pair in pairs]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        sharing = sum(name in twice for name in names)
        raise PairError(
            f"--submission: {sharing} left images share their name with another, such as {twice[0]}; "
            "expected a name of its own for every pair"
        )
    refuse_url(folder, "--submission")
    if folder.exists() and not folder.is_dir():
        raise ResultFolderError(f"{folder}: not a folder; choose another place for the submission")
    there = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    foreign = [name for name in there if not name.endswith(".png")]
    if foreign:
        raise ResultFolderError(f"{folder}: holds {foreign[0]}, which is no submission; choose a new folder")
    if there and not replace:
        raise ResultFolderError(f"{folder}: holds an earlier submission; choose another or give --replace")


def write_submission(pairs: Sequence[PairPaths], results: Path, folder: Path) -> None:
    """Put the PNG of every pair's result below `results` into `folder`, whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with part_folder(folder) as part:
        for pair in pairs:
            shutil.copyfile(results / pair.name / PICTURE, part / f"{pair.left.stem}.png")
