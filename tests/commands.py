"""Commands of ours that documents and recipes name: found in any text, and parsed by the real command lines.

Nothing is run. A command stands where a shell would look for one: at the start of a line (after a prompt, a
comment sign, a list mark, an assignment), after `&&`, `;` or a colon, inside quotes, after the image of a
`docker run`. Code between backticks in running text only mentions a command; what it says may be incomplete.
"""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
APPS = {"fsd-gen": "fsd_gen.cli", "fsd-curate": "curation.cli", "fsd-stereo": "stereo_model.cli.app"}
NAMES = "|".join(sorted(SCRIPTS))
COMMAND = re.compile(rf"(?<![\w`.-])[\w.~/$(){{}}-]*?(?<![\w.-])({NAMES})[ \t]+(?=[^\s)\]|&;])")
MENTION = re.compile(rf"(?<!`)`(({NAMES})[ \t][^`\n]*)`(?!`)")
BEFORE = re.compile(
    r"""(^ | [:;&|(@'"] | (?<!\S)[-#>$] | (?<!\S)(exec|nice|time|then|do|else|if|!) | (?<!\S)\w+=\S*
        | \bdocker[ ]run[ ].*\S)\s*$""",
    re.X,
)
CONTINUED = re.compile(r"\\\n[ \t]*(#[ \t]*)?")
ALL_ARGUMENTS = re.compile(r"""["']?\$\$?[@*]["']?|\.\.\.|…""")
VARIABLE = re.compile(r"\$\$?(\([^)]*\)|\{[^}]*\}|\w+)|<[A-Za-z][\w -]*>")
STAND_IN = "1"  # for what only the reader knows: a number, a path and a name alike


def commands_in(text: str) -> list[list[str]]:
    """Every command of ours in shell, YAML, a Makefile or the code of a Markdown text, as words.

    Variables and names in capitals become "1", `"$@"` and `...` vanish, brackets around options too.
    """
    return [
        words
        for line in CONTINUED.sub(" ", text).splitlines()
        for match in COMMAND.finditer(line)
        if BEFORE.search(line[: match.start()])
        for words in [[match[1], *_words(line[match.end() :], _open_quotes(line[: match.start()]))]]
    ]


def mentions_in(text: str) -> list[list[str]]:
    """Commands of ours between backticks in running text, as words; their options may lack values."""
    return [[match[2], *_words(match[1][len(match[2]) :], "")] for match in MENTION.finditer(text)]


def parse(command: list[str]) -> dict[str, Any]:
    """The parameters that the real command line reads from `command`; its usage errors pass through."""
    program, *arguments = command
    current, context = _app(program), None
    try:
        while True:
            context = current.make_context(program, arguments, parent=context)
            if not hasattr(current, "resolve_command"):
                return dict(context.params)
            given = [*context._protected_args, *context.args]
            program, current, arguments = current.resolve_command(context, given)
    except typer.Exit:  # --help and --version
        return {}


def unknown_words(mention: list[str]) -> list[str]:
    """The subcommands and options of `mention` that do not exist."""
    program, *words = mention
    current, options, unknown = _app(program), set(), []
    for word in words:
        commands = getattr(current, "commands", None)
        if word.startswith("-"):
            options |= {
                name for parameter in current.params for name in parameter.opts + parameter.secondary_opts
            }
            known = {*options, "--help", "-h"}
            unknown += [word] if word.split("=")[0] not in known else []
        elif commands is not None:
            if word not in commands:
                return [*unknown, word]
            current = commands[word]
    return unknown


def typer_of(program: str) -> typer.Typer:
    """What the program runs."""
    return importlib.import_module(APPS[program]).app


@cache
def _app(program: str) -> Any:
    return typer.main.get_command(typer_of(program))


def _open_quotes(before: str) -> str:
    """Quote characters that are open where `before` ends: they end what stands inside them."""
    return "".join(quote for quote in "'\"`" if before.count(quote) % 2)


def _words(tail: str, closing: str) -> list[str]:
    known = VARIABLE.sub(STAND_IN, ALL_ARGUMENTS.sub("", tail))
    words = (word.strip("[]") for word in shlex.split(_until_the_end(known, closing)))
    return [STAND_IN if re.fullmatch(r"[A-Z][A-Z0-9_]*", word) else word for word in words if word]


def _until_the_end(tail: str, closing: str) -> str:
    """What belongs to the command: all before an operator, a redirection, a comment or a quote around it."""
    quote = ""
    for place, char in enumerate(tail):
        if quote:
            quote = "" if char == quote else quote
        elif char in closing or char in "&|;)":
            return tail[:place]
        elif char in "<>":
            return re.sub(r"(?<=\s)\d$", "", tail[:place])
        elif char == "#" and tail[:place].endswith((" ", "\t")):
            return tail[:place]
        elif char in "'\"":
            quote = char
    return tail
