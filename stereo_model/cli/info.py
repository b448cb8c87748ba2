"""`fsd-stereo info` and `fsd-stereo models`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table

from stereo_model.cli.evaluation import NARROWEST
from stereo_model.cli.options import load
from stereo_model.cli.terminal import out, say

if TYPE_CHECKING:
    from stereo_model.network.model import FoundationStereo

COLUMNS = ("model", "parameters", "learn", "prior", "max disparity", "iterations")
FREE_FIELDS = frozenset({"max_disparity", "iterations", "disparity_attention"})  # no weight depends on them


def info(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A checkpoint of either format, or an .onnx.")],
    all_fields: Annotated[bool, typer.Option("--all", help="Every field of the configuration.")] = False,
) -> None:
    """What a checkpoint or an exported file holds."""
    if file.endswith(".onnx"):
        from stereo_model.export.onnx import read_export_info

        exported = read_export_info(file)
        _print_facts({name: getattr(exported, name) for name in exported.__slots__})
        return
    model = load(file)
    facts = _facts(model) | _training_facts(file)
    _print_facts(facts | (model.config.model_dump() if all_fields else {}))


def _training_facts(file: str) -> dict[str, Any]:
    """How far the training was whose state the file holds."""
    from stereo_model.weights.files import read_file

    payload = read_file(file) if Path(file).is_file() else {}
    training = payload.get("training") if isinstance(payload, dict) else None
    return {"training": f"after step {training['step']}; can be continued"} if training else {}


def _facts(model: FoundationStereo) -> dict[str, Any]:
    from stereo_model.network.drawn import is_random
    from stereo_model.weights.checkpoint import model_digest

    config = model.config
    total, learned = _parameters(model)
    return {
        "like preset": _preset_like(model) or "none",
        "parameters": f"{total / 1e6:.2f} M, of which {learned / 1e6:.2f} M learn",
        "backbone": config.backbone,
        "prior": config.prior or "none",
        "max_disparity": f"{config.max_disparity} px",
        "iterations": config.iterations,
        "disparity_attention": config.disparity_attention,
        "config digest": config.digest(),
        "weights digest": model_digest(model),
        "weights": "random; nothing has trained them" if is_random(model) else "learned",
    }


def _parameters(model: FoundationStereo) -> tuple[int, int]:
    weights = list(model.parameters())
    return sum(w.numel() for w in weights), sum(w.numel() for w in weights if w.requires_grad)


def _preset_like(model: FoundationStereo) -> str | None:
    """The preset with this architecture, whatever the search range and the default iterations."""
    from stereo_model.network.config import PRESETS, model_config

    own = model.config.model_dump(exclude=set(FREE_FIELDS))
    presets = ((name, model_config(name).model_dump(exclude=set(FREE_FIELDS))) for name in PRESETS)
    return next((name for name, fields in presets if fields == own), None)


def _print_facts(facts: Mapping[str, Any]) -> None:
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        say(f"{name:<{width}}  {value}")


def models() -> None:
    """The sizes of the network, the training recipes, the data sets and the benchmarks known by name."""
    import torch

    from stereo_model.data.registry import dataset_kinds
    from stereo_model.evaluation.benchmarks import BENCHMARKS
    from stereo_model.network.config import PRESETS, model_config
    from stereo_model.network.model import FoundationStereo
    from stereo_model.training.recipe import preset_names

    table = Table(*(Column(name, overflow="fold") for name in COLUMNS))
    for name in PRESETS:
        config = model_config(name)
        with torch.device("meta"):  # shapes without numbers
            total, learned = _parameters(FoundationStereo(config))
        sizes = (f"{total / 1e6:.1f} M", f"{learned / 1e6:.1f} M")
        table.add_row(
            name, *sizes, config.prior or "none", f"{config.max_disparity} px", str(config.iterations)
        )
    wide = Console(width=max(out.width, NARROWEST))
    out.print(table) if out.is_terminal else wide.print(table)
    say("nano is for tests and for trying things out: too small to learn stereo")
    say(f"recipes: {', '.join(preset_names())}")
    say(f"data sets: {', '.join(dataset_kinds())}")
    say(f"benchmarks: {', '.join(BENCHMARKS)}")
