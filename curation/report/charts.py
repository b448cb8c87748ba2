"""Small charts as SVG text: no interaction, no script, the same bytes for the same numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fsd_gen.report.svg import LINES, drawn_for, figure_of, svg_of

GRID = "#e4e7eb"
DRAWN, KEPT, LIMIT = "#b8c4d6", "#2f6f9f", "#c4472f"
NICE = [1, 2, 2.5, 5, 10]  # steps between ticks, as matplotlib itself chooses them
PAGE = "fsd-curate"


def bp2_histogram(
    edges: Sequence[float], before: Sequence[int], after: Sequence[int], *, threshold: float
) -> str:
    """Samples per BP-2, all of them behind the kept ones, with the threshold as a line."""
    with drawn_for(PAGE):
        figure, axes = _figure(6.4, 2.7)
        width = 100 * (edges[1] - edges[0])
        left = 100 * np.asarray(edges[:-1])
        axes.bar(left, before, width, align="edge", color=DRAWN, edgecolor="white", label="scored")
        axes.bar(left, after, width, align="edge", color=KEPT, edgecolor="white", label="kept")
        axes.axvline(100 * threshold, color=LIMIT, lw=1.2, ls="--", label=f"threshold {threshold:.0%}")
        axes.yaxis.set_major_locator(MaxNLocator("auto", steps=NICE, integer=True))
        axes.set(xlim=(0, 100), xlabel="BP-2 of a sample, %", ylabel="samples")
        _legend(axes)
        return svg_of(figure)


def histograms(series: Mapping[str, Sequence[float]], *, xlabel: str) -> str:
    """Share of samples per value, one outline per series over common bins."""
    with drawn_for(PAGE):
        figure, axes = _figure(3.4, 2.3)
        edges = _edges([value for values in series.values() for value in values])
        for colour, (name, values) in zip((DRAWN, *LINES), series.items(), strict=False):
            counts, _ = np.histogram(values, edges)
            share = 100 * counts / max(1, counts.sum())
            axes.stairs(share, edges, fill=colour == DRAWN, color=colour, lw=1.5, label=name)
        axes.set(xlabel=xlabel, ylabel="samples, %")
        _legend(axes)
        return svg_of(figure)


def panel_row(series: Mapping[str, Sequence[float]]) -> str:
    """A histogram per series, side by side; the name is the axis label."""
    with drawn_for(PAGE):
        figure = Figure(figsize=(3.1 * len(series), 2.3), layout="constrained")
        grid = figure.subplots(1, len(series), squeeze=False)[0]
        for axes, (name, values) in zip(grid, series.items(), strict=True):
            axes.hist(values, _edges(values), color=KEPT, edgecolor="white")
            axes.set(xlabel=name, ylabel="pairs")
        return svg_of(figure)


def curves(series: Mapping[str, Sequence[tuple[int, float]]]) -> str:
    """Loss over steps on a logarithmic axis: every value pale, a running mean strong."""
    with drawn_for(PAGE):
        figure, axes = _figure(6.4, 2.5)
        for index, (name, points) in enumerate(series.items()):
            if points:
                steps, losses = np.asarray(points, np.float64).T
                colour = LINES[index % len(LINES)]
                axes.plot(steps, losses, color=colour, alpha=0.25, lw=0.8)
                axes.plot(steps, running_mean(losses, max(1, len(losses) // 25)), color=colour, label=name)
        axes.set(xlabel="step", ylabel="training loss", yscale="log")
        _legend(axes)
        return svg_of(figure)


def running_mean(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    """Mean of each value and up to `window` - 1 before it."""
    sums = np.cumsum(np.concatenate([[0.0], values]))
    index = np.arange(1, len(values) + 1)
    start = np.maximum(0, index - window)
    means: NDArray[np.float64] = (sums[index] - sums[start]) / (index - start)
    return means


def _edges(values: Sequence[float]) -> NDArray[np.float64]:
    """4 to 24 bins, more where there are more values, so that few samples do not look like a comb."""
    low, high = (min(values), max(values)) if len(values) else (0.0, 1.0)
    bins = int(np.clip(np.sqrt(len(values)), 4, 24))
    return np.linspace(low, high if high > low else low + 1, bins + 1)


def _figure(width_in: float, height_in: float) -> tuple[Figure, Axes]:
    figure, axes = figure_of(width_in, height_in)
    axes.grid(axis="y", color=GRID, lw=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def _legend(axes: Axes) -> None:
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
