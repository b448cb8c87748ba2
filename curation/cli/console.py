"""Where the commands write to: results to standard output, progress and errors to standard error."""

from __future__ import annotations

from jobs.commandline import UrlConsole

out = UrlConsole()
err = UrlConsole(stderr=True)


def say(text: str, *, markup: bool = False) -> None:
    """Print a line as it is, however long."""
    out.print(text, highlight=False, markup=markup, soft_wrap=True)


def say_error(text: str) -> None:
    """A line beside the results."""
    err.print(text, highlight=False, markup=False, soft_wrap=True)
