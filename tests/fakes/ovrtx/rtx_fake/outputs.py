"""What a step gives: outputs by product, frames, render variables, and maps of them."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from kit_fake.state import KIT

from rtx_fake import VERSION
from rtx_fake.memory import CUDA, gpu_capsule
from rtx_fake.products import GIVEN, Product, buffer


class Device(enum.IntEnum):
    DEFAULT = 0
    CPU = 1
    CUDA = 2
    CUDA_ARRAY = 3


class MappedRenderVar:
    def __init__(self, values: np.ndarray, device: Device, owner: RenderVarOutput) -> None:
        self._values, self._device, self._owner = values, device, owner
        self._unmapped = False

    def _there(self) -> np.ndarray:
        if self._unmapped:
            raise RuntimeError(f"Mapping for '{self._owner._name}' already released")
        return self._values

    def __dlpack__(
        self, *, stream: Any = None, max_version: Any = None, dl_device: Any = None, copy: Any = None
    ):
        if self._device == Device.CPU:
            return self._there().__dlpack__()
        return gpu_capsule(self._there())

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0) if self._device == Device.CPU else (CUDA, 0)

    def unmap(self, event: Any = None, stream: Any = None) -> None:
        if self._unmapped:
            return
        if self._device == Device.CPU and (event is not None or stream is not None):
            raise ValueError("CUDA sync parameters (event/stream) not applicable for CPU-mapped outputs")
        self._unmapped = True
        self._owner._mapped = None
        KIT.maps -= 1

    def __enter__(self) -> MappedRenderVar:
        return self

    def __exit__(self, *_: object) -> bool:
        self.unmap()
        return False


class RenderVarOutput:
    def __init__(self, path: str, name: str, values: Callable[[], np.ndarray]) -> None:
        self._name, self._values = name, values
        self._mapped: MappedRenderVar | None = None
        if VERSION >= (0, 5, 0):
            self.render_var_path, self.source_name, self.source_type = path, name, "raw"
        else:
            self.name = name

    def map(self, device: Device = Device.CPU, sync_stream: int | None = None) -> MappedRenderVar:
        if self._mapped is not None:
            raise RuntimeError(f"Render var '{self._name}' already mapped")
        if not isinstance(device, Device):
            raise TypeError(f"device must be a Device, not {type(device).__name__}")
        if device == Device.CPU and KIT.fault("no_cpu_map") and self._name == "DistanceToImagePlaneSD":
            raise RuntimeError("Failed to map render var: no CPU readback for this texture")
        KIT.maps += 1
        self._mapped = MappedRenderVar(np.array(self._values()), device, self)
        return self._mapped


class FrameOutput:
    def __init__(self, product: Product, render_vars: dict[str, RenderVarOutput]) -> None:
        self.start_time = self.end_time = 0.0
        self.render_vars = render_vars
        if VERSION >= (0, 5, 0):
            path_traced = product.mode == "PathTracing"
            self.progression = product.samples if path_traced else 0
            self.converged = path_traced and product.samples >= product.settings["spp"]


class ProductOutput:
    def __init__(self, name: str, frames: list[FrameOutput]) -> None:
        self.name, self.frames = name, frames


class RenderProductSetOutputs:
    def __init__(self, products: dict[str, ProductOutput]) -> None:
        self._outputs = products

    def __getitem__(self, key: str) -> ProductOutput:
        if key not in self._outputs:
            raise KeyError(
                f"No product '{key}'. Available products:\n  " + "\n  ".join(sorted(self._outputs))
            )
        return self._outputs[key]

    def __contains__(self, key: object) -> bool:
        return key in self._outputs

    def __iter__(self):
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)

    def keys(self):
        return self._outputs.keys()

    def values(self):
        return self._outputs.values()

    def items(self):
        return self._outputs.items()


def outputs_of(products: list[Product]) -> RenderProductSetOutputs:
    return RenderProductSetOutputs({product.path: _output(product) for product in products})


def _output(product: Product) -> ProductOutput:
    if KIT.captures <= KIT.faults.get("none", 0):
        return ProductOutput(product.path, [])
    variables = {}
    for path, name in product.variables.items():
        if name in GIVEN[product.mode] and not (name == "SemanticSegmentation" and KIT.fault("no_ids")):
            key = path if VERSION >= (0, 5, 0) else name
            variables[key] = RenderVarOutput(path, name, partial(buffer, replace(product), name))
    return ProductOutput(product.path, [FrameOutput(product, variables)])
