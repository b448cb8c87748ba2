"""`fsd-stereo train`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jobs.store.mirror import refuse_url
from stereo_model.cli.options import OptionError, assignments
from stereo_model.cli.terminal import SPEAK_EVERY_S, err, say, warn
from stereo_model.training.progress import Lines, Watcher, bar

if TYPE_CHECKING:
    from stereo_model.training.amend import Amendment

EXAMPLE = (
    "Example: fsd-stereo train cpu data.shards.root=runs/demo training.steps=500 --out runs/first; later "
    "fsd-stereo train --out runs/first --amend training.steps=800"
)
RECIPE = "recipe.yaml"  # in a run folder


def train(
    recipe: Annotated[
        str | None,
        typer.Argument(
            metavar="[RECIPE]",
            help="paper, finetune, cpu, cpu-refine, or a YAML file; default: the recipe of the run folder.",
        ),
    ] = None,
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FIELD=VALUE]...", help="Replace single values, such as training.steps=500."),
    ] = None,
    out_dir: Annotated[Path, typer.Option("--out", help="Run folder; continued if it exists.")] = Path(
        "runs/stereo"
    ),
    amend: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD=VALUE|data",
            help="Go on with what the folder holds, but with this changed: a value such as "
            "training.learning_rate=1e-4, or `data` for a data set that is another than before. Repeatable; "
            "kept in amendments.jsonl. More training.steps need no --amend.",
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=4096, help="Processes, or GPUs, that train together.")
    ] = 1,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="CPU threads; default: all.")] = None,
) -> None:
    """Train a model as RECIPE says, going on from whatever the run folder holds."""
    refuse_url(out_dir, "`fsd-stereo train`")
    source, given = _recipe_and_values(recipe, values or (), out_dir)
    with _watched() as watcher:
        watcher.phase("loading the program")
        path = _train(source, assignments(given), amend or (), out_dir, watcher, workers, threads)
    say(f"{_went(watcher.done)} step {watcher.total}; the model is {path}")


def _went(done: int | None) -> str:
    if done is None:
        return "nothing left to do (more training.steps go on from here) after"
    return f"went on after step {done} to" if done else "trained to"


def _train(
    source: str,
    given: dict[str, Any],
    amend: Sequence[str],
    out_dir: Path,
    watcher: Watcher,
    workers: int,
    threads: int | None,
) -> Path:
    import torch

    from stereo_model.training.recipe import load_recipe
    from stereo_model.training.run import run_recipe

    amendment, amended = _amendment(amend)
    chosen = load_recipe(source, **given, **amended)
    if threads is not None:
        torch.set_num_threads(threads)
    watcher.begin(chosen.training.steps)
    return run_recipe(
        chosen, out_dir, workers=workers, on_step=watcher.on_step, listener=watcher, amend=amendment
    )


def _recipe_and_values(recipe: str | None, values: Sequence[str], out_dir: Path) -> tuple[str, list[str]]:
    """The recipe to read and the values to replace in it: without a recipe, the one of the run folder."""
    if recipe is not None and ("=" not in recipe or Path(recipe).is_file()):
        return recipe, list(values)
    stored = out_dir / RECIPE
    if not stored.is_file():
        raise OptionError(
            f"no recipe is given and {out_dir} holds none; expected paper, finetune, cpu, cpu-refine "
            "or a YAML file"
        )
    return str(stored), [*([recipe] if recipe else []), *values]


def _amendment(texts: Sequence[str]) -> tuple[Amendment, dict[str, Any]]:
    """What may differ from the run folder, and the values that make it so."""
    from stereo_model.training.amend import Amendment

    values = assignments([text for text in texts if text != "data"])
    for name in values:
        if name.partition(".")[0] not in ("training", "data"):
            raise OptionError(
                f"--amend {name}: only training.* and data.* can be amended; another model needs another "
                "run folder"
            )
    fields = (name.partition(".")[2] for name in values if name.startswith("training."))
    named = frozenset(name.partition(".")[0] for name in fields)
    data = "data" in texts or any(name.startswith("data.") for name in values)
    return Amendment(fields=named, data=data), values


@contextmanager
def _watched() -> Iterator[Watcher]:
    if err.is_terminal:
        with bar(err) as shown:
            yield shown
    else:
        yield Lines(warn, every_s=SPEAK_EVERY_S)
