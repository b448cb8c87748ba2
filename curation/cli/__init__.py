"""The command line of `curation`; `app` is the program."""

from curation.cli.commands import app

__all__ = ["app"]
