"""`fsd-gen schema`: what may stand in a config, for editors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fsd_gen.cli.app import app, clear_errors, out

FIRST_LINE = (
    "# yaml-language-server: $schema={}"  # understood by the YAML support of VS Code, Neovim, JetBrains
)


@app.command("schema")
@clear_errors
def schema(
    path: Annotated[Path, typer.Option("--out", "-o", help="File to write.")] = Path("fsd-gen.schema.json"),
) -> None:
    """Write the JSON schema of configs, with the styles installed here, so that an editor completes them."""
    from fsd_gen.schema import write_schema

    write_schema(path)
    first_line = FIRST_LINE.format(path.name)
    out.print(
        f"{path}: begin a config beside it with the line\n{first_line}", soft_wrap=True, highlight=False
    )
