"""Carbonite's Python package."""

from kit_fake.state import require_app

require_app("carb")
