from __future__ import annotations

import io
import json
import struct
import sys

import numpy as np
import pytest
from PIL import Image
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from stereo_model.training.log import NewLines, TrainingLog, strip


def events(folder) -> list[Event]:
    """All events of TensorBoard's files: each record is length, check sum, content, check sum."""
    found = []
    for path in sorted((folder / "tensorboard").iterdir()):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            found.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
    return found


def record(step, **more):
    return {"step": step, "loss": step / 2, "indices": [7], "mix": {"fsd": 3}, **more}


def test_numbers_become_lines_and_curves(tmp_path):
    with TrainingLog(tmp_path, step=0) as log:
        log.step(record(1))
        log.validation({"step": 1, "sets": {"eth3d": {"bp2": 0.25}}})
    assert json.loads((tmp_path / "log.jsonl").read_text()) == record(1)
    values = {v.tag: (e.step, v.simple_value) for e in events(tmp_path) for v in e.summary.value}
    assert values == {"train/loss": (1, 0.5), "train/mix/fsd": (1, 3), "validation/sets/eth3d/bp2": (1, 0.25)}


def test_a_resumed_log_drops_what_will_be_done_again_everywhere(tmp_path):
    with TrainingLog(tmp_path, step=0) as log:
        for step in (1, 2, 3):
            log.step(record(step))
            log.validation({"step": step})
    with (tmp_path / "log.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')  # cut off by a crash
    with TrainingLog(tmp_path, step=1) as log:
        log.step(record(2))
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == [1, 2] and (tmp_path / "validation.jsonl").read_text() == '{"step": 1}\n'
    starts = [e.step for e in events(tmp_path) if e.session_log.status == SessionLog.START]
    assert starts == [1, 2]  # the first step that counts from there on


def test_a_picture_arrives_as_it_was(tmp_path):
    picture = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    with TrainingLog(tmp_path, step=0) as log:
        log.picture(5, picture)
    (image,) = (v.image for e in events(tmp_path) for v in e.summary.value)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(image.encoded_image_string))), picture)


def test_without_tensorboard_there_is_no_such_folder(tmp_path):
    with TrainingLog(tmp_path, step=0, tensorboard=False) as log:
        log.step(record(1))
        log.picture(1, np.zeros((2, 2, 3), np.uint8))
    assert not (tmp_path / "tensorboard").exists()


def test_a_strip_shows_left_truth_and_estimate_on_one_scale():
    left = np.full((3, 2, 4), 9, np.uint8)
    truth = np.array([[1, 2, 3, 4]] * 2, np.float32)
    valid = np.ones((2, 4), bool)
    valid[0, 0] = False
    shown = strip(left, truth, valid, truth)
    assert shown.shape == (2, 12, 3) and (shown[:, :4] == 9).all() and (shown[0, 4] == 0).all()
    assert np.array_equal(shown[:, 4:8][valid], shown[:, 8:][valid])


def test_only_complete_lines_are_read_and_each_once(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n')
    lines = NewLines(path)
    assert lines.read() == []
    with path.open("a") as file:
        file.write('{"step": 2}\n{"step"')
        file.flush()
        assert lines.read() == [{"step": 2}]
        file.write(": 3}\n")
    assert lines.read() == [{"step": 3}] and lines.read() == []


@pytest.mark.parametrize("line", ["", "[]", '{"loss": 1}', "{"])
def test_a_line_without_a_step_is_not_kept(tmp_path, line):
    (tmp_path / "log.jsonl").write_text(line + "\n")
    TrainingLog(tmp_path, step=9, tensorboard=False).close()
    assert (tmp_path / "log.jsonl").read_text() == ""


def test_without_the_extra_the_lines_are_written_and_one_line_says_how_to_have_curves(
    tmp_path, monkeypatch, caplog
):
    for name in [name for name in sys.modules if name.partition(".")[0] == "tensorboard"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "stereo_model.training.events", raising=False)
    with TrainingLog(tmp_path, step=0) as log:
        log.step(record(1))
        log.picture(1, np.zeros((2, 2, 3), np.uint8))
    assert json.loads((tmp_path / "log.jsonl").read_text()) == record(1)
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]
    (line,) = caplog.messages
    assert line.startswith("TensorBoard log off: ") and "pip install '.[tensorboard]'" in line
