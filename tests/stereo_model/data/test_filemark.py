from __future__ import annotations

import pytest

from fsd_gen.shards.seal import add_seal
from stereo_model.data import filemark
from stereo_model.data.filemark import BLOCK, FileMark, to_read


@pytest.mark.parametrize("size", [1, BLOCK, BLOCK + 1, 3 * BLOCK, 9 * BLOCK])
def test_a_byte_at_either_end_or_in_the_middle_makes_another_mark(tmp_path, size):
    path = tmp_path / "file"
    content = bytes(number % 251 for number in range(size))
    path.write_bytes(content)
    before = FileMark.of(path)
    assert before == FileMark.of(path) and before.size == size
    for place in {0, size // 2, size - 1}:
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert FileMark.of(path) != before


def test_a_sealed_file_is_known_by_all_of_its_bytes(tmp_path):
    marks = set()
    for place in (None, 3 * BLOCK):  # outside of the three blocks
        content = bytearray(16 * BLOCK)
        if place is not None:
            content[place] = 1
        (tmp_path / "shard.h5").write_bytes(content)
        add_seal(tmp_path / "shard.h5")
        marks.add(FileMark.of(tmp_path / "shard.h5"))
    assert len(marks) == 2


def test_an_empty_file_has_a_mark(tmp_path):
    (tmp_path / "empty").touch()
    assert FileMark.of(tmp_path / "empty").size == 0


def test_of_many_files_some_are_read_spread_over_all(monkeypatch):
    monkeypatch.setattr(filemark, "MOST_READ", 4)
    assert to_read([]) == frozenset()
    assert to_read(["a", "b"]) == {"a", "b"}
    assert to_read([str(number) for number in range(10)]) == {"0", "2", "5", "7"}
