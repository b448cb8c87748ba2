"""How a training is stopped: on a signal, after the step, with its state saved.

The first signal is a request, the second one is told what stopping at once would cost, the third stops at
once; while the state is being written none does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from stereo_model.training.run_folder import saved_step

log = logging.getLogger(__name__)


class TrainingInterrupted(KeyboardInterrupt):
    """Training was asked to stop; it saved its state and continues when it is started again."""


class StopWords:
    """What a person who stops a training is told at each signal; for `jobs.signals.stop_requested`.

    `done` gives the steps done so far, of which the states in `run_dir` tell how many are saved.
    """

    def __init__(self, run_dir: Path, done: Callable[[], int]) -> None:
        self._run_dir, self._done = run_dir, done
        self._warned = self._writing = False

    def answer(self) -> None:
        """At the first signal."""
        log.warning(
            "stopping after step %d, which may take a moment; its state will be saved in %s",
            self._done() + 1,
            self._run_dir,
        )

    def again(self) -> bool:
        """At a further signal: whether it is let pass."""
        if self._writing:
            log.warning("the state is being written; then the training ends")
            return True
        if self._warned:
            log.warning("stopped at once: %s", self._cost())
            return False
        self._warned = True
        log.warning("the state is saved as soon as the step ends; one more stops at once: %s", self._cost())
        return True

    @contextmanager
    def writing(self) -> Iterator[None]:
        """While the state is written."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False

    def _cost(self) -> str:
        saved = saved_step(self._run_dir)
        lost = max(0, self._done() - saved)
        return f"the training would go on after step {saved}, finished steps lost: {lost}"
