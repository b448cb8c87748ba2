"""`fsd-gen`: render, look at, verify and replay stereo datasets; fetch the assets they are made of."""

from __future__ import annotations

from fsd_gen.cli import (
    assets,
    doctor,
    look,
    own_assets,
    preview,
    render,
    render_stage,
    rigs,
    schema,
    selftest,
    shoot,
    split,
    status,
)
from fsd_gen.cli.app import app

__all__ = [
    "app",
    "assets",
    "doctor",
    "look",
    "own_assets",
    "preview",
    "render",
    "render_stage",
    "rigs",
    "schema",
    "selftest",
    "shoot",
    "split",
    "status",
]  # they register their commands
