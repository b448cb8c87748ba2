"""`python -m curation` is `fsd-curate`."""

from __future__ import annotations

from curation.program import run

run()
