"""Plots as SVG text: no script, no interaction, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.ticker import FormatStrFormatter
from numpy.typing import NDArray

from fsd_gen.report.svg import LINES, drawn_for, figure_of, svg_of

BAR = "#2f6f9f"
PAGE = "fsd-gen"

Array = NDArray[np.float64]


def pixels_plot(counts: Mapping[str, Array], edges: Array, xlabel: str, limit: float | None = None) -> str:
    """Share of pixels per value on a logarithmic axis, an outline per style and all of them in grey.

    `counts` have what is below the first edge first, and what is above the last one last.
    """
    with drawn_for(PAGE):
        figure, axes = figure_of(7.2, 2.9)
        whole = np.sum(list(counts.values()), axis=0)
        axes.stairs(_percent(whole), edges, fill=True, color="#d9dee5", label="all")
        for colour, (name, values) in zip(_colours(len(counts)), counts.items(), strict=True):
            axes.stairs(_percent(values), edges, color=colour, lw=1.4, label=_plain(name))
        if limit is not None:
            axes.axvline(limit, color="#c4472f", lw=1.1, ls="--", label=f"{limit:g}")
        axes.set(xscale="log", xlim=(edges[0], edges[-1]), xlabel=xlabel, ylabel="pixels, %", ylim=(0, None))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.legend(frameon=False, fontsize=8)
        return svg_of(figure)


def samples_plot(series: Mapping[str, Sequence[float]], xlabel: str) -> str:
    """Share of samples per value, an outline per style over common bins."""
    with drawn_for(PAGE):
        figure, axes = figure_of(3.5, 2.4)
        everything = np.array([value for values in series.values() for value in values], float)
        edges = np.histogram_bin_edges(everything, bins=24) if len(everything) else np.linspace(0, 1, 25)
        counts, _ = np.histogram(everything, edges)
        axes.stairs(100 * counts / max(1, counts.sum()), edges, fill=True, color="#d9dee5")
        for colour, (_, values) in zip(_colours(len(series)), series.items(), strict=True):
            mine, _ = np.histogram(values, edges)
            axes.stairs(100 * mine / max(1, mine.sum()), edges, color=colour, lw=1.3)
        axes.set(xlabel=xlabel, ylabel="samples, %", ylim=(0, None))
        return svg_of(figure)


def bars_plot(numbers: Mapping[str, float], xlabel: str) -> str:
    """A horizontal bar for each name, the first on top."""
    with drawn_for(PAGE):
        figure, axes = figure_of(7.2, 0.6 + 0.2 * max(1, len(numbers)))
        names = [_plain(name) for name in numbers]
        places = np.arange(len(names))
        axes.barh(places, list(numbers.values()), color=BAR)
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set(xlabel=xlabel)
        return svg_of(figure)


def _plain(name: str) -> str:
    """A name in which matplotlib sees no formula and no hidden label; not too long."""
    plain = name.replace("$", r"\$")
    return plain if len(plain) <= 44 else f"{plain[:20]}...{plain[-21:]}"


def _percent(counts: Array) -> Array:
    return 100 * counts[1:-1] / max(1.0, float(counts.sum()))


def _colours(number: int) -> list[str]:
    return [LINES[k % len(LINES)] for k in range(number)]
