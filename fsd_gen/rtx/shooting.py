"""A staged scene through a rendering process: the layer, the job, and the frames as images of the rig."""

from __future__ import annotations

from collections.abc import Callable

from fsd_gen.rtx.child.contract import Job, View
from fsd_gen.rtx.frames import Frames, frames_of
from fsd_gen.rtx.layer import author_rtx_layer
from fsd_gen.rtx.targets import Target
from fsd_gen.scene.rig import StereoRig
from fsd_gen.scene.spec import RenderSettings
from fsd_gen.usd.staged import StagedScene
from jobs.scratch import scratch_folder

Render = Callable[[Job], tuple[View, ...]]  # what a rendering process does


def shoot(
    staged: StagedScene, rig: StereoRig, settings: RenderSettings, target: Target, render: Render
) -> Frames:
    """Both eyes of a scene. The layer is gone afterwards.

    Raises:
        BackendError: this scene or rig cannot be rendered so, or what came back is no picture of it.
        StageError, StageWriteError: the layer cannot be written over it.
    """
    with scratch_folder("rtx") as folder:
        stage = author_rtx_layer(staged, rig, settings, target, folder)
        return frames_of(render(stage.job(settings)), stage, target.named)
