"""Checkpoints: one file that holds the weights and everything needed to use or continue them.

The file is what torch.save writes, of plain values and tensors alone, so that it loads with
weights_only=True. Model files and training checkpoints share the keys `format`, `model_config` (JSON) and
`model`; the latter add `training`. A file that exists under its name is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from stereo_model.config import ConfigError, ModelConfig, parse_config
from stereo_model.model import FoundationStereo

FORMAT = "stereo_model/1"
NAMED_KEYS = 3  # how many offending keys an error names


class CheckpointError(ValueError):
    """A checkpoint cannot be read, or does not fit the model it claims to hold."""


def save_checkpoint(
    model: FoundationStereo, path: str | Path, *, training: Mapping[str, Any] | None = None
) -> None:
    """Write the model's configuration and weights, and optionally the state of its training, atomically."""
    if model.prior is not None:
        raise CheckpointError(f"{path}: a model with a monocular prior cannot be saved in format {FORMAT}")
    payload = {"format": FORMAT, "model_config": model.config.model_dump_json(), "model": model.state_dict()}
    if training is not None:
        payload["training"] = dict(training)
    write_atomically(payload, Path(path))


def load_checkpoint(path: str | Path) -> FoundationStereo:
    """The model of a checkpoint, on the CPU, in evaluation mode. Raises CheckpointError in one line."""
    payload = read_checkpoint(path)
    return build_model(payload, source=str(path)).eval()


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """The checked content of a checkpoint file; tensors on the CPU. Raises CheckpointError."""
    payload = _read(Path(path))
    if not isinstance(payload, dict) or payload.get("format") != FORMAT:
        found = payload.get("format") if isinstance(payload, dict) else type(payload).__name__
        raise CheckpointError(f"{path}: expected a checkpoint of format {FORMAT!r}, found {found!r}")
    missing = [key for key in ("model_config", "model") if key not in payload]
    if missing:
        raise CheckpointError(f"{path}: the checkpoint lacks {', '.join(missing)}")
    return payload


def build_model(payload: Mapping[str, Any], *, source: str) -> FoundationStereo:
    """Build the model a checkpoint describes and load its weights, every key accounted for."""
    try:
        config = parse_config(ModelConfig, json.loads(payload["model_config"]))
    except (ConfigError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{source}: unusable model configuration: {error}") from error
    model = FoundationStereo(config)
    load_weights(model, payload["model"], source=source)
    return model


def load_weights(model: nn.Module, weights: Mapping[str, Tensor], *, source: str) -> None:
    """Load weights strictly. Raises CheckpointError naming keys and shapes; the model is then unchanged."""
    own = model.state_dict()
    complaints = [
        _listed("missing", (key for key in own if key not in weights)),
        _listed("unexpected", (key for key in weights if key not in own)),
        _listed(
            "of another shape",
            (
                f"{key} {tuple(weights[key].shape)} instead of {tuple(own[key].shape)}"
                for key in own
                if key in weights and weights[key].shape != own[key].shape
            ),
        ),
    ]
    found = [complaint for complaint in complaints if complaint]
    if found:
        raise CheckpointError(f"{source}: the weights do not fit the model: {'; '.join(found)}")
    model.load_state_dict(weights, strict=True)


def model_digest(model: nn.Module) -> str:
    """SHA-256 over names, types, shapes and values of all weights and buffers; independent of the device."""
    sha = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        sha.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        sha.update(value.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def write_atomically(payload: Mapping[str, Any], target: Path) -> None:
    """Save beside the target, verify the bytes, then rename; a crash leaves the old file or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(dict(payload), file)
            file.flush()
            os.fsync(file.fileno())
        _verify(part, target)
        os.replace(part, target)
        fsync_directory(target.parent)
    finally:
        part.unlink(missing_ok=True)


def fsync_directory(folder: Path) -> None:
    """Make a rename inside `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _verify(part: Path, target: Path) -> None:
    with zipfile.ZipFile(part) as archive:
        damaged = archive.testzip()
    if damaged is not None:
        raise CheckpointError(
            f"{target}: {damaged} came back damaged after writing; the disk may be failing or full"
        )


def _read(path: Path) -> Any:
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(f"{path}: truncated or not a checkpoint ({reason})") from error


def _listed(what: str, items: Iterable[str]) -> str:
    names = list(items)
    if not names:
        return ""
    more = f" and {len(names) - NAMED_KEYS} more" if len(names) > NAMED_KEYS else ""
    return f"{what}: {', '.join(names[:NAMED_KEYS])}{more}"
