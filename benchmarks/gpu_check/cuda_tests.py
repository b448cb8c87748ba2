"""The project's own tests that are marked `cuda`.

Only files that speak of the mark are collected, so that tests of libraries that are not there cannot break
the collection; `tests/conftest.py` is left out where it cannot be imported, which is said.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.gpu_check.part import ROOT, CannotRunError, CheckFailedError, Context, Row

MARK = "mark.cuda"
MOST_TEXT = 300  # characters of a failure


class Listener:
    """A plugin of pytest that counts outcomes and keeps failures."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.failures: list[Row] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Each phase of each test; set-up and tear-down count only where they do not pass."""
        if report.when != "call" and report.outcome == "passed":
            return
        self.counts[report.outcome] += 1
        if report.outcome == "failed":
            last = report.longreprtext.strip().splitlines()[-1:]
            self.failures.append({"case": report.nodeid, "failed": " ".join(last)[:MOST_TEXT]})

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported."""
        if report.failed:
            self.counts["failed"] += 1
            last = report.longreprtext.strip().splitlines()[-1:]
            self.failures.append({"case": report.nodeid, "failed": " ".join(last)[:MOST_TEXT]})


def run(context: Context) -> Iterator[Row]:
    """How many passed, and every failure."""
    yield from run_in(ROOT / "tests", context)


def run_in(tests: Path, context: Context) -> Iterator[Row]:
    """The same of another folder of tests. Raises CannotRunError where none is marked."""
    files = marked(tests)
    if not files:
        raise CannotRunError(f"no test in {tests.name} is marked cuda")
    listener, options = Listener(), ["-m", "cuda", "-p", "no:cacheprovider"]
    refusal = conftest_refusal()
    if refusal:
        yield {"case": "tests/conftest.py is left out", "because": refusal}
        options.append("--noconftest")
    pytest.main([*options, *map(str, files)], plugins=[listener])
    if not listener.counts:
        raise CannotRunError(f"no test in {', '.join(path.name for path in files)} is marked cuda")
    yield {"case": f"{len(files)} files", **listener.counts}
    yield from listener.failures
    if listener.failures:
        raise CheckFailedError(f"{len(listener.failures)} of the tests marked cuda failed")


def marked(tests: Path) -> list[Path]:
    """Test files that use the mark."""
    return [path for path in sorted(tests.rglob("test_*.py")) if MARK in path.read_text(encoding="utf-8")]


def conftest_refusal() -> str:
    """Why the shared fixtures cannot be imported; empty where they can."""
    try:
        importlib.import_module("tests.conftest")
    except ImportError as error:
        return f"{type(error).__name__}: {error}"
    return ""
