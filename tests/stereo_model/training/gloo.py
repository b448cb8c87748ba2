"""Two processes that train as a team over gloo, joined by a file: what any launcher of workers makes."""

from __future__ import annotations

import json
from pathlib import Path

import torch
import torch.distributed
import torch.multiprocessing

from stereo_model.training.recipe import Recipe
from stereo_model.training.run import build_trainer
from stereo_model.training.stopping import TrainingInterrupted
from stereo_model.training.team import Team

WORKERS = 2


def train_as_a_team(folder: Path, runs: dict[str, tuple[Recipe, int | None]]) -> None:
    """Train each recipe in the run folder of its name below `folder`, all by the same two processes.

    A number beside a recipe is the step after which the second worker, and no other, is asked to stop.
    """
    torch.multiprocessing.spawn(_work, (folder, runs), nprocs=WORKERS)


def _work(rank: int, folder: Path, runs: dict[str, tuple[Recipe, int | None]]) -> None:
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{folder / 'meeting'}", rank=rank, world_size=WORKERS
    )
    try:
        for name, (recipe, stop_after) in runs.items():
            _run(folder / name, recipe, rank == 1 and stop_after)
    finally:
        torch.distributed.destroy_process_group()


def _run(run_dir: Path, recipe: Recipe, stop_after: int | bool | None) -> None:
    """Train, and write down what this worker saw."""
    team = Team.joined()
    trainer = build_trainer(recipe, run_dir, team)
    seen = []
    interrupted = None
    try:
        trainer.run(
            on_step=lambda step, loss, rate: seen.append((step, loss)),
            stop=lambda: bool(stop_after) and trainer.step + 1 >= stop_after,
        )
    except TrainingInterrupted as stop:
        interrupted = str(stop)
    report = {"seen": seen, "step": trainer.step, "interrupted": interrupted}
    (run_dir / f"worker-{team.rank}.json").write_text(json.dumps(report))
