"""One renderer for all tests of a file."""

from __future__ import annotations

import pytest

from fsd_gen.backends.base import Backend
from fsd_gen.backends.registry import create_backend


@pytest.fixture(scope="module")
def backend() -> Backend:
    return create_backend("mitsuba", threads=1)
