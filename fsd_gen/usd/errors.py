"""What can be wrong with a stage. Light: to name these errors, no USD library is needed."""

from __future__ import annotations


class StageError(ValueError):
    """The stage is not one that can be rendered; says which prim, what was expected and what was found."""


class AssetFileError(StageError):
    """A file that the stage refers to is missing or cannot be read."""


class StageWriteError(RuntimeError):
    """A stage could not be written."""
