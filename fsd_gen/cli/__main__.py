"""`python -m fsd_gen.cli` is `fsd-gen`."""

from __future__ import annotations

from fsd_gen.cli import app

app()
