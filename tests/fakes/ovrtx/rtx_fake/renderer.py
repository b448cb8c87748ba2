"""Renderer, as each version has it."""

from __future__ import annotations

import math
import os
import sys
import time
import warnings
from typing import Any

from kit_fake import hangs
from kit_fake.state import KIT

from rtx_fake import VERSION, usd
from rtx_fake.config import RendererConfig
from rtx_fake.operations import Operation
from rtx_fake.outputs import RenderProductSetOutputs, outputs_of
from rtx_fake.products import Product, read_product, render

KIT.maps = 0  # render variables that are mapped now
_stages: dict[str, Any] = {}  # by file name: what was opened once is not read again


class Scene:
    """The stage that a renderer shows."""

    def __init__(self, path: str) -> None:
        if KIT.fault("wont_open") or not os.path.exists(path):
            raise RuntimeError(f"cannot open {path}")
        self.stage = _stages.setdefault(path, usd().Stage.Open(path))
        self.products: dict[str, Product] = {}
        KIT.stage, KIT.captures = path, 0
        KIT.scenes += 1
        if megabytes := KIT.fault("grows_mb"):
            KIT.hoard.append(bytearray(b"x") * (megabytes << 20))


class _Renderer:
    def __init__(self, config: Any = None) -> None:
        if config is not None and not isinstance(config, RendererConfig):
            raise TypeError("config must be a RendererConfig")
        KIT.start()
        ours = sorted(name for name in sys.modules if name.split(".")[0] == "fsd_gen")
        KIT.journal(
            config=vars(config or RendererConfig()), environ=dict(os.environ), path=sys.path, ours=ours
        )
        _fail_to_start()
        self.config, self._scene, self._attached = config or RendererConfig(), None, None

    @property
    def version(self) -> tuple[int, int, int]:
        return VERSION

    def __bool__(self) -> bool:
        return KIT.running

    def _usable(self) -> None:
        if not KIT.running:
            raise RuntimeError("Renderer is not valid")

    # -- its own stage

    def open_usd(self, usd_file_path: str) -> None:
        self.open_usd_async(usd_file_path).wait()

    def open_usd_async(self, usd_file_path: str) -> Operation:
        self._usable()
        self._deprecated("open_usd")
        if not isinstance(usd_file_path, str):
            raise TypeError(f"expected str, got {type(usd_file_path).__name__}")
        if self._attached is not None:
            raise RuntimeError("Failed to enqueue open_usd: a stage is attached")
        return Operation(
            f"open_usd({usd_file_path})",
            lambda: self._open(usd_file_path),
            late=bool(KIT.fault("never_opens")),
        )

    def open_usd_from_string(self, root_layer_content: str) -> None:
        if not root_layer_content.strip():
            raise ValueError("root_layer_content cannot be empty")
        raise NotImplementedError("nothing here opens text")

    def _open(self, path: str) -> bool:
        self._scene = Scene(path)
        return True

    def reset_stage(self) -> None:
        self._usable()
        self._scene = None

    def reset(self, time: float = 0.0) -> None:
        self._usable()
        if not math.isfinite(time) or time < 0:
            raise ValueError(f"time must be finite and not negative, got {time}")

    def _deprecated(self, name: str) -> None:
        silent = getattr(self.config, "suppress_deprecation_warnings", None)
        if VERSION >= (0, 4, 0) and not silent:
            warnings.warn(f"{name} is deprecated since ovrtx 0.4.0", DeprecationWarning, stacklevel=2)

    # -- steps

    def _step(self, render_products: set[str], delta_time: float, ordinal: int | None) -> Operation:
        self._usable()
        if not isinstance(render_products, set):
            raise TypeError("render_products must be a set of str")
        if not render_products:
            raise ValueError("render_products must not be empty")
        if not math.isfinite(delta_time) or delta_time < 0:
            raise ValueError(f"delta_time must be finite and not negative, got {delta_time}")
        self._check_ordinal(ordinal)
        late = KIT.in_scene("slow_step") or bool(KIT.fault("never_loads"))
        return Operation("step", lambda: self._rendered(render_products), fetched=True, late=late)

    def _check_ordinal(self, ordinal: int | None) -> None:
        if (self._attached is None) != (ordinal is None):
            raise RuntimeError("ordinal is for an attached ovstage, and needed there")
        if self._attached is not None:
            if type(ordinal) is not int:
                raise TypeError("ordinal must be an integer")
            if ordinal > self._attached.floor:
                raise RuntimeError(
                    f"ordinal {ordinal} is not published: the write floor is {self._attached.floor}"
                )

    def _rendered(self, paths: set[str]) -> RenderProductSetOutputs:
        scene = self._scene if self._attached is None else self._attached.scene
        if scene is None:
            raise RuntimeError("no stage is open")
        hangs.fail_in_step("[Fatal] crash in librtx.scenedb.plugin.so", RuntimeError("device lost"))
        KIT.captures += 1
        products = [self._product(scene, path) for path in sorted(paths)]
        for product in products:
            render(product)
        KIT.journal(step=sorted(paths), settings={each.path: each.settings for each in products})
        return outputs_of(products)

    @staticmethod
    def _product(scene: Scene, path: str) -> Product:
        if path not in scene.products:
            scene.products[path] = read_product(scene.stage, path)
        return scene.products[path]

    def _end(self) -> None:
        if not KIT.running:
            return
        if KIT.maps:
            warnings.warn(
                f"Renderer destroyed with {KIT.maps} active mapping(s)", RuntimeWarning, stacklevel=3
            )
        KIT.running, KIT.ended = False, True
        _fail_to_end()


