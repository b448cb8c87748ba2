"""Limits are strict about their names."""

from __future__ import annotations

import pytest

from fsd_gen.checks.limits import CheckLimits


def test_limits_refuse_an_unknown_name():
    with pytest.raises(ValueError, match="max_skyy"):
        CheckLimits(max_skyy=0.5)
