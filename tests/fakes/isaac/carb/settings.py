"""carb.settings: typed values by path."""

from __future__ import annotations

from typing import Any

from kit_fake.state import KIT

PLAIN = (str, bool, int, float)


class ISettings:
    def set(self, path: str, value: Any) -> None:
        if not isinstance(path, str):
            raise TypeError("set(): incompatible function arguments: path must be str")
        if not isinstance(value, PLAIN):
            raise TypeError(f"set(): incompatible function arguments: {type(value).__name__}")
        if not path.startswith("/") or "." in path.split("/")[1]:
            raise ValueError(f"nothing reads {path!r}")  # the real one is silent
        KIT.settings[path] = value

    def get(self, path: str) -> Any:
        return KIT.settings.get(path)

    def set_bool(self, path: str, value: bool) -> None:
        self.set(path, bool(value))

    def set_int(self, path: str, value: int) -> None:
        self.set(path, int(value))

    def set_float(self, path: str, value: float) -> None:
        self.set(path, float(value))

    def set_string(self, path: str, value: str) -> None:
        self.set(path, str(value))

    def get_as_bool(self, path: str) -> bool:
        return bool(self.get(path))

    def get_as_int(self, path: str) -> int:
        return int(self.get(path))

    def get_as_float(self, path: str) -> float:
        return float(self.get(path))

    def get_as_string(self, path: str) -> str:
        return str(self.get(path))


_SETTINGS = ISettings()


def get_settings() -> ISettings:
    return _SETTINGS
