"""rep.orchestrator."""

from __future__ import annotations

import enum

from kit_fake import hangs
from kit_fake.pictures import Frame, black, shoot
from kit_fake.state import KIT

CRASHED = "[Fatal] [carb.crashreporter-breakpad.plugin] crash in libomni.hydra.rtx.so"


class OrchestratorError(Exception):
    pass


class Status(enum.Enum):
    NOT_STARTED = enum.auto()
    STARTED = enum.auto()
    STOPPED = enum.auto()
    STOPPING = enum.auto()


def set_capture_on_play(value: bool) -> None:
    KIT.capture_on_play = bool(value)


def get_status() -> Status:
    return Status.STOPPED


def wait_until_complete() -> None:
    if not KIT.running:
        raise OrchestratorError("the app is closed")


def step(
    rt_subframes: int = -1,
    pause_timeline: bool = True,
    delta_time: float | None = None,
    wait_for_render: bool = True,
) -> None:
    if type(rt_subframes) is not int or not (rt_subframes == -1 or rt_subframes > 0):
        raise ValueError(f"rt_subframes must be -1 or greater than 0, got {rt_subframes!r}")
    if not KIT.running or KIT.stage is None:
        raise OrchestratorError("there is no stage to capture")
    if KIT.capture_on_play:  # the real one captures twice, now and then
        raise OrchestratorError("set_capture_on_play(False) comes first")
    if KIT.settings["/rtx/pathtracing/totalSpp"] < 1:
        raise OrchestratorError("totalSpp must not be 0")
    hangs.fail_in_step(CRASHED, OrchestratorError("the graph could not be built"))
    KIT.journal(step=rt_subframes, delta_time=delta_time, settings=KIT.settings)
    KIT.captures += 1
    KIT.subframes += rt_subframes if rt_subframes > 0 else KIT.settings["/omni/replicator/RTSubframes"]
    for product in KIT.products:
        product.stepped = True
        if product.hydra_texture.enabled:
            product.frame = _frame(product, wait_for_render)


_before: dict[str, Frame] = {}  # the last frame of each product's name


def _frame(product: object, wait_for_render: bool) -> Frame:
    """What a step leaves in a product; old where nobody waits for it, black where nothing is there."""
    path, (width, height) = product.path, product.size
    late = not wait_for_render or KIT.settings["/app/asyncRendering"]
    stale = KIT.captures <= KIT.faults.get("stale", 0) + 1 and KIT.fault("stale") and path in _before
    if (late and KIT.captures == 1) or stale:
        return _before.get(path, black(width, height))
    if KIT.loading or KIT.captures <= KIT.faults.get("black", 0):
        return black(width, height)
    frame = shoot(product.camera, width, height, warm=KIT.subframes > 2)
    _before[path] = frame
    return frame
