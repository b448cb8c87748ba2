"""Checkpoints that are none: code in pickles, files of other kinds, declarations out of all proportion."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save as safetensors_bytes

from benchmarks.attack.flips import foreign, truncated
from benchmarks.attack.trials import Trial
from stereo_model.network.config import ConfigError, model_config
from stereo_model.network.model import FoundationStereo
from stereo_model.weights.checkpoint import load_model, save_checkpoint
from stereo_model.weights.files import CheckpointError

REFUSED = (CheckpointError, ConfigError)
TERA = 1 << 40


class _Runs:
    """A pickle of it calls a function when it is loaded; this one leaves a trace in the scratch folder."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def checkpoints(scratch: Path) -> Iterator[Trial]:
    """Each bad file, read as a model's checkpoint. None of them may run its code."""
    trace = scratch / "trace"
    for name, content in _files(scratch, trace):
        for suffix in (".pth", ".safetensors") if name.endswith("as either") else (".pth",):
            path = scratch / f"bad{suffix}"
            path.write_bytes(content)
            yield Trial(name=name, act=partial(_load, path, trace), refused=REFUSED)
    (scratch / "folder.pth").mkdir()
    for name in ("folder.pth", "absent.pth"):
        yield Trial(name=name, act=partial(_load, scratch / name, trace), refused=REFUSED)
    for name, text in (
        *unsafe_yaml(),
        ("no date", b"max_disp: 2024-13-45"),
        ("absurd", b"vit_size: vits\nmax_disp: 1000000000000"),
    ):
        yield Trial(
            name=f"cfg.yaml: {name}", act=partial(_load_published, scratch, text, trace), refused=REFUSED
        )


def _load(path: Path, trace: Path) -> None:
    try:
        load_model(path)
    finally:
        if trace.exists():
            raise RuntimeError(f"{path}: the code in it was run")


def _load_published(scratch: Path, text: bytes, trace: Path) -> None:
    folder = scratch / "published"
    folder.mkdir(exist_ok=True)
    torch.save({"model": {"weight": torch.zeros(1)}}, folder / "model.pth")
    (folder / "cfg.yaml").write_bytes(text.replace(b"TRACE", str(trace).encode()))
    _load(folder / "model.pth", trace)


def damaged_checkpoints(scratch: Path) -> Iterator[Trial]:
    """A sound checkpoint cut short. (A flipped bit in a weight is a weight: no format of weights tells.)"""
    import random

    sound = _sound(scratch).read_bytes()
    for name, content in truncated(sound, 60, random.Random(0)):
        path = scratch / "cut.pth"
        path.write_bytes(content)
        yield Trial(name=name, act=partial(load_model, path), refused=REFUSED)


def _sound(scratch: Path) -> Path:
    path = scratch / "sound.pth"
    if not path.exists():
        save_checkpoint(FoundationStereo(model_config("nano")), path)
    return path


def _files(scratch: Path, trace: Path) -> Iterator[tuple[str, bytes]]:
    for name, content in foreign():
        yield f"{name}, as either", content
    yield "onnx", b'\x08\x0e\x12\x07pytorch:3\n\x0c\n\x01x\x12\x01y"\x04Relu'
    yield "onnx without a producer", b'\x08\x0e:3\n\x0c\n\x01x\x12\x01y"\x04Relu\x12\x01g'
    yield from _pickles(trace)
    yield from _payloads(scratch)
    yield from _zips(scratch)
    yield from _safetensors()


