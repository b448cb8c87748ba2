"""The output of a rendering process is kept within bounds, and its last words are found."""

from __future__ import annotations

import subprocess

from fsd_gen.rtx import childlog
from fsd_gen.rtx.childlog import ChildLog


def write(log: ChildLog, text: str) -> None:
    subprocess.run(["sh", "-c", 'printf %s "$0"', text], stdout=log.fileno(), check=True)


def test_the_last_words_are_the_last_lines_and_errors_before_them():
    log = ChildLog(None, "")
    write(log, "start\n[Error] no Vulkan ICD\n" + "noise\n" * 50 + "one\n\n  two  words \n")
    assert log.tail() == "[Error] no Vulkan ICD | one | two words"


def test_a_log_is_cut_to_its_end_and_written_on(monkeypatch):
    monkeypatch.setattr(childlog, "MOST_BYTES", 1000)
    monkeypatch.setattr(childlog, "KEPT_BYTES", 100)
    log = ChildLog(None, "")
    write(log, "a" * 900)
    log.trim()
    assert len(log.whole()) == 900
    write(log, "b" * 200)
    log.trim()
    write(log, "c")
    assert log.whole() == "b" * 100 + "c"


def test_a_folder_keeps_the_log_under_its_name(tmp_path):
    log = ChildLog(tmp_path / "logs", "replicator-1.log")
    write(log, "\xff words")
    log.close()
    assert (tmp_path / "logs" / "replicator-1.log").read_text() == "\xff words"