def _fail_to_start() -> None:
    print("[ovrtx] starting", flush=True)
    if KIT.fault("hang_at_start"):
        hangs.sleep()
    if KIT.fault("exit_at_start") is not None:
        print("vkCreateInstance failed: ERROR_INCOMPATIBLE_DRIVER", flush=True)
        sys.exit(KIT.fault("exit_at_start"))
    if KIT.fault("dead_at_start"):
        KIT.running = False
        raise RuntimeError("Failed to create renderer: no suitable device\nconfig: RendererConfig()")


def _fail_to_end() -> None:
    if KIT.fault("hang_in_close"):
        time.sleep(600)
    if KIT.fault("crash_in_close"):
        hangs.crash()
    if KIT.fault("exit_in_close") is not None:
        os._exit(KIT.fault("exit_in_close"))


class _Renderer03(_Renderer):
    def step(self, render_products: set[str], delta_time: float) -> RenderProductSetOutputs:
        return self.step_async(render_products, delta_time).wait().fetch()

    def step_async(self, render_products: set[str], delta_time: float) -> Operation:
        return self._step(render_products, delta_time, None)

    def __del__(self) -> None:
        self._end()


class _Renderer04(_Renderer):
    def step(
        self, render_products: set[str], delta_time: float, *, ordinal: int | None = None
    ) -> RenderProductSetOutputs:
        return self.step_async(render_products, delta_time, ordinal=ordinal).wait().fetch()

    def step_async(
        self, render_products: set[str], delta_time: float, *, ordinal: int | None = None
    ) -> Operation:
        return self._step(render_products, delta_time, ordinal)

    def attach_ovstage(self, stage: Any) -> None:
        self._usable()
        if self._attached is not None:
            raise RuntimeError("Renderer already has an ovstage attached")
        if not hasattr(stage, "_inst"):
            raise TypeError("stage must be a live ovstage.Stage instance")
        if stage._inst is None:
            raise ValueError("Cannot attach a destroyed ovstage.Stage")
        self._attached = stage
        stage.attached = True

    def detach_ovstage(self) -> None:
        self._usable()
        if self._attached is None:
            raise RuntimeError("Renderer has no ovstage attached")
        self._attached.attached = False
        self._attached = None

    def destroy(self) -> None:
        self._end()


Renderer = _Renderer04 if VERSION >= (0, 4, 0) else _Renderer03
