"""Options that several commands have, and how their texts are understood."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:  # torch takes seconds to load, so each command imports what it needs
    from stereo_model.network.model import FoundationStereo


_COMMA = re.compile(r",(?![^\[{]*[\]}])")  # outside brackets


class OptionError(ValueError):
    """An option or argument is malformed."""


class Device(StrEnum):
    """Where a model runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


CheckpointArgument = Annotated[
    str,
    typer.Argument(
        metavar="CHECKPOINT",
        help="model.pt, a published .pth with its cfg.yaml beside it, or hf:OWNER/REPO/FILE.",
    ),
]
FieldOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="FIELD=VALUE",
        help="Replace a field that leaves the weights as they are: max_disparity, disparity_attention. "
        "Repeatable.",
    ),
]
Iterations = Annotated[
    int | None,
    typer.Option("--iterations", min=1, max=1000, help="Refinement steps; default: the model's own."),
]
Hierarchical = Annotated[
    bool, typer.Option("--hierarchical", help="Start from an estimate at half size; for large images.")
]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto takes a GPU if there is one.")]
Replace = Annotated[bool, typer.Option("--replace", help="Replace earlier results.")]


def load(
    checkpoint: str, fields: Sequence[str] | None = None, device: Device = Device.CPU
) -> FoundationStereo:
    """The model of a checkpoint, on its device."""
    from stereo_model.weights.checkpoint import load_model

    wanted = _device(device)
    return load_model(checkpoint, **assignments(fields or ())).to(wanted)


def assignments(texts: Sequence[str]) -> dict[str, Any]:
    """FIELD=VALUE pairs; values are read as YAML, so that 3, 1e-4, true, null and [1, 2] mean themselves."""
    import yaml

    values: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise OptionError(f"expected FIELD=VALUE, got {text!r}")
        if name in values:
            raise OptionError(f"{name} is given twice; keep one of them")
        try:  # a leading star would be YAML's alias; here it begins a pattern
            values[name] = value if value.startswith("*") else _number(yaml.safe_load(value))
        except yaml.YAMLError:
            raise OptionError(f"{name}: not a value: {value!r}") from None
    return values


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted names as mappings: {"keep.stratum": "flying"} as {"keep": {"stratum": "flying"}}.

    Raises OptionError where a name has both a value of its own and inner ones.
    """
    whole: dict[str, Any] = {}
    for dotted, value in values.items():
        *outer, last = dotted.split(".")
        place = whole
        for name in outer:
            place = place.setdefault(name, {})
            if not isinstance(place, dict):
                raise OptionError(f"{dotted}: {name} has a value already")
        place[last] = value
    return whole


def data_source(text: str) -> tuple[str, list[str], dict[str, Any]]:
    """Kind, places and options of KIND:PLACE[,PLACE...][,OPTION=VALUE...], as `--data` takes them.

    Commas inside brackets belong to a value, those of a folder's name to the name. Raises OptionError.
    """
    kind, colon, rest = text.partition(":")
    first, *others = _COMMA.split(rest)
    if not colon or not first:
        raise OptionError(f"--data: expected KIND:ROOT, such as folder:pairs, got {text!r}")
    places = [first, *(each for each in others if each and "=" not in each)]
    if os.path.exists(",".join(places)):
        places = [",".join(places)]
    return kind, places, nested(assignments([each for each in others if "=" in each]))


def _number(value: Any) -> Any:
    """YAML takes 1e-4 for a text; it wants 1.0e-4."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def size_hw(text: str, option: str) -> tuple[int, int]:
    """(height, width) of WIDTHxHEIGHT, as all sizes are written on the command line."""
    width, by, height = text.lower().partition("x")
    if not (by and width.isdigit() and height.isdigit()):
        raise OptionError(f"{option}: expected WIDTHxHEIGHT, such as 640x480, got {text!r}")
    return int(height), int(width)


def _device(device: Device) -> str:
    import torch

    from stereo_model.training.config import DeviceError

    if device is Device.AUTO:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device is Device.CUDA and not torch.cuda.is_available():
        raise DeviceError("--device cuda: this machine has no usable GPU; leave the option out")
    return device.value
