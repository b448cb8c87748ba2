"""README.md, attribution and histograms of a curated dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from jinja2 import Environment, PackageLoader, StrictUndefined

from curation.config import CurationConfig
from curation.publish.select import Origins, Selection
from curation.report import charts
from curation.report.summary import QUANTITIES
from curation.rounds.population import RunSample
from fsd_gen.shards.format import ShardMeta


def dataset_card(
    name: str,
    rounds: int,
    config: CurationConfig,
    selection: Selection,
    origins: Origins,
    meta: ShardMeta,
    digest: str,
) -> str:
    """README.md of the curated dataset."""
    strata = Counter(sample.stratum for sample in selection.samples)
    return (
        _environment()
        .get_template("card.md.j2")
        .render(
            name=name,
            rounds=rounds,
            config=config,
            policy=config.policy,
            selection=selection,
            meta=meta,
            digest=digest,
            strata=sorted(strata.items()),
            origins=origins,
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("curation.report", "templates"),
        autoescape=False,  # Markdown, not HTML; names go through `plain`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    return environment


def plain(text: str) -> str:
    """Text that Markdown takes literally inside a table cell's code span."""
    return " ".join(str(text).translate(str.maketrans("`|<>", "'/()")).split())


def attribution(metas: Sequence[ShardMeta]) -> str:
    """Licences and attributions of all shards, each line once. A line is all that is said of one work."""
    licences = _lines(meta.licence for meta in metas)
    works = _lines(meta.attribution for meta in metas) or ["The shards name nobody."]
    return "\n".join(["Licence of the data", "", *licences, "", "Made from the work of", "", *works, ""])


def _lines(texts: Iterable[str]) -> list[str]:
    return sorted({line for text in texts for line in text.split("\n") if line.strip()})


def histograms(samples: Sequence[RunSample]) -> str:
    """How the published samples are distributed, as SVG."""
    series = {
        f"{name}, {unit}": [value for sample in samples if (value := of(sample)) is not None]
        for name, unit, of in QUANTITIES
    }
    return charts.panel_row(series)
