"""What takes seconds to make, made once in a session: files of published weights, traces of a network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from stereo_model import FoundationStereo
from tests.stereo_model.golden_filler import filled_state

PUBLISHED_SETTINGS = {"max_disp": 416, "valid_iters": 32, "vit_size": "vits", "hidden_dims": [128, 128, 128]}
DEPTH_ANYTHING = "feature.dino.depth_anything."
VIT = DEPTH_ANYTHING + "pretrained."


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published checkpoint of the small size, as it lies on a disk. Not to be changed."""
    folder = tmp_path_factory.mktemp("11-33-40")
    content = {"model": filled_state("vits"), "global_step": np.int64(200000), "epoch": np.float64(7)}
    torch.save(content, folder / "model_best_bp2.pth")
    (folder / "cfg.yaml").write_text(yaml.safe_dump(PUBLISHED_SETTINGS))
    return folder / "model_best_bp2.pth"


@pytest.fixture(scope="session")
def depth_anything_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small DepthAnythingV2 as published. Not to be changed."""
    return _part_of_the_filled(DEPTH_ANYTHING, tmp_path_factory.mktemp("depth_anything") / "prior.pth")


@pytest.fixture(scope="session")
def dinov2_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small DINOv2 as published. Not to be changed."""
    return _part_of_the_filled(VIT, tmp_path_factory.mktemp("dinov2") / "prior.pth")


@pytest.fixture(scope="session")
def traced_once() -> Iterator[None]:
    """To trace a network takes most of an export: each is traced once, and exported as often as asked."""
    from stereo_model.export import onnx as exporter

    traced: dict[tuple[object, ...], bytes] = {}
    trace = exporter._trace

    def once(model: FoundationStereo, info: exporter.ExportInfo, path: Path) -> Path:
        key = tuple(value for name, value in asdict(info).items() if name != "precision")
        if key not in traced:
            traced[key] = trace(model, info, path).read_bytes()
        path.write_bytes(traced[key])
        return path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exporter, "_trace", once)
        yield


def _part_of_the_filled(prefix: str, path: Path) -> Path:
    state = filled_state("vits")
    torch.save({key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)}, path)
    return path
