"""The public names: lazy, complete, and the same things as where they are defined."""

from __future__ import annotations

import subprocess
import sys

import pytest

import stereo_model

HEAVY = ("torch", "timm", "numpy", "h5py", "pyarrow", "ray", "huggingface_hub", "tensorboard", "onnx")
PROMISED = {
    "create_model",
    "load_model",
    "predict",
    "evaluate",
    "train",
    "export_onnx",
    "open_dataset",
    "ModelConfig",
    "FoundationStereo",
}


def loaded_after(code: str) -> set[str]:
    """Which of the heavy libraries a fresh process has loaded after `code`."""
    report = f"\nimport sys\nprint('loaded:', *(name for name in {HEAVY!r} if name in sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code + report], capture_output=True, text=True, check=True)
    (line,) = (line for line in ran.stdout.splitlines() if line.startswith("loaded:"))
    return set(line.split()[1:])


def test_importing_the_package_loads_nothing_heavy():
    assert loaded_after("import stereo_model") == set()
    assert loaded_after("import stereo_model, numpy") == {"numpy"}  # a library that is loaded is seen


def test_every_public_name_is_there_and_listed():
    assert set(stereo_model.__all__) >= PROMISED
    assert set(stereo_model.__all__) == set(stereo_model._HOME)
    for name in stereo_model.__all__:
        assert getattr(stereo_model, name) is not None and name in dir(stereo_model)


def test_a_name_is_the_thing_where_it_is_defined():
    from stereo_model.network.config import ModelConfig
    from stereo_model.weights.checkpoint import load_model

    assert stereo_model.ModelConfig is ModelConfig and stereo_model.load_model is load_model


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'create_modell'"):
        stereo_model.create_modell  # noqa: B018


def test_help_and_version_load_nothing_heavy():
    commands = ["train", "evaluate", "infer", "export", "convert", "info", "models"]
    calls = [["--help"], ["--version"], *([command, "--help"] for command in commands)]
    code = (
        "from stereo_model.cli.app import app\n"
        f"for arguments in {calls!r}:\n"
        "    try:\n        app(arguments)\n"
        "    except SystemExit as end:\n        assert not end.code, (arguments, end.code)"
    )
    assert loaded_after(code) == set()
