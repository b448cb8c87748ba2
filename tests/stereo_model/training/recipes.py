"""A training of three steps on a folder of pairs, small enough for two processes on one core."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stereo_model.training.recipe import Recipe, load_recipe


def recipe(pairs: Path, **more: Any) -> Recipe:
    """The recipe `cpu` made smaller; `more` replaces single values."""
    values = {
        "model": {"preset": "nano"},
        "data": [{"kind": "folder", "root": str(pairs)}],
        "training.steps": 3,
        "training.batch_size": 4,
        "training.micro_batch": 2,
        "training.crop_hw": [32, 64],
        "training.learn": "all",
        "training.initial_loss": "smooth_l1",
        "training.visible_only": False,
        "training.learning_rate": 1e-3,
        "training.warmup_steps": 100,
        "training.average": 0.995,
        "training.iterations": 1,
        "training.loader_workers": 0,
        "training.checkpoint_every": 100,
        "training.tensorboard": False,
        "training.freeze_backbone": True,
    }
    return load_recipe("cpu", **{**values, **more})
