"""What the fields of a class mean, as its source says beside them: a comment on the line, or a text below.

    steps: int = 5000  # optimiser steps per fold in round 1

So the documentation and the JSON schema say what the code says, for the classes of plug-ins too.
"""

from __future__ import annotations

import ast
import inspect
import io
import textwrap
import tokenize


def field_docs(cls: type) -> dict[str, str]:
    """Name of each field of `cls` and of what it inherits -> its meaning; "" where the source says nothing.

    Fields are annotated or assigned names in the body: of pydantic models, dataclasses and enums alike.

    Raises:
        OSError: the source of the class is not there.
    """
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.partition(".")[0] not in ("builtins", "pydantic", "enum"):
            docs |= _own_docs(base)
    return docs


def _own_docs(cls: type) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(cls))
    comments = _comments(source)
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.ClassDef)
    docs: dict[str, str] = {}
    for statement, below in zip(tree.body, [*tree.body[1:], None], strict=True):
        for name in _names(statement):
            docs[name] = _beside(statement, comments) or _text(below)
    return {name: text for name, text in docs.items() if not name.startswith("_") and name != "model_config"}


def _names(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.AnnAssign):
        return [statement.target.id] if isinstance(statement.target, ast.Name) else []
    if isinstance(statement, ast.Assign):
        return [target.id for target in statement.targets if isinstance(target, ast.Name)]
    return []


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found = (token for token in tokens if token.type == tokenize.COMMENT)
    return {token.start[0]: token.string.lstrip("# ").strip() for token in found}


def _beside(statement: ast.stmt, comments: dict[int, str]) -> str:
    lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
    return " ".join(comments[line] for line in lines if line in comments)


def _text(statement: ast.stmt | None) -> str:
    match statement:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return " ".join(text.split())
    return ""
