"""`python -m stereo_model` is `fsd-stereo`."""

from __future__ import annotations

from stereo_model.program import run

run()
