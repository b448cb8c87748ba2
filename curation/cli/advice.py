"""What a round's training will take, said after its first step, and what to do where that is too long."""

from __future__ import annotations

import time
from pathlib import Path

from curation.cli.console import err
from curation.cli.progress import Clock, Pace, duration
from curation.config import CurationConfig
from curation.rounds.estimate import TrainingTime, as_yaml
from curation.rounds.world import OnProgress, StageProgress

NEWS = 0.8  # an estimate of less than this share of the first one is said


class Advice:
    """Hands progress on; says how long a round's models will take, and what to do where that is too long.

    Once after the first step, which includes starting up; again after the second, where that says else.
    """

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
        self._first: dict[int, TrainingTime] = {}  # by round
        self._settled: set[int] = set()  # rounds

    def __call__(self, now: StageProgress) -> None:
        self._on_progress(now)
        if now.stage != "train" or now.round in self._settled:
            return
        at = self._clock()
        self._pace = Pace.of(now, at) if now.loss is None or self._pace is None else self._pace.after(now, at)
        if (step_s := self._pace.each_s()) is None:
            return
        takes = TrainingTime(config=self._config, round=now.round, step_s=step_s)
        if self._pace.warm:
            self._settle(takes)
        elif now.round not in self._first:
            self._first[now.round] = takes
            _print(f"{self._estimate(takes)}, by the first step, which includes starting up")

    def _settle(self, takes: TrainingTime) -> None:
        self._settled.add(takes.round)
        first = self._first.get(takes.round)
        if first is None or takes.total_s < NEWS * first.total_s:
            _print(self._estimate(takes))
        if takes.too_long_for(self._device):
            _print(self._remedy(takes))

    def _estimate(self, takes: TrainingTime) -> str:
        config, number = takes.config, takes.round
        steps = f"{config.model_count} models of {config.steps(number)} steps, {takes.step_s:.2g} s each"
        return f"round {number}: training takes about {duration(takes.total_s)} on {self._device} ({steps})"

    def _remedy(self, takes: TrainingTime) -> str:
        folder = self._run / "rounds" / str(takes.round)
        return (
            f"warning: that is long for a CPU. The following take about {duration(takes.fitting_s())} on "
            f"this machine: stop with Ctrl-C, write them to a file curation.yaml, remove {folder} and run\n"
            f"    fsd-curate round --config curation.yaml {self._run}\n{as_yaml(takes.fitting()).rstrip()}"
        )


def _print(text: str) -> None:
    err.print(text, highlight=False, markup=False, soft_wrap=True)
