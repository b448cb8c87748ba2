from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gpu_check.cuda_tests import MARK, marked, run_in
from benchmarks.gpu_check.part import ROOT, CannotRunError, Context

TESTS = f"""
import pytest

@pytest.{MARK}
def test_right(): assert True

@pytest.{MARK}
def test_wrong(): assert 1 == 2

@pytest.{MARK}
@pytest.mark.skipif(True, reason="no GPU")
def test_not_here(): pass

def test_of_something_else(): raise RuntimeError
"""
PROGRAM = """
import sys
from pathlib import Path
from benchmarks.gpu_check.cuda_tests import run_in
from benchmarks.gpu_check.part import CheckFailedError, Context
out = Path(sys.argv[1])
context = Context(device="cpu", smoke=True, out=out, scratch=out, end=0.0)
try:
    for row in run_in(out, context): print("row", sorted(row.items()))
except CheckFailedError as error:
    print("failed:", error)
"""


def run_apart(tests: Path) -> subprocess.CompletedProcess[str]:
    """In a process of its own: a pytest inside a pytest would share its plugins."""
    (tests / "pytest.ini").write_text("[pytest]\nmarkers = cuda: needs a GPU\n")
    command = [sys.executable, "-c", PROGRAM, str(tests)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_only_files_that_use_the_mark_are_collected(tmp_path: Path):
    (tmp_path / "test_one.py").write_text(TESTS)
    (tmp_path / "test_two.py").write_text("import a_library_that_is_not_there")
    assert marked(tmp_path) == [tmp_path / "test_one.py"]


def test_no_marked_test_is_a_reason_not_to_run(tmp_path: Path):
    context = Context(device="cpu", smoke=True, out=tmp_path, scratch=tmp_path, end=0.0)
    with pytest.raises(CannotRunError, match="is marked cuda"):
        list(run_in(tmp_path, context))


def test_a_file_that_only_speaks_of_the_mark_is_no_test(tmp_path: Path):
    (tmp_path / "test_one.py").write_text(f"# {MARK}\ndef test_of_something_else(): raise RuntimeError\n")
    done = run_apart(tmp_path)
    assert "CannotRunError: no test in test_one.py is marked cuda" in done.stderr


def test_marked_tests_are_counted_and_failures_named(tmp_path: Path):
    (tmp_path / "test_one.py").write_text(TESTS)
    done = run_apart(tmp_path)
    rows = [line for line in done.stdout.splitlines() if line.startswith("row")]
    assert "('failed', 1), ('passed', 1), ('skipped', 1)" in rows[0], done.stdout + done.stderr
    assert "test_one.py::test_wrong" in rows[1] and len(rows) == 2
    assert "failed: 1 of the tests marked cuda failed" in done.stdout
