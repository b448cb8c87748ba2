"""AnnotatorRegistry and Annotator."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from kit_fake.state import KIT


class AnnotatorRegistryError(Exception):
    pass


class AnnotatorError(Exception):
    pass


class AugmentationError(Exception):
    pass


NAMES = {
    "rgb",
    "LdrColor",
    "HdrColor",
    "distance_to_image_plane",
    "distance_to_camera",
    "normals",
    "instance_id_segmentation_fast",
    "camera_params",
}
FIELD = {
    "HdrColor": "colour",
    "distance_to_image_plane": "depth",
    "normals": "normals",
    "instance_id_segmentation_fast": "ids",
}


class Annotator:
    def __init__(self, name: str, parameters: dict[str, Any]) -> None:
        self._name, self._parameters = name, parameters
        self._product: Any = None
        self._attached = self._detached = False

    @property
    def is_attached(self) -> bool:
        return self._attached  # still True after detach

    def attach(self, render_products: Any, render_product_idxs: Any = None) -> Annotator:
        if isinstance(render_products, list | tuple):
            if len(render_products) > 1:
                raise NotImplementedError("an annotator has one render product")
            (render_products,) = render_products
        if render_products.stepped:  # IsaacSim issue 847: hangs a CUDA kernel
            raise RuntimeError("the graph changes while its products are rendered")
        render_products.hydra_texture.set_updates_enabled(False)
        self._product, self._attached = render_products, True
        render_products.hydra_texture.set_updates_enabled(True)
        return self

    def detach(self, render_products: Any = None) -> None:
        if not self._attached or self._detached:
            raise AnnotatorError(f"{self._name} is not attached")
        if KIT.fault("no_detach"):
            raise AnnotatorError(f"{self._name}: the graph of its product is gone")
        self._detached = True

    def get_data(
        self, device: str | None = None, do_array_copy: bool = False, use_legacy_structure: bool = True
    ) -> Any:
        if not self._attached:
            raise AnnotatorError(f"{self._name} was never attached")
        if device is not None and not re.fullmatch(r"cpu|cuda(:\d+)?", device):
            raise ValueError(f"unknown device {device}")
        if self._detached or self._product.hydra_texture is None:
            raise AnnotatorRegistryError(f"{self._name}: its node is gone")
        return self._structured(self._values(), use_legacy_structure)

    def _values(self) -> Any:
        frame = self._product.frame
        if KIT.captures <= KIT.faults.get("none", 0):
            return None
        unmade = self._name == "HdrColor" and "HdrColor" not in self._product.render_vars
        if frame is None or unmade or KIT.captures <= KIT.faults.get("empty", 0):
            return np.array([])
        values = getattr(frame, FIELD[self._name])
        if KIT.fault("flat"):
            return values.ravel()
        return values[: len(values) // 2] if KIT.fault("half") else values

    def _structured(self, values: Any, legacy: bool) -> Any:
        if self._name != "instance_id_segmentation_fast" or values is None:
            return values
        labels = {0: "INVALID", **(self._product.frame.labels if self._product.frame else {})}
        return {"data": values, "info": {"idToLabels": labels}} if legacy else {"data": values}


class AnnotatorRegistry:
    @classmethod
    def get_annotator(
        cls,
        name: str,
        init_params: dict | None = None,
        render_product_idxs: list | None = None,
        device: str | None = None,
        do_array_copy: bool = True,
    ) -> Annotator:
        if not isinstance(name, str) or name not in NAMES - _missing():
            raise AnnotatorRegistryError(f"Annotator {name!r} is not registered")
        if init_params is not None and not isinstance(init_params, dict):
            raise AnnotatorRegistryError("init_params must be a dict")
        if device is not None and not re.fullmatch(r"cpu|cuda(:\d+)?", device):
            raise AnnotatorRegistryError(f"unknown device {device}")
        return Annotator(name, init_params or {})

    @classmethod
    def register_annotator_from_aov(
        cls,
        aov: str,
        output_data_type: Any = None,
        output_channels: int = 1,
        on_attach_callback: Any = None,
        name: str | None = None,
        is_gpu_enabled: bool = True,
        documentation: str | None = None,
    ) -> None:
        NAMES.add(name or aov)
        KIT.faults.pop("no_hdr", None)


def _missing() -> set[str]:
    """Of a build that does not register every AOV by itself."""
    return {"HdrColor"} if KIT.fault("no_hdr") else set()
