"""`fsd-stereo` from its first moment: Ctrl-C is answered before anything is loaded."""

from __future__ import annotations

from jobs.signals import stopped_at_once
from jobs.threads import let_idle_threads_sleep


def run() -> None:
    """The program, on the arguments of this process."""
    stopped_at_once()
    let_idle_threads_sleep()
    from stereo_model.cli.app import app

    app()
