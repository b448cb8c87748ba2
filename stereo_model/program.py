"""`fsd-stereo` from its first moment: Ctrl-C is answered before anything is loaded."""

from __future__ import annotations

from jobs.signals import stopped_at_once


def run() -> None:
    """The program, on the arguments of this process."""
    stopped_at_once()
    from stereo_model.cli.app import app

    app()
