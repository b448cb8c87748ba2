"""Scoring a list of samples with one model, so that a kill loses no more than the sample in work.

Each score is appended to a part file as one JSON line. Starting again reads the lines back, drops a
torn last one and lines of another model, and goes on with the samples that are not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from curation.config import CurationConfig
from curation.judging.scores import Score, from_row, score_prediction, to_row
from curation.rounds.population import Drawn
from curation.rounds.world import Tools
from jobs.files import write_text_atomic


def score_samples(
    tools: Tools,
    checkpoint: Path,
    samples: Sequence[Drawn],
    *,
    fold: int,
    config: CurationConfig,
    part: Path,
    on_sample: Callable[[int], None],
) -> tuple[Score, ...]:
    """One score per sample, those already in `part` included. `on_sample(done)` counts them all."""
    digest = tools.model_digest(checkpoint)
    known = {score.key: score for score in _reopen(part, digest)}
    wanted = {sample.key for sample in samples}
    scores = {key: score for key, score in known.items() if key in wanted}
    todo = [sample for sample in samples if sample.key not in scores]
    on_sample(len(scores))
    with part.open("a", encoding="utf-8") as lines:
        for score in _scores(tools, checkpoint, todo, digest=digest, fold=fold, config=config):
            lines.write(_to_line(score))
            lines.flush()
            scores[score.key] = score
            on_sample(len(scores))
    return tuple(scores[sample.key] for sample in samples)


def _scores(
    tools: Tools,
    checkpoint: Path,
    samples: Sequence[Drawn],
    *,
    digest: str,
    fold: int,
    config: CurationConfig,
) -> Iterator[Score]:
    predictions = tools.predict(checkpoint, samples, config) if samples else ()
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
