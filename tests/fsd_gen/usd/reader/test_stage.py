"""Files that are no stage are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsd_gen.usd.errors import StageError
from fsd_gen.usd.reader import read_stage
from tests.fsd_gen.usd.reader.stages import quad, stage_file


def test_an_empty_stage_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no visible geometry"):
        read_stage(stage_file(tmp_path, ""), None)


def test_files_that_are_no_stage_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no such stage file"):
        read_stage(tmp_path / "none.usda", None)
    broken = tmp_path / "broken.usda"
    broken.write_text("hello")
    with pytest.raises(StageError, match="cannot be opened as a USD stage"):
        read_stage(broken, None)


def test_a_reference_to_a_missing_file_is_refused(tmp_path: Path) -> None:
    body = quad() + 'def Xform "Gone" ( references = @./gone.usda@ ) {}'
    with pytest.raises(StageError, match=r"does not compose: .*gone\.usda"):
        read_stage(stage_file(tmp_path, body), None)
