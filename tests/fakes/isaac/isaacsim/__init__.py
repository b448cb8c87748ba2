"""SimulationApp as it is in Isaac Sim 5.0 to 6.2 (`isaacsim.simulation_app`)."""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import Any

from kit_fake import hangs
from kit_fake.state import KIT

PLAIN = (str, bool, int, float)


class _App:
    def __init__(self, launch_config: dict | None = None, experience: str = "") -> None:
        if KIT.running or KIT.ended:
            raise RuntimeError("a process has one SimulationApp")
        early = [name for name in sys.modules if re.match(r"omni\.|pxr", name)]
        if early:  # the real one warns that they "might not be loaded correctly", and they are not
            raise RuntimeError(f"Modules: {early} were loaded before SimulationApp was started")
        if len(sys.argv) > 1:  # the real one hands them on to Kit
            raise RuntimeError(f"Kit does not know the arguments {sys.argv[1:]}")
        self.config = {"experience": experience, **(launch_config or {})}
        if not isinstance(self.config.get("extra_args", []), list):
            raise TypeError("extra_args must be a list")
        KIT.start()
        signal.signal(signal.SIGINT, lambda *_: sys.exit(0))  # ValueError outside the main thread
        self._apply()
        self._fail_to_start()

    def _apply(self) -> None:
        config = self.config
        for value in (config.get("width", 1280), config.get("height", 720), config.get("active_gpu") or 0):
            if type(value) is not int:
                raise TypeError(f"expected an int, got {type(value).__name__}")
        spp = config.get("samples_per_pixel_per_frame", 64)
        for name in ("spp", "totalSpp", "clampSpp"):
            self.set_setting(f"/rtx/pathtracing/{name}", spp)
        dead = KIT.version < (6, 0, 1)
        key = "/omni.kit.plugin/syncUsdLoads" if dead else "/omni/kit/plugin/syncUsdLoads"
        self.set_setting(key, config.get("sync_loads", True))
        for argument in config.get("extra_args", []):
            path, _, text = argument.removeprefix("--").partition("=")
            KIT.settings[path] = {"true": True, "false": False}.get(text, text)
        ours = sorted(name for name in sys.modules if name.split(".")[0] == "fsd_gen")
        told = {"launch": sorted(config), "gpu": config.get("active_gpu"), "ours": ours}
        KIT.journal(**told, path=sys.path, environ=dict(os.environ))

    def _fail_to_start(self) -> None:
        print("Simulation App Starting", flush=True)
        if KIT.fault("hang_at_start"):
            hangs.sleep()
        if KIT.fault("exit_at_start") is not None:
            print("[Error] [gpu.foundation] vkCreateInstance failed: ERROR_INCOMPATIBLE_DRIVER", flush=True)
            sys.exit(KIT.fault("exit_at_start"))
        if KIT.fault("dead_at_start"):
            KIT.running = False

    @property
    def app(self) -> object:
        return object()

    @property
    def context(self) -> object:
        import omni.usd

        return omni.usd.get_context()

    def is_running(self) -> bool:
        return KIT.running

    def is_exiting(self) -> bool:
        return KIT.ended

    def update(self) -> None:
        if not KIT.running:
            raise RuntimeError("the app is closed")
        KIT.updates += 1
        if KIT.loading and not KIT.fault("never_loads"):
            KIT.loading -= 1
        if KIT.in_scene("hang_in_update"):
            hangs.sleep()

    def set_setting(self, setting: str, value: Any) -> None:
        if not isinstance(value, PLAIN):
            raise TypeError(f"Type not supported: {type(value)}")
        KIT.settings[setting] = value

    def reset_render_settings(self) -> None:
        self._apply()

    def _end(self, code: int) -> None:
        KIT.running, KIT.ended = False, True
        if KIT.fault("hang_in_close"):
            hangs.hold_the_lock()
        if KIT.fault("crash_in_close"):
            hangs.crash()
        if KIT.fault("exit_in_close") is not None:
            os._exit(KIT.fault("exit_in_close"))
        if self.config.get("fast_shutdown", True):
            os._exit(code)


class _App50(_App):
    def close(self, wait_for_replicator: bool = True) -> None:
        self._end(0)


class _App51(_App):
    def close(self, wait_for_replicator: bool = True, skip_cleanup: bool = False) -> None:
        self._end(0)


class _App6(_App):
    def close(self, wait_for_replicator: bool = True, skip_cleanup: bool = False, exit_code: int = 0) -> None:
        self._end(exit_code)


def _of_version() -> type[_App]:
    if KIT.version >= (6, 0, 0):
        return _App6
    return _App51 if KIT.version >= (5, 1, 0) else _App50


SimulationApp = _of_version()
__all__ = ["SimulationApp"]
