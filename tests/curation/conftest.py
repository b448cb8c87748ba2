"""Charts as the numbers in them: to draw one takes longer than most rounds of a fake world."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure


@pytest.fixture(scope="package", autouse=True)
def plain_charts() -> Iterator[None]:
    """Other numbers are other bytes, as in the drawn ones, which report/test_pages.py looks at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.report.charts.svg_of", plain_svg)
        yield


def plain_svg(figure: Figure) -> str:
    """What stands in a figure, undrawn."""
    return f"<svg><desc>{escape(repr([_content(axes) for axes in figure.axes]))}</desc></svg>"


def _content(axes: Axes) -> list[object]:
    texts = [axes.get_xlabel(), axes.get_ylabel(), *axes.get_legend_handles_labels()[1]]
    lines = [line.get_xydata().tolist() for line in axes.lines]
    areas = [
        patch.get_patch_transform().transform(patch.get_path().vertices).tolist() for patch in axes.patches
    ]
    return [texts, lines, areas]