def _pickles(trace: Path) -> Iterator[tuple[str, bytes]]:
    calls = {
        "os.system": _Runs(__import__("os").system, f"touch {trace}"),
        "eval": _Runs(eval, f"open({str(trace)!r}, 'w')"),
        "pathlib": _Runs(Path.touch, trace),
        "subprocess": _Runs(__import__("subprocess").check_call, ["touch", str(trace)]),
        "numpy.load": _Runs(np.load, str(trace), None, True),
        "torch.load": _Runs(torch.load, str(trace)),
    }
    for name, call in calls.items():
        yield f"pickle of {name}", pickle.dumps(call)
        for legacy in (True, False):
            for place in (call, {"model": call}, {"format": "stereo_model/1", "model": {"w": call}}):
                buffer = io.BytesIO()
                torch.save(place, buffer, _use_new_zipfile_serialization=not legacy)
                yield f"{'legacy' if legacy else 'zip'} of {name}", buffer.getvalue()
    yield "numpy objects", _saved({"model": {"w": np.array([object()])}})
    yield "pickle nested deeply", b"\x80\x02" + b"]" * 100_000 + b"."
    yield "pickle cut", pickle.dumps({"a": 1})[:-2]
    yield "npz of objects", _npz(np.array([_Runs(Path.touch, trace)], object))
    program = torch.jit.script(torch.nn.Linear(1, 1))
    buffer = io.BytesIO()
    torch.jit.save(program, buffer)
    yield "TorchScript", buffer.getvalue()
    yield "a whole module", _saved(torch.nn.Linear(1, 1))


