"""Render products of Replicator with their annotators: made, read, destroyed.

`rep` is `omni.replicator.core`. Its own errors derive from Exception alone, and are known by their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fsd_gen.rtx.child.buffers import Refusal, paths_of, picture
from fsd_gen.rtx.child.contract import COLOUR, DEPTH, IDS, NORMALS, EngineError, Fault, Job, Product, View

HDR = "HdrColor"
ANNOTATORS: Mapping[str, tuple[str, Mapping[str, object] | None]] = {  # channel -> name, init_params
    COLOUR: (HDR, None),
    DEPTH: ("distance_to_image_plane", None),
    IDS: ("instance_id_segmentation_fast", {"colorize": False}),
    NORMALS: ("normals", None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """One product of a job with its annotators, by channel."""

    product: Product
    render_product: Any  # kept: Replicator destroys one that nobody holds
    annotators: Mapping[str, Any]


def make_shot(rep: Any, product: Product, job: Job) -> Shot:
    """Raises EngineError where Replicator takes no such camera."""
    render_product = _render_product(rep, product, job)
    annotators = {}
    for channel in job.channels:
        annotators[channel] = _annotator(rep.AnnotatorRegistry, *ANNOTATORS[channel])
        annotators[channel].attach(render_product)
    return Shot(product=product, render_product=render_product, annotators=annotators)


def _render_product(rep: Any, product: Product, job: Job) -> Any:
    size = (job.width, job.height)
    try:
        return rep.create.render_product(product.camera, size, name=f"fsd_{product.eye}", render_vars=[HDR])
    except ValueError as error:
        message = f"Replicator took no camera at <{product.camera}>: {error}"
        raise EngineError(Fault(code="load", message=message)) from error


def _annotator(registry: Any, name: str, parameters: Mapping[str, object] | None) -> Any:
    keywords = {} if parameters is None else {"init_params": dict(parameters)}
    try:
        return registry.get_annotator(name, **keywords)
    except Exception as error:
        if type(error).__name__ != "AnnotatorRegistryError" or name != HDR:
            raise
    registry.register_annotator_from_aov(aov=HDR, output_data_type=np.float16, output_channels=4)
    return registry.get_annotator(name)


def update(shots: Iterable[Shot], enabled: bool) -> None:
    """Whether the products are rendered. Attaching switches it on, so that "off" comes after all of that."""
    for shot in shots:
        shot.render_product.hydra_texture.set_updates_enabled(enabled)


def view_of(shot: Shot, job: Job) -> View | Refusal:
    """What the annotators hold now, or why one of it is no picture."""
    pictures: dict[str, Any] = {}
    labels: dict[int, str] = {}
    for channel, annotator in shot.annotators.items():
        data = annotator.get_data()
        if isinstance(data, Mapping):
            labels = paths_of(data.get("info", {}).get("idToLabels"))
            data = data.get("data")
        found = picture(data, channel, job.width, job.height)
        if isinstance(found, Refusal):
            name = ANNOTATORS[channel][0]
            return Refusal(code=found.code, message=f"{name} of {shot.product.camera}: {found.message}")
        pictures[channel] = found
    return View(
        eye=shot.product.eye,
        colour_hwc=pictures[COLOUR],
        depth_hw=pictures.get(DEPTH),
        ids_hw=pictures.get(IDS),
        labels=labels,
        normals_hwc=pictures.get(NORMALS),
    )


def destroy(shots: Iterable[Shot]) -> None:
    """Before another stage is opened: products live in the session, not in the stage."""
    for shot in shots:
        for annotator in shot.annotators.values():
            _detach(annotator)
        shot.render_product.destroy()


def _detach(annotator: Any) -> None:
    try:
        annotator.detach()
    except Exception as error:  # 5.0 has faults in it; destroying the product takes the graph along
        print(f"an annotator could not be detached: {error!r}", flush=True)
