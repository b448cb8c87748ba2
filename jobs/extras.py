"""Optional parts of the installation: what is missing is said in one line, with the command that installs it.

The base installation reads shards and runs, trains and evaluates models. Everything heavier belongs to an
extra of the package and is imported in one module each, inside `with extra("render"): import mitsuba`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Extra = Literal["render", "farm", "onnx", "tensorboard", "s3", "az", "gs"]
DISTRIBUTION = "fsd-gen"


class MissingExtraError(ImportError):
    """A library that only an optional extra brings is not installed; the message says how to install it."""


def install(name: str) -> str:
    """The command that brings an extra: from the folder, for the package is on no index."""
    return f"pip install '.[{name}]' in the checkout of fsd-gen"


@contextmanager
def extra(name: Extra) -> Iterator[None]:
    """Imports inside need the extra `name`; a library that is not there raises MissingExtraError."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"{error.name} is not installed; it comes with: {install(name)}",
            name=error.name,
        ) from error
