"""README's python examples run as they stand, on a small checkpoint and a small run."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import pytest
import torch

import stereo_model
from stereo_model import create_model, save_checkpoint
from tests.stereo_model.inference.test_infer import pair

README = Path(__file__).resolve().parent.parent / "README.md"


def snippets(text: str, importing: str) -> list[str]:
    """The python blocks of a text that import from a package."""
    blocks = re.findall(r"^```python\n(.*?)^```", text, flags=re.M | re.S)
    return [block for block in blocks if re.search(rf"^from {importing} import", block, flags=re.M)]


@pytest.fixture
def taught(tmp_path, monkeypatch):
    """Any checkpoint that an example names is a small one that has learned."""
    model = create_model("nano")
    with torch.no_grad():
        model.context.stem[0].weight += 0.01
    save_checkpoint(model, tmp_path / "model.pt")
    load = stereo_model.load_model
    monkeypatch.setattr(
        stereo_model, "load_model", lambda place, **fields: load(tmp_path / "model.pt", **fields)
    )


def images():
    left_hwc, right_hwc = pair()
    left, right = (torch.from_numpy(image).permute(2, 0, 1)[None].float() for image in (left_hwc, right_hwc))
    return {"left_hwc": left_hwc, "right_hwc": right_hwc, "left": left, "right": right}


def test_the_examples_of_the_network_are_quiet_and_keep_nothing_for_gradients(taught):
    (example,) = snippets(README.read_text("utf-8"), "stereo_model")
    names = images()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # random weights, above all
        exec(compile(example, str(README), "exec"), names)
    made = [value for value in names.values() if isinstance(value, stereo_model.StereoOutput)]
    assert len(made) == 1 and not made[0].disparities[0].requires_grad
    assert made[0].disparities[-1].shape == (1, 1, 64, 96)
