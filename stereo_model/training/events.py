"""TensorBoard's event files, written without torch's wrapper. The only module that knows TensorBoard."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jobs.extras import extra

with extra("tensorboard"):
    from tensorboard.compat.proto.event_pb2 import Event, SessionLog
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

FLUSH_S = 30  # seconds between writes of the file


class EventLog:
    """Curves and pictures of a training in a folder of its own."""

    def __init__(self, folder: Path, *, first_step: int) -> None:
        """What earlier files say of `first_step` and later is forgotten by TensorBoard."""
        self._writer = EventFileWriter(str(folder), flush_secs=FLUSH_S)
        started = SessionLog(status=SessionLog.START)
        self._writer.add_event(Event(step=first_step, wall_time=time.time(), session_log=started))

    def curves(self, step: int, values: Mapping[str, float]) -> None:
        """One point of each named curve."""
        self._add(step, [Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])

    def picture(self, step: int, tag: str, picture_hwc: NDArray[np.uint8]) -> None:
        """A picture (H,W,3)."""
        height, width, _ = picture_hwc.shape
        png = io.BytesIO()
        Image.fromarray(picture_hwc).save(png, "PNG")
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png.getvalue())
        self._add(step, [Summary.Value(tag=tag, image=image)])

    def close(self) -> None:
        """Write everything out."""
        self._writer.close()

    def _add(self, step: int, values: list[Summary.Value]) -> None:
        self._writer.add_event(Event(step=step, wall_time=time.time(), summary=Summary(value=values)))
