"""What a step of ovrtx gave, as pictures: frames of its products, render variables of a frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fsd_gen.rtx.child.buffers import Refusal, picture
from fsd_gen.rtx.child.contract import COLOUR, DEPTH, IDS, NORMALS, Job, Product, View
from fsd_gen.rtx.child.engines.device_memory import copy_from_gpu
from fsd_gen.rtx.child.engines.ovrtx_labels import labels_of
from fsd_gen.rtx.child.versions import ID_MAP, RENDER_VARS, OvrtxVersion

UNFINISHED = "unfinished"


def products_of(product: Product, job: Job) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Paths of the render products of a camera, with the channels that each gives."""
    yield product.path, (COLOUR,)
    if truth := tuple(channel for channel in job.channels if channel != COLOUR):
        yield product.truth_path, truth


class FrameReader:
    """Reads frames as this version names what is in them; `device` is ovrtx's enumeration of them."""

    def __init__(self, device: Any, row: OvrtxVersion) -> None:
        self._device, self._row = device, row
        self._missed = ""  # why there are no ids

    def view(self, product: Product, job: Job, outputs: Any) -> View | Refusal:
        """What one camera saw, or why that is no picture."""
        pictures: dict[str, Any] = {}
        labels: dict[int, str] = {}
        for path, channels in products_of(product, job):
            frame = self._frame(outputs, path, job)
            if isinstance(frame, Refusal):
                return frame
            for channel in (name for name in channels if name != IDS):
                found = self._picture(frame, path, channel, job)
                if isinstance(found, Refusal):
                    return found
                pictures[channel] = found
            if IDS in channels:
                pictures[IDS], labels = self._ids(frame, path, job)
        return View(
            eye=product.eye,
            colour_hwc=pictures[COLOUR],
            depth_hw=pictures.get(DEPTH),
            ids_hw=pictures.get(IDS),
            labels=labels,
            normals_hwc=pictures.get(NORMALS),
        )

    def _frame(self, outputs: Any, path: str, job: Job) -> Any:
        """The last frame of a product in a step, which may give none or several."""
        frames = outputs[path].frames if path in outputs else []
        if not frames:
            return Refusal(code="empty", message=f"{path} gave no frame")
        frame = frames[-1]
        if self._row.convergence and _path_traced(path, job) and not frame.converged:
            return Refusal(code=UNFINISHED, message=f"{path}: {frame.progression} of {job.spp} samples")
        return frame

    # -- ids, which are compared, and nothing more: where there are none, the picture does without

    def _ids(self, frame: Any, path: str, job: Job) -> tuple[NDArray[np.uint32] | None, dict[int, str]]:
        """The ids with their labels, or None."""
        found, labels = self._picture_of_ids(frame, path, job), self._labels(frame, path)
        if not isinstance(found, Refusal) and not isinstance(labels, Refusal):
            return found, labels
        why = (found if isinstance(found, Refusal) else labels).message
        if why != self._missed:
            print(f"no ids: {why}", flush=True)
        self._missed = why
        return None, {}

    def _picture_of_ids(self, frame: Any, path: str, job: Job) -> Any:
        try:
            return self._picture(frame, path, IDS, job)
        except RuntimeError as error:  # neither for the CPU nor for the GPU
            return Refusal(code="empty", message=f"{path}/{RENDER_VARS[IDS]}: {error}")

    def _labels(self, frame: Any, path: str) -> Any:
        variable = self._variable(frame, path, ID_MAP)
        if isinstance(variable, Refusal):
            return variable
        try:
            return labels_of(self._read(variable))
        except RuntimeError as error:
            return Refusal(code="empty", message=f"{path}/{ID_MAP}: {error}")

    # -- render variables

    def _picture(self, frame: Any, path: str, channel: str, job: Job) -> Any:
        name = RENDER_VARS[channel]
        variable = self._variable(frame, path, name)
        if isinstance(variable, Refusal):
            return variable
        found = picture(_as_told(self._read(variable), channel), channel, job.width, job.height)
        return (
            replace(found, message=f"{path}/{name}: {found.message}") if isinstance(found, Refusal) else found
        )

    def _variable(self, frame: Any, path: str, name: str) -> Any:
        keys = (f"{path}/{name}", name) if self._row.render_var_key == "path" else (name, f"{path}/{name}")
        key = next((key for key in keys if key in frame.render_vars), None)
        if key is None:
            return Refusal(code="empty", message=f"{path} has no {name}, only {sorted(frame.render_vars)}")
        return frame.render_vars[key]

    def _read(self, variable: Any) -> NDArray[Any]:
        """A copy of what a render variable holds, which is given back at once."""
        try:
            mapped = variable.map(device=self._device.CPU)
        except RuntimeError:  # as released wheels do for some variables, which the GPU alone can be asked for
            with variable.map(device=self._device.CUDA) as mapped:
                return copy_from_gpu(mapped)
        with mapped:
            return np.array(np.from_dlpack(mapped))


def _path_traced(path: str, job: Job) -> bool:
    return any(path == product.path for product in job.products)


def _as_told(values: NDArray[Any], channel: str) -> NDArray[Any]:
    """Depth may come as the bits of its floats (IsaacLab's renderer meets it so)."""
    return values.view(np.float32) if channel == DEPTH and values.dtype == np.uint32 else values
