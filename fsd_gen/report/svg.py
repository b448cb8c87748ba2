"""How plots of all pages are drawn: one style, as SVG text, the same bytes for the same numbers."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, MUTED = "#1f2933", "#7b8794"
LINES = ("#2f6f9f", "#d08a2e", "#4b8b5a", "#8a5aa8", "#a84f5a", "#5a7f8a", "#b0a030", "#606060")
STYLE: dict[Any, Any] = {  # its stubs list every key there is
    "svg.fonttype": "path",
    "font.size": 9,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def drawn_for(page: str) -> Iterator[None]:
    """The style of our plots; `page` decides the names inside them, which must differ within a page."""
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": page}):
        yield


def figure_of(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    """An empty figure of this size in inches, and its axes."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    return figure, figure.subplots()


def svg_of(figure: Figure) -> str:
    """The figure without what stands before its `<svg`, and without a date."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
