"""How a training is stopped: on a signal, after the step, with its state saved."""

from __future__ import annotations


class TrainingInterrupted(KeyboardInterrupt):
    """Training was asked to stop; it saved its state and continues when it is started again."""
