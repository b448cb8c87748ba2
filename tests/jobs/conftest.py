"""One Ray for all tests of the farm: to start it takes five processes that import it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jobs.config import FarmConfig
from jobs.farm import ray_session


@pytest.fixture(scope="package")
def local_ray() -> Iterator[None]:
    """A Ray of this process for two workers of one CPU."""
    with ray_session(FarmConfig(workers=2)):
        yield
