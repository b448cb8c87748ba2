"""What tests of stores put."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    path = tmp_path / "00000.h5"
    path.write_bytes(b"finished" * 1000)
    return path
