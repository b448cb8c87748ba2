"""HTML in every name: each template filled with hostile text wherever a value stands.

A page has the same elements and attributes whatever the values are, or something was not escaped.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from jinja2 import Environment, meta
from markupsafe import escape

from benchmarks.attack.trials import Trial
from curation.report.pages import page_environment as curation_pages
from stereo_model.evaluation.report import page_environment as evaluation_pages

TEXTS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg onload=alert(1)>",
    "</title></style><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "<!--",
    "]]>",
    "<?php ?>",
    "x' onmouseover='alert(1)",
    'x" onmouseover="alert(1)',
    "\u202e<b>",
    "<plaintext>",
)
PLAIN = "plain"
PAGES = (
    (curation_pages, "report.html.j2"),
    (curation_pages, "run.html.j2"),
    (evaluation_pages, "evaluation.html.j2"),
)


class NotEscapedError(Exception):
    """A value changed the structure of a page."""


class EscapedError(Exception):
    """The good end of a trial: nothing but text came of the text."""


_ONE: Any = lambda self, other: 1.0  # noqa: E731  a value, so that it may stand for any operator
_TRUE: Any = lambda self, other: True  # noqa: E731


class Anything(str):
    """A text that also stands for every number, list and object that a template may want."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Any:
        return self

    def __call__(self, *_: object, **__: object) -> Any:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter((self, self))  # which can be unpacked as a pair, as deep as one likes

    def __len__(self) -> int:
        return 2

    def __format__(self, spec: str) -> str:
        return str(self)

    def __float__(self) -> float:
        return 1.0

    __mul__ = __rmul__ = __add__ = __radd__ = __sub__ = __rsub__ = __truediv__ = __rtruediv__ = _ONE
    __gt__ = __ge__ = __lt__ = __le__ = _TRUE


class _Structure(HTMLParser):
    """Elements and the names of their attributes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[object] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, tuple(name for name, _ in attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.found.append(tag)

    def handle_comment(self, data: str) -> None:
        self.found.append("comment")

    def handle_pi(self, data: str) -> None:
        self.found.append("instruction")


def pages(scratch: Path) -> Iterator[Trial]:
    """Every template with every text."""
    for make, template in PAGES:
        for text in TEXTS:
            act = partial(_filled, make(), template, text)
            yield Trial(name=f"{template}: {text}", act=act, refused=(EscapedError,))


def _filled(environment: Environment, template: str, text: str) -> None:
    if _structure(environment, template, text) != _structure(environment, template, PLAIN):
        raise NotEscapedError(f"{template}: {text!r} became more than text")
    raise EscapedError(f"{template}: nothing but text came of {text!r}")


def _structure(environment: Environment, template: str, text: str) -> list[object]:
    page = environment.get_template(template).render(
        dict.fromkeys(_wanted(environment, template), Anything(text))
    )
    parser = _Structure()
    parser.feed(page)
    if str(escape(text)) not in page:
        raise NotEscapedError(f"{template}: the text is nowhere on the page")
    return parser.found


def _wanted(environment: Environment, template: str) -> set[str]:
    """The variables of a template and of those it extends or imports."""
    assert environment.loader is not None
    names: set[str] = set()
    for name in environment.loader.list_templates():
        if name.endswith(".html.j2"):
            source, _, _ = environment.loader.get_source(environment, name)
            names |= meta.find_undeclared_variables(environment.parse(source))
    return names
