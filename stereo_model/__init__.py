"""FoundationStereo in plain torch: models, weights, data sets, training, evaluation, inference, export.

    model = load_model("runs/first/model.pt")     # or a published one, "23-51-11/model_best_bp2.pth"
    predict(model, left_hwc, right_hwc)           # uint8 RGB of any size -> .disparity_hw, pixels
    evaluate(model, open_dataset("middlebury", "/data/MiddEval3"))

    model = create_model("tiny")                  # random weights, to be trained
    train(model, open_dataset("shards", "runs/demo/shards"), TrainConfig(steps=500), "runs/first")

The network itself, for those who want tensors (B,3,H,W) of RGB 0..255, sides multiples of 32. Outside
training ask it under no_grad, or it keeps every map for gradients; `model.predict` does, for any size:

    with torch.no_grad():
        out = model(left, right, iterations=6)
    out.initial_disparity                         # (B,1,H/4,W/4), quarter-resolution pixels
    out.disparities                               # list of (B,1,H,W), pixels

Names are loaded when they are first used: importing the package costs nothing. Code inside the package takes
them from where they are defined.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.extras import MissingExtraError
    from stereo_model.data.base import DataFolderError, DataOptionError
    from stereo_model.data.encodings import DataFileError
    from stereo_model.data.registry import open_dataset
    from stereo_model.data.sample import SampleError
    from stereo_model.evaluation.evaluate import evaluate
    from stereo_model.evaluation.evaluation import Evaluation, EvaluationError
    from stereo_model.evaluation.metrics import MaskPolicy, MetricError
    from stereo_model.export.onnx import ExportError, export_onnx
    from stereo_model.inference.images import PairError
    from stereo_model.inference.options import InferOptions
    from stereo_model.inference.predict import Prediction, PredictionError, predict
    from stereo_model.inference.swap import SwappedPairError
    from stereo_model.network.config import PRESETS, ConfigError, ModelConfig, model_config
    from stereo_model.network.drawn import RandomWeightsWarning
    from stereo_model.network.model import FoundationStereo, ImageSizeError, NonFiniteImageError, StereoOutput
    from stereo_model.training.amend import Amendment, ResumeError
    from stereo_model.training.config import DeviceError, TrainConfig
    from stereo_model.training.stopping import TrainingInterrupted
    from stereo_model.training.train import train
    from stereo_model.training.trainer import NonFiniteLossError
    from stereo_model.weights.backbone import BackboneWeightsError, installed_lite0_weights
    from stereo_model.weights.checkpoint import (
        convert,
        load_model,
        load_prior_weights,
        model_digest,
        save_checkpoint,
    )
    from stereo_model.weights.create import create_model
    from stereo_model.weights.files import CheckpointError
    from stereo_model.weights.hub import WeightsUnavailableError

_DEFINED_IN = {
    "jobs.extras": ("MissingExtraError",),
    "stereo_model.data.base": ("DataFolderError", "DataOptionError"),
    "stereo_model.data.encodings": ("DataFileError",),
    "stereo_model.data.registry": ("open_dataset",),
    "stereo_model.data.sample": ("SampleError",),
    "stereo_model.evaluation.evaluate": ("evaluate",),
    "stereo_model.evaluation.evaluation": ("Evaluation", "EvaluationError"),
    "stereo_model.evaluation.metrics": ("MaskPolicy", "MetricError"),
    "stereo_model.export.onnx": ("ExportError", "export_onnx"),
    "stereo_model.inference.images": ("PairError",),
    "stereo_model.inference.options": ("InferOptions",),
    "stereo_model.inference.predict": ("Prediction", "PredictionError", "predict"),
    "stereo_model.inference.swap": ("SwappedPairError",),
    "stereo_model.network.config": ("PRESETS", "ConfigError", "ModelConfig", "model_config"),
    "stereo_model.network.drawn": ("RandomWeightsWarning",),
    "stereo_model.network.model": (
        "FoundationStereo",
        "ImageSizeError",
        "NonFiniteImageError",
        "StereoOutput",
    ),
    "stereo_model.training.amend": ("Amendment", "ResumeError"),
    "stereo_model.training.config": ("DeviceError", "TrainConfig"),
    "stereo_model.training.stopping": ("TrainingInterrupted",),
    "stereo_model.training.train": ("train",),
    "stereo_model.training.trainer": ("NonFiniteLossError",),
    "stereo_model.weights.backbone": ("BackboneWeightsError", "installed_lite0_weights"),
    "stereo_model.weights.checkpoint": (
        "convert",
        "load_model",
        "load_prior_weights",
        "model_digest",
        "save_checkpoint",
    ),
    "stereo_model.weights.create": ("create_model",),
    "stereo_model.weights.files": ("CheckpointError",),
    "stereo_model.weights.hub": ("WeightsUnavailableError",),
}
_HOME = {name: module for module, names in _DEFINED_IN.items() for name in names}

__all__ = [
    "PRESETS",
    "Amendment",
    "BackboneWeightsError",
    "CheckpointError",
    "ConfigError",
    "DataFileError",
    "DataFolderError",
    "DataOptionError",
    "DeviceError",
    "Evaluation",
    "EvaluationError",
    "ExportError",
    "FoundationStereo",
    "ImageSizeError",
    "InferOptions",
    "MaskPolicy",
    "MetricError",
    "MissingExtraError",
    "ModelConfig",
    "NonFiniteImageError",
    "NonFiniteLossError",
    "PairError",
    "Prediction",
    "PredictionError",
    "RandomWeightsWarning",
    "ResumeError",
    "SampleError",
    "StereoOutput",
    "SwappedPairError",
    "TrainConfig",
    "TrainingInterrupted",
    "WeightsUnavailableError",
    "convert",
    "create_model",
    "evaluate",
    "export_onnx",
    "installed_lite0_weights",
    "load_model",
    "load_prior_weights",
    "model_config",
    "model_digest",
    "open_dataset",
    "predict",
    "save_checkpoint",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
