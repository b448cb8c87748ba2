"""What a round's training will take, said after its first step, and what to do where that is too long."""

from __future__ import annotations

import time
from pathlib import Path

from curation.cli.console import err
from curation.cli.progress import Clock, Pace, duration
from curation.config import CurationConfig
from curation.rounds.estimate import TrainingTime, as_yaml
from curation.rounds.world import OnProgress, StageProgress


class Advice:
    """Hands progress on; after the first step of a training it says how long the round's models will take."""

    def __init__(
        self,
        on_progress: OnProgress,
        run: Path,
        config: CurationConfig,
        device: str,
        clock: Clock = time.monotonic,
    ) -> None:
        self._on_progress, self._run, self._config, self._device = on_progress, run, config, device
        self._clock = clock
        self._pace: Pace | None = None
        self._said: set[int] = set()  # rounds

    def __call__(self, now: StageProgress) -> None:
        self._on_progress(now)
        if now.stage != "train" or now.round in self._said:
            return
        at = self._clock()
        self._pace = Pace.of(now, at) if now.loss is None or self._pace is None else self._pace.after(now, at)
        if (step_s := self._pace.each_s()) is not None:
            self._said.add(now.round)
            self._say(TrainingTime(config=self._config, round=now.round, step_s=step_s))

    def _say(self, time_: TrainingTime) -> None:
        config, number = time_.config, time_.round
        steps = f"{config.model_count} models of {config.steps(number)} steps, {time_.step_s:.2g} s each"
        _print(f"round {number}: training takes about {duration(time_.total_s)} on {self._device} ({steps})")
        if time_.too_long_for(self._device):
            _print(self._remedy(time_))

    def _remedy(self, time_: TrainingTime) -> str:
        folder = self._run / "rounds" / str(time_.round)
        return (
            "warning: these settings are for a GPU. The following take about an hour on this machine: stop "
            f"with Ctrl-C, write them to a file curation.yaml, remove {folder} and run\n"
            f"    fsd-curate round --config curation.yaml {self._run}\n{as_yaml(time_.fitting()).rstrip()}"
        )


def _print(text: str) -> None:
    err.print(text, highlight=False, markup=False, soft_wrap=True)
