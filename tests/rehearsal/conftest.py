"""What the rehearsals compare their runs with."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from assets_manifest.library import AssetLibrary
from tests.rehearsal.farm import CONFIG, TINY, pictures
from tests.rehearsal.software import ROOT


@pytest.fixture(scope="session")
def quiet(library: AssetLibrary, tmp_path_factory: pytest.TempPathFactory) -> dict[int, str]:
    """Content ids of an undisturbed run on this machine alone, by slot."""
    run_dir = tmp_path_factory.mktemp("quiet") / "run"
    told = f"render {TINY} --workers 2 --out {run_dir}".split()
    shutil.copy(CONFIG, run_dir.parent / "tiny.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "fsd_gen", *told],
        cwd=run_dir.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return pictures(run_dir)
