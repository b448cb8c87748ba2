"""`fsd-stereo train`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stereo_model.cli.options import assignments
from stereo_model.cli.terminal import SPEAK_EVERY_S, err, say, warn

if TYPE_CHECKING:
    from stereo_model.training.log import OnStep

EXAMPLE = (
    "Example: fsd-stereo train cpu data.shards.root=runs/demo/shards training.steps=500 --out runs/first"
)


def train(
    recipe: Annotated[str, typer.Argument(help="paper, finetune, cpu, cpu-refine, or a YAML file.")],
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD=VALUE]...", help="Replace single values, such as training.steps=500."),
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out", help="Run folder; continued if it exists.")] = Path(
        "runs/stereo"
    ),
    workers: Annotated[
        int, typer.Option(min=1, max=4096, help="Processes, or GPUs, that train together.")
    ] = 1,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="CPU threads; default: all.")] = None,
) -> None:
    """Train a model as RECIPE says, going on from whatever the run folder holds."""
    import torch

    from stereo_model.training.recipe import load_recipe
    from stereo_model.training.run import run_recipe
    from stereo_model.training.run_folder import saved_step

    chosen = load_recipe(recipe, **assignments(values or ()))
    if threads is not None:
        torch.set_num_threads(threads)
    done = saved_step(out_dir) if out_dir.is_dir() else 0
    with _training_progress(chosen.training.steps, done) as on_step:
        path = run_recipe(chosen, out_dir, workers=workers, on_step=on_step)
    went = f"went on after step {done} to" if done else "trained to"
    say(f"{went} step {chosen.training.steps}; the model is {path}")


@contextmanager
def _training_progress(total: int, done: int) -> Iterator[OnStep]:
    if err.is_terminal:
        from stereo_model.training.log import progress_line

        with progress_line(total, done=done, console=err) as on_step:
            yield on_step
        return
    said = -SPEAK_EVERY_S

    def speak(step: int, loss: float, rate: float) -> None:
        nonlocal said
        if time.monotonic() - said > SPEAK_EVERY_S or step == total:
            said = time.monotonic()
            warn(f"step {step}/{total}: loss {loss:.3f}, rate {rate:.1e}")

    yield speak
