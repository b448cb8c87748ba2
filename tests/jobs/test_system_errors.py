from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from jobs.files import DiskFullError
from jobs.system_errors import REMEDIES, explain


def refused(act) -> OSError:
    with pytest.raises(OSError) as caught:
        act()
    return caught.value


def test_a_file_where_a_folder_is_wanted_is_named_with_the_remedy(tmp_path):
    (tmp_path / "taken").write_text("a file")
    text = explain(refused(lambda: (tmp_path / "taken" / "run").mkdir(parents=True)))
    assert text == (
        f"{tmp_path}/taken/run: {tmp_path}/taken is a file; expected a folder: name another, "
        "or move the file away"
    )


def test_a_broken_link_is_told_as_one_wherever_on_the_way_it_is(tmp_path):
    (tmp_path / "away").symlink_to("/mnt/unplugged")
    text = explain(refused(lambda: (tmp_path / "away" / "picture.png").write_bytes(b"")))
    assert f"{tmp_path}/away is a symbolic link to /mnt/unplugged, which is not there" in text


@pytest.mark.parametrize("code", REMEDIES)
def test_every_refusal_is_one_line_with_the_place(code):
    text = explain(OSError(code, os.strerror(code)), Path("/nowhere/run"))
    assert text == f"/nowhere/run: {REMEDIES[code]}" and "\n" not in text


def test_a_refusal_nobody_thought_of_keeps_the_words_of_the_system():
    text = explain(OSError(errno.EXDEV, "Invalid cross-device link", "a"))
    assert text == f"a: Invalid cross-device link [errno {errno.EXDEV}]"


def test_an_error_with_a_text_of_its_own_keeps_it(tmp_path):
    assert explain(OSError("no such\nsample")) == "no such sample"
    assert "disk full" in explain(DiskFullError.at(tmp_path / "a.h5", 1 << 20))