def _saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def _npz(array: np.ndarray[Any, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, model=array)
    return buffer.getvalue()


def _payloads(scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Files that torch.save wrote, of what is no model."""
    sound = torch.load(_sound(scratch), weights_only=True)
    config = json.loads(sound["model_config"])
    some = next(iter(sound["model"]))
    odd: dict[str, Any] = {
        "a number": 3,
        "a list": [torch.zeros(3)],
        "bare weights": sound["model"],
        "another format": sound | {"format": "stereo_model/99"},
        "a format of HTML": sound | {"format": "<script>" * 1000},
        "no weights": sound | {"model": {}},
        "weights a list": sound | {"model": [1, 2]},
        "weights with numbers as names": sound | {"model": {1: torch.zeros(1)}},
        "model none": {"model": None},
        "a sparse weight": _with(sound, some, torch.zeros(3, 3).to_sparse()),
        "a meta weight": _with(sound, some, torch.zeros(sound["model"][some].shape, device="meta")),
        "a quantised weight": _with(
            sound, some, torch.quantize_per_tensor(torch.zeros(3), 1.0, 0, torch.qint8)
        ),
        "a complex weight": _with(
            sound, some, torch.zeros(sound["model"][some].shape, dtype=torch.complex64)
        ),
        "a weight of petabytes, repeated": _with(sound, some, torch.zeros(1).expand(TERA)),
        "a configuration of bytes": sound | {"model_config": b"{}"},
        "a configuration nested deeply": sound | {"model_config": "[" * 100_000},
        "a configuration of 100,000 digits": sound | {"model_config": '{"iterations":' + "9" * 100_000 + "}"},
        "an unknown setting": sound | {"model_config": json.dumps(config | {"<b>": 1})},
    }
    huge = {"fusion_blocks": 10**9, "transformer_layers": 10**6, "volume_dim": 10**6, "hidden_dim": 10**7}
    huge |= {"head_expansion": 10**9, "corr_levels": 10**9, "half_dim": 10**8, "disparity_kernel": 10**9 + 1}
    odd |= {
        f"{name} {value}": sound | {"model_config": json.dumps(config | {name: value})}
        for name, value in huge.items()
    }
    for name, value in odd.items():
        yield f"checkpoint: {name}", _saved(value)


def _with(sound: dict[str, Any], name: str, value: torch.Tensor) -> dict[str, Any]:
    return sound | {"model": OrderedDict(sound["model"]) | {name: value}}


def _zips(scratch: Path) -> Iterator[tuple[str, bytes]]:
    """The records of a checkpoint, stored otherwise."""
    sound = _sound(scratch)
    yield "records compressed", _stored_anew(sound, zipfile.ZIP_DEFLATED)
    yield "a record of 4 GB of zeros", _bomb(sound)
    yield "numbers of weights a million times as many", _more_numbers(sound)
    with zipfile.ZipFile(sound) as archive:
        names = [name for name in archive.namelist() if name.endswith((".pkl", "data/7"))]
    for left_out in names:
        yield f"without the record {Path(left_out).name}", _stored_anew(sound, zipfile.ZIP_STORED, left_out)


def _stored_anew(sound: Path, how: int, left_out: str = "", changed: dict[str, bytes] | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(buffer, "w", how) as new:
        for name in old.namelist():
            if name != left_out:
                new.writestr(name, (changed or {}).get(name, old.read(name)))
    return buffer.getvalue()


def _bomb(sound: Path) -> bytes:
    path = sound.with_name("bomb.zip")
    shutil.copy(sound, path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        first = archive.namelist()[0].split("/")[0]
        with archive.open(f"{first}/data/999999", "w", force_zip64=True) as record:
            for _ in range(256):
                record.write(bytes(1 << 20))
    return path.read_bytes()


def _more_numbers(sound: Path) -> bytes:
    """The pickle claims more numbers for a storage than its record has."""
    with zipfile.ZipFile(sound) as archive:
        name = next(name for name in archive.namelist() if name.endswith("data.pkl"))
        content = archive.read(name)
    count = content.index(b"X\x03\x00\x00\x00cpu")
    place = content.index(b"M", count)  # BININT2: the number of elements
    forged = content[:place] + b"J" + struct.pack("<i", 1 << 28) + content[place + 3 :]
    return _stored_anew(sound, zipfile.ZIP_STORED, changed={name: forged})


def _safetensors() -> Iterator[tuple[str, bytes]]:
    sound = safetensors_bytes({"weight": torch.zeros(4)})
    yield "safetensors of bare weights", sound
    yield "safetensors cut", sound[:-4]
    headers: dict[str, Any] = {
        "absurd shape": {"w": {"dtype": "F32", "shape": [TERA], "data_offsets": [0, 16]}},
        "outside": {"w": {"dtype": "F32", "shape": [4], "data_offsets": [TERA, TERA + 16]}},
        "backwards": {"w": {"dtype": "F32", "shape": [4], "data_offsets": [16, 0]}},
        "unknown type": {"w": {"dtype": "X99", "shape": [4], "data_offsets": [0, 16]}},
        "no tensors": {},
    }
    for name, header in headers.items():
        text = json.dumps(header).encode()
        yield f"safetensors: {name}", struct.pack("<Q", len(text)) + text + bytes(16)
    yield "safetensors: header of exabytes", struct.pack("<Q", 1 << 60) + b"{}"
    yield "safetensors: header nested deeply", struct.pack("<Q", 60_000) + b"[" * 60_000


def unsafe_yaml() -> Iterator[tuple[str, bytes]]:
    """YAML of other than plain values, or of too many; TRACE is a file that must not appear."""
    yield "runs os.system", b"a: !!python/object/apply:os.system ['touch TRACE']"
    yield "runs a new object", b"!!python/object/new:os.system ['touch TRACE']"
    yield "a module", b"!!python/module:os"
    yield "a tuple", b"hidden_dims: !!python/tuple [128, 128, 128]"
    yield "a billion laughs", billion_laughs("vit_size")
    yield "a billion laughs of dims", billion_laughs("hidden_dims")
    yield "holds itself", b"a: &a [*a]\nhidden_dims: *a"
    yield "nested deeply", b"[" * 20_000
    yield "not UTF-8", b"\xff\xfe\x00"
    yield "a list", b"[1, 2]"
    yield "a number of 100,000 digits", b"max_disp: " + b"9" * 100_000
    yield "a png", b"\x89PNG\r\n\x1a\n" + bytes(100)


def billion_laughs(name: str) -> bytes:
    """A few lines that stand for 10 ** 9 words under the key `name`."""
    lines = ["l0: &l0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 9)]
    return "\n".join([*lines, f"{name}: *l8"]).encode()
