"""A rig in one word of a command line.

zed2                              a preset
K.txt                             a calibration
fx=700,cx=640,baseline=0.12       fields of the config's `rig`
zed2,baseline=0.2                 or these, in place of a preset's or a file's
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fsd_gen.config import ConfigError, validated
from fsd_gen.rigs.presets import PRESETS
from fsd_gen.scene.rig import StereoRig
from fsd_gen.sections import suggestion
from fsd_gen.versions import VERSION

SHORT = {"baseline": "baseline_m", "hfov": "hfov_deg"}
TEXTS = {"fit", "preset", "k_file"}  # fields that are no numbers


def rig_settings(text: str) -> dict[str, Any]:
    """The config's section `rig` that `text` stands for.

    Raises:
        ConfigError: neither a preset, nor a file, nor fields.
    """
    if Path(text).is_file():
        return {"k_file": text}
    first, *rest = text.split(",")
    settings: dict[str, Any] = {}
    if "=" in first:
        rest = [first, *rest]
    elif first in PRESETS:
        settings["preset"] = first
    elif Path(first).is_file():
        settings["k_file"] = first
    else:
        raise ConfigError(
            f"rig {text!r}: neither a preset, nor a file, nor fields such as fx=700,baseline=0.12"
            f"{suggestion(first, PRESETS)}"
        )
    for name, value in (_field(field, text) for field in rest):
        if name in settings:
            raise ConfigError(f"rig {text!r}: {name} is given twice; keep one of them")
        settings[name] = value
    return settings


def _field(field: str, text: str) -> tuple[str, float | int | str]:
    name, equals, value = (part.strip() for part in field.partition("="))
    if not (name and equals and value):
        raise ConfigError(f"rig {text!r}: expected fields such as fx=700, got {field!r}")
    name = SHORT.get(name, name)
    if name in TEXTS:
        return name, value
    try:
        return name, int(value) if value.isdecimal() else float(value)
    except ValueError:
        raise ConfigError(f"rig {text!r}: {name}: expected a number, got {value!r}") from None


def rig_from_text(text: str, width: int, height: int) -> StereoRig:
    """The one rig that `text` stands for, with images of this size in pixels.

    Raises:
        ConfigError: it cannot be understood, makes no picture, or leaves something to be drawn.
    """
    where, size = f"rig {text!r}", {"width": width, "height": height}
    values = {"version": VERSION, "image": size, "rig": rig_settings(text)}
    try:
        return validated(values, where).rig.only(width, height)
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from None
