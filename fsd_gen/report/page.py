"""The page itself: self-contained HTML, everything that comes from data escaped, plots inside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from fsd_gen.report.gather import DEPTH_EDGES, DISPARITY_EDGES, Numbers, StyleNumbers
from fsd_gen.report.intent import stated
from fsd_gen.report.plots import bars_plot, pixels_plot, samples_plot
from fsd_gen.report.style import STYLESHEET
from fsd_gen.report.svg import LINES
from fsd_gen.shards.record import SampleRecord

SEES_PX = 416  # disparity up to which FoundationStereo looks
TOP = 25  # assets that are shown
MOST_UNUSED = 400  # that are listed
Array = NDArray[np.float64]


def page(numbers: Numbers, title: str, about: Sequence[str], unused: Sequence[str] | None) -> str:
    """The whole page. `about` are lines about the run; `unused` assets, None where the packs are not here."""
    parts = [
        f"<h1>{escape(title)}</h1>",
        *(f"<p class=note>{escape(line)}</p>" for line in about),
        _styles(numbers),
        _ranges(numbers),
        _rigs(numbers),
        _exposure(numbers),
        _assets(numbers, unused),
        _materials(numbers),
        _hard(numbers),
        _defects(numbers),
    ]
    head = f"<meta charset=utf-8><title>{escape(title)}</title><style>{STYLESHEET}</style>"
    return f"<!doctype html><html lang=en><head>{head}</head><body>{''.join(parts)}</body></html>\n"


def _styles(numbers: Numbers) -> str:
    rows = []
    for colour, (name, style) in zip(_colours(numbers), _named(numbers), strict=True):
        near, middle, far = (_quantile(style.depth_m, DEPTH_EDGES, q) for q in (0.05, 0.5, 0.95))
        key = f'<span class=key style="background:{colour}"></span> '
        rows.append(
            (
                f"{key}{escape(name)}",
                len(style.records),
                f"{near} / {middle} / {far}",
                *map(escape, stated(name)),
            )
        )
    heads = ("style", "samples", "depth m: 5 / 50 / 95 %", "FSD's intent", "in its words")
    return "<h2>Styles</h2>" + _table(heads, rows, text={0, 3, 4})


def _ranges(numbers: Numbers) -> str:
    disparities = {name: style.disparity_px for name, style in _named(numbers)}
    depths = {name: style.depth_m for name, style in _named(numbers)}
    whole = np.sum(list(disparities.values()), axis=0) if disparities else np.zeros(2)
    sees = _share_below(whole, DISPARITY_EDGES, SEES_PX)
    decoded = sum(style.decoded for _, style in _named(numbers))
    note = (
        f"Pixels with a surface of {decoded} samples, evenly chosen, at {numbers.width} px of width; "
        f"{sees:.2%} have at most {SEES_PX} px of disparity."
    )
    if not decoded:
        return "<h2>Disparity and depth</h2><p class=note>There is no sample.</p>"
    return (
        f"<h2>Disparity and depth</h2><p class=note>{escape(note)}</p>"
        + pixels_plot(disparities, DISPARITY_EDGES, "disparity, px", SEES_PX)
        + pixels_plot(depths, DEPTH_EDGES, "depth, m")
    )


def _rigs(numbers: Numbers) -> str:
    views: dict[str, Callable[[SampleRecord], float]] = {
        "baseline, m": lambda record: record.baseline_m,
        "focal length, px": lambda record: record.focal_px,
        "horizontal view, degrees": lambda record: float(
            2 * np.rad2deg(np.arctan(record.width / 2 / record.focal_px))
        ),
        "median disparity, px": lambda record: record.disparity_p50 or 0.0,
        "occluded, % of the pixels": lambda record: 100 * record.occluded_share,
        "sky, % of the pixels": lambda record: 100 * record.sky_share,
    }
    plots = [
        samples_plot({name: [of(r) for r in style.records] for name, style in _named(numbers)}, label)
        for label, of in views.items()
    ]
    return f"<h2>Rigs and views</h2><div class=row>{''.join(plots)}</div>"


def _exposure(numbers: Numbers) -> str:
    values: dict[str, Callable[[StyleNumbers], list[float]]] = {
        "exposure, stops": lambda style: [float(np.log2(max(r.exposure, 1e-9))) for r in style.records],
        "mean level of the image, 8 bit": lambda style: style.levels,
        "burnt out, % of the pixels": lambda style: [100 * share for share in style.burnt],
        "black, % of the pixels": lambda style: [100 * share for share in style.black],
    }
    plots = [
        samples_plot({name: of(style) for name, style in _named(numbers)}, label)
        for label, of in values.items()
    ]
    return f"<h2>Exposure</h2><div class=row>{''.join(plots)}</div>"


def _assets(numbers: Numbers, unused: Sequence[str] | None) -> str:
    used = numbers.assets
    packs = ", ".join(sorted(numbers.packs)) or "no pack"
    note = f"{len(used)} assets or makers in {numbers.scenes} scenes, from {packs}."
    parts = [f"<h2>Assets</h2><p class=note>{escape(note)}</p>"]
    if used:
        parts.append(bars_plot(dict(used.most_common(TOP)), "scenes that use it"))
    if unused is None:
        parts.append("<p class=note>The packs are not here, so what was never used is not known.</p>")
    else:
        listed = ", ".join(map(escape, unused[:MOST_UNUSED]))
        more = f" and {len(unused) - MOST_UNUSED} more" if len(unused) > MOST_UNUSED else ""
        parts.append(f"<details><summary>{len(unused)} never used</summary><p>{listed}{more}</p></details>")
    return "".join(parts)


def _materials(numbers: Numbers) -> str:
    total = sum(numbers.looks.values())
    if not total:
        return "<h2>Materials</h2><p class=note>No surface was given a look.</p>"
    shares = {name: 100 * number / total for name, number in numbers.looks.most_common()}
    textures = dict(numbers.textures.most_common(TOP))
    note = f"{total} looks of things and panels; {len(numbers.textures)} textures or makers of textures."
    drawn = bars_plot(textures, "surfaces that it covers") if textures else ""
    return f"<h2>Materials</h2><p class=note>{escape(note)}</p>" + bars_plot(shares, "looks, %") + drawn


def _hard(numbers: Numbers) -> str:
    kinds = sorted({kind for _, style in _named(numbers) for kind in style.hard_things})
    if not kinds:
        return "<h2>Hard surfaces</h2><p class=note>No scene records one.</p>"
    rows = [(escape(name), *(_with_one(style, kind) for kind in kinds)) for name, style in _named(numbers)]
    note = "Share of the scenes that have one, and in brackets how many there are."
    table = _table(("style", *map(escape, kinds)), rows, {0})
    return f"<h2>Hard surfaces</h2><p class=note>{note}</p>{table}"


def _with_one(style: StyleNumbers, kind: str) -> str:
    return f"{style.hard[kind] / max(1, style.decoded):.0%} ({style.hard_things[kind]})"


def _defects(numbers: Numbers) -> str:
    codes = sorted({code for _, style in _named(numbers) for code in style.reasons})
    rows = [
        (
            escape(name),
            len(style.records),
            style.draws - len(style.records),
            f"{1 - len(style.records) / max(1, style.draws):.1%}",
            style.quarantined,
            *(style.reasons[code] for code in codes),
        )
        for name, style in _named(numbers)
    ]
    heads = ("style", "samples", "drawn again", "share of draws", "slots given up", *map(escape, codes))
    note = "Reasons are kept of slots that were given up, one for each attempt and reason."
    return f"<h2>Defects</h2><p class=note>{note}</p>" + _table(heads, rows, {0})


def _named(numbers: Numbers) -> Iterable[tuple[str, StyleNumbers]]:
    return sorted(numbers.styles.items())


def _colours(numbers: Numbers) -> list[str]:
    return [LINES[k % len(LINES)] for k in range(len(numbers.styles))]


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]], text: set[int]) -> str:
    """A table of cells that are escaped already; columns in `text` are aligned to the left."""

    def cells(values: Sequence[object], tag: str) -> str:
        marked = (f"<{tag}{' class=text' if k in text else ''}>{v}</{tag}>" for k, v in enumerate(values))
        return f"<tr>{''.join(marked)}</tr>"

    return f"<table>{cells(heads, 'th')}{''.join(cells(row, 'td') for row in rows)}</table>"


def _quantile(counts: Array, edges: Array, share: float) -> str:
    total = counts.sum()
    if not total:
        return "-"
    place = int(np.searchsorted(np.cumsum(counts), share * total))
    return f"{edges[min(place, len(edges) - 1)]:.3g}"


def _share_below(counts: Array, edges: Array, value: float) -> float:
    """Share of what is counted up to the edge nearest to `value`."""
    total = float(counts.sum())
    place = int(np.searchsorted(edges, value))
    return float(counts[: place + 1].sum()) / total if total else 0.0
