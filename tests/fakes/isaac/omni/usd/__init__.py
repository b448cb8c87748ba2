"""omni.usd: the context that holds the stage."""

from __future__ import annotations

import os
from typing import Any

from kit_fake.state import DEFAULTS, KIT, LOADS, require_app

require_app("omni.usd")


class UsdContext:
    def open_stage(self, url: str, *, load_set: Any = None) -> bool:
        if not isinstance(url, str):
            raise TypeError("open_stage(): incompatible function arguments")
        if KIT.products:  # the real one takes it, and crashes or empties frames later
            raise RuntimeError("render products of the stage before are still there")
        self._forget()
        if KIT.fault("wont_open") or not os.path.isabs(url) or not os.path.exists(url):
            return False
        KIT.stage, KIT.loading = url, LOADS
        KIT.scenes += 1
        KIT.settings |= DEFAULTS
        if megabytes := KIT.fault("grows_mb"):
            KIT.hoard.append(bytearray(b"x") * (megabytes << 20))
        return True

    def _forget(self) -> None:
        KIT.stage = None
        KIT.updates = KIT.subframes = KIT.captures = KIT.loading = 0

    def new_stage(self) -> bool:
        self._forget()
        return True

    def close_stage(self) -> bool:
        self._forget()
        return True

    def get_stage(self) -> Any:
        from pxr import Usd

        return Usd.Stage.Open(KIT.stage) if KIT.stage else None

    def get_stage_loading_status(self) -> tuple[str, int, int]:
        return "", LOADS - KIT.loading, KIT.loading


_CONTEXT = UsdContext()


def get_context(name: str = "") -> UsdContext:
    return _CONTEXT
