"""`python -m fsd_gen` is `fsd-gen`."""

from __future__ import annotations

from fsd_gen.program import run

run()
