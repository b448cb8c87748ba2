"""rep.create.render_product."""

from __future__ import annotations

from typing import Any

from kit_fake.pictures import has_camera
from kit_fake.state import KIT


class _HydraTexture:
    def __init__(self, product: RenderProduct) -> None:
        self._product = product
        self.enabled = True

    def set_updates_enabled(self, enabled: bool) -> None:
        if not isinstance(enabled, bool):
            raise TypeError("set_updates_enabled(): incompatible function arguments")
        self.enabled = enabled

    def get_render_product_path(self) -> str:
        return self._product.path

    def get_camera_path(self) -> str:
        return self._product.camera

    @property
    def width(self) -> int:
        return self._product.size[0]

    @property
    def height(self) -> int:
        return self._product.size[1]


class RenderProduct:
    """What render_product returns; the real one is called HydraTexture."""

    def __init__(self, camera: str, size: tuple[int, int], name: str, render_vars: list[str]) -> None:
        self.camera, self.size = camera, size
        self.path = f"/Render/HydraTextures/{name}"
        self.render_vars = {"LdrColor", *render_vars}
        self.hydra_texture: _HydraTexture | None = _HydraTexture(self)
        self.annotators: list[Any] = []
        self.stepped = False
        self.frame: Any = None

    def destroy(self) -> None:
        if self.hydra_texture is None:
            return
        self.hydra_texture.set_updates_enabled(False)
        self.hydra_texture = None
        KIT.products.remove(self)
        KIT.product_names.discard(self.path)


def render_product(
    camera: Any,
    resolution: tuple[int, int],
    force_new: bool = False,
    name: str | None = None,
    render_vars: list[str] | None = None,
) -> RenderProduct:
    if not isinstance(resolution, list | tuple) or len(resolution) != 2:
        raise TypeError("Invalid resolution, expected a tuple or list of two")
    if name is not None and not isinstance(name, str):
        raise TypeError("Tf.IsValidIdentifier: Python argument types did not match C++ signature")
    if not isinstance(camera, str) or not has_camera(camera):
        raise ValueError("No valid sensor paths provided")
    name = name or "Replicator"
    while f"/Render/HydraTextures/{name}" in KIT.product_names:
        name += "_01"
    width, height = map(int, resolution)
    product = RenderProduct(camera, (width, height), name, render_vars or [])
    KIT.products.append(product)
    KIT.product_names.add(product.path)
    return product
