"""Scoring a list of samples with one model, so that a kill loses no more than the sample in work.

Each score is appended to a part file as one JSON line. Starting again reads the lines back, drops a
torn last one and lines of another model, and goes on with the samples that are not there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from curation.config import CurationConfig
from curation.judging.scores import Score, from_row, score_prediction, to_row
from curation.rounds.layout import RoundDir
from curation.rounds.population import RunSample
from curation.rounds.start import started_config, started_plan
from curation.rounds.world import OnProgress, StageProgress, World
from jobs.files import open_to_append, write_text_atomic


def score_by_plan(
    world: World,
    round_dir: RoundDir,
    samples: Sequence[RunSample],
    on_progress: OnProgress,
    *,
    final: bool = False,
) -> list[Score]:
    """Scores of `samples` by the models of a started round, each by the one that never saw its slot."""
    config, plan = started_config(round_dir), started_plan(round_dir)
    stage = "final score" if final else "score"
    scores: list[Score] = []
    for model in plan.models:
        slots = plan.score_slots(model)
        mine = [sample for sample in samples if sample.key.slot in slots]
        if not mine:
            continue
        scores += score_samples(
            world,
            round_dir.checkpoint(model),
            mine,
            fold=model,
            config=config,
            part=round_dir.part(model, final=final),
            on_sample=_teller(on_progress, round_dir.number, stage, model, total=len(mine)),
        )
    return scores


def _teller(
    on_progress: OnProgress, number: int, stage: str, model: int, *, total: int
) -> Callable[[int], None]:
    def on_sample(done: int) -> None:
        note = f"by model {model}"
        on_progress(
            StageProgress(round=number, stage=stage, done=done, total=total, unit="samples", note=note)
        )

    return on_sample


def forget_parts(round_dir: RoundDir) -> None:
    """The part files are of no use once their table is written."""
    shutil.rmtree(round_dir.parts, ignore_errors=True)


def score_samples(
    world: World,
    checkpoint: Path,
    samples: Sequence[RunSample],
    *,
    fold: int,
    config: CurationConfig,
    part: Path,
    on_sample: Callable[[int], None],
) -> tuple[Score, ...]:
    """One score per sample, those already in `part` included. `on_sample(done)` counts them all."""
    digest = world.model_digest(checkpoint)
    known = {score.key: score for score in _reopen(part, digest)}
    wanted = {sample.key for sample in samples}
    scores = {key: score for key, score in known.items() if key in wanted}
    todo = [sample for sample in samples if sample.key not in scores]
    on_sample(len(scores))
    with open_to_append(part) as lines:
        for score in _scores(world, checkpoint, todo, digest=digest, fold=fold, config=config):
            lines.write(_to_line(score))
            lines.flush()
            scores[score.key] = score
            on_sample(len(scores))
    return tuple(scores[sample.key] for sample in samples)


def _scores(
    world: World,
    checkpoint: Path,
    samples: Sequence[RunSample],
    *,
    digest: str,
    fold: int,
    config: CurationConfig,
) -> Iterator[Score]:
    predictions = world.predict(checkpoint, samples, config) if samples else ()
    for sample, prediction in zip(samples, predictions, strict=True):
        if prediction.key != sample.key:
            wanted, got = sample.key.sample_id, prediction.key.sample_id
            raise ValueError(f"expected a prediction of {wanted}, got one of {got}")
        yield score_prediction(
            prediction.predicted_hw,
            prediction.truth_hw,
            prediction.flags_hw,
            max_disparity=config.max_disparity,
            key=sample.key,
            content_id=sample.content_id,
            stratum=sample.stratum,
            model_digest=digest,
            fold=fold,
        )


def _reopen(part: Path, digest: str) -> tuple[Score, ...]:
    """Scores of this model in `part`, which is cut back to them."""
    part.parent.mkdir(parents=True, exist_ok=True)
    text = part.read_text("utf-8") if part.exists() else ""
    whole, _, _torn = text.rpartition("\n")
    scores = tuple(from_row(json.loads(line)) for line in whole.splitlines())
    mine = tuple(score for score in scores if score.model_digest == digest)
    write_text_atomic(part, "".join(map(_to_line, mine)))
    return mine


def _to_line(score: Score) -> str:
    return json.dumps(to_row(score), separators=(",", ":")) + "\n"
