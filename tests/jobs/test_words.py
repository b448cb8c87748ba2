"""What dying workers say, as it is told."""

from __future__ import annotations

import os

import pytest

from jobs.farm.words import gist_of, last_lines


def test_last_words_move_no_cursor_and_tell_no_secret_of_a_url(tmp_path):
    said = "one\n\x1b[2Jtwo\x07\x00\u202e three\nat http://user:SECRET@host/a?sig=SECRET\n\x85\n \n"
    (tmp_path / "worker-a-7.err").write_text(said)
    lines = last_lines(tmp_path, 7)
    assert lines == ["one", " [2Jtwo    three", "at http://...@host/a?..."]
    assert gist_of(lines) == lines[-1]


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_says_nothing(tmp_path, make):
    make(tmp_path / "worker-a-7.err")
    assert last_lines(tmp_path, 7) == [] and last_lines(tmp_path / "nothing", 7) == []


def test_a_crash_is_told_by_its_name(tmp_path):
    (tmp_path / "worker-a-7.err").write_text("x\nFatal Python error: Segmentation fault\n\nStack\n  File\n")
    assert gist_of(last_lines(tmp_path, 7)) == "Fatal Python error: Segmentation fault"
