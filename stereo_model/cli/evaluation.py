"""The tables that `fsd-stereo evaluate` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from stereo_model.cli.terminal import out, say, warn

if TYPE_CHECKING:
    from stereo_model.evaluation.evaluation import Evaluation, SceneScore
    from stereo_model.evaluation.metrics import MaskPolicy
    from stereo_model.evaluation.scores import RegionScore

METRICS = {"epe": "EPE px", "bp05": "BP-0.5", "bp1": "BP-1", "bp2": "BP-2", "bp3": "BP-3", "d1": "D1"}
MOST_WARNED = 3  # scenes whose warnings are printed, where not every scene is
NARROWEST = 100  # columns of a table that goes to no terminal


def print_evaluation(
    name: str, result: Evaluation, policy: MaskPolicy, metric: str, *, per_scene: bool
) -> None:
    """The means under every mask, before them every scene where wanted, and what to know before believing."""
    from stereo_model.evaluation.advice import advice

    ordered = result.worst_first(policy, metric)
    table = Table("scene", "mask", "pixels", *METRICS.values(), title=f"{name}, {result.scene_count}")
    if per_scene:
        for scene in ordered:
            for kind in result.policies:
                table.add_row(scene.scene, result.mask_name(kind), *_row(scene.regions[kind]))
        table.add_section()
    _add_means(table, result)
    out.print(table) if out.is_terminal else Console(width=max(out.width, NARROWEST)).print(table)
    if not per_scene and len(ordered) > 1:
        say(f"worst by {METRICS[metric]}: {ordered[0].scene}; --per-scene prints every scene")
    _warn_of(ordered, per_scene=per_scene)
    for line in advice(result):
        warn(f"{name}: {line}")


def _add_means(table: Table, result: Evaluation) -> None:
    for kind in result.policies:
        table.add_row("mean of scenes", result.mask_name(kind), *_row(result.mean(kind)))
    for kind in result.policies:
        weighted = result.weighted(kind)
        if weighted is not None:
            table.add_row(f"{result.dataset}'s own mean", result.mask_name(kind), *_row(weighted))
    for kind in result.policies:
        table.add_row("all pixels alike", result.mask_name(kind), *_row(result.pooled(kind)))


def _warn_of(scenes: tuple[SceneScore, ...], *, per_scene: bool) -> None:
    warned = [scene for scene in scenes if scene.warnings]
    shown = warned if per_scene else warned[:MOST_WARNED]
    for scene in shown:
        for warning in scene.warnings:
            warn(f"{scene.scene}: {warning}")
    if len(warned) > len(shown):
        warn(f"{len(warned) - len(shown)} more scenes have such warnings; --per-scene prints them")


def _row(score: RegionScore) -> tuple[str, ...]:
    epe, *shares = (getattr(score, metric) for metric in METRICS)
    error = "-" if epe is None else f"{epe:.3f}"
    return str(score.n_valid), error, *("-" if share is None else f"{share:.2%}" for share in shares)
