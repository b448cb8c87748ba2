"""The curated dataset: only kept samples, as shards of the same format, nothing encoded twice.

Curation ends, as in the paper, with drawing again what the last round rejected; nobody has judged those
successors yet. Publishing first scores them with the last round's models, each of which was held out
from their slots, and leaves out what fails: nothing unjudged is called curated unless asked for.

    curated/shards/*.h5  index/samples.parquet  verdicts.parquet  README.md  histograms.svg
            ATTRIBUTION.txt  published.json     (written last)
"""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from curation.config import CurationConfig
from curation.judging.tables import read_verdicts, write_verdicts
from curation.judging.verdicts import Outcome, Verdict
from curation.report import charts
from curation.report.summary import QUANTITIES
from curation.rounds.layout import RoundDir, completed_rounds, first_shards
from curation.rounds.population import Drawn, Population
from curation.rounds.stages import (
    RunError,
    judge_successors,
    population_before,
    population_digest,
    started_config,
)
from curation.rounds.world import OnEvent, Tools
from fsd_gen.shards.format import ShardMeta
from fsd_gen.shards.gather import publish_rows
from fsd_gen.shards.index import collect_records, manifest_digest, write_index
from fsd_gen.shards.reader import ShardReader
from jobs.files import sync_folder, write_json_atomic, write_text_atomic

MARK = "published.json"


class PublishError(ValueError):
    """The curated dataset cannot be written where it should go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is to be published, and why each sample is in it."""

    samples: tuple[Drawn, ...]  # by slot
    verdicts: tuple[Verdict, ...]  # the one that kept each sample; none for unjudged ones
    rejected_successors: int
    unjudged: int  # published although no model scored them


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What lies in the curated directory."""

    path: Path
    samples: int
    shards: int
    rejected_successors: int
    unjudged: int
    new: bool  # False: it was there already


def publish(
    run_dir: Path, out: Path, tools: Tools, on_event: OnEvent, *, include_unscored: bool = False
) -> Published:
    """Write the kept samples of the last complete round to `out`, all or nothing.

    Raises RunError when no round is complete, and PublishError when `out` holds something else.
    """
    rounds = completed_rounds(run_dir)
    if not rounds:
        raise RunError(f"{run_dir}: no round is complete; run `fsd-curate round --iter 1 {run_dir}` first")
    population = population_before(run_dir, len(rounds) + 1, tools)
    final = None if include_unscored else judge_successors(run_dir, tools, on_event)
    selection = select(population, read_verdicts(rounds[-1].verdicts), final)
    if not selection.samples:
        raise PublishError(f"{run_dir}: no sample was kept, so there is nothing to publish")
    digest = population_digest(Population(current=_by_slot(selection), missing=frozenset(), lost={}))
    new = not _already_there(out, digest)
    if new:
        _write(out, run_dir, rounds[-1], selection, digest, tools)
    return Published(
        path=out,
        samples=len(selection.samples),
        shards=len(list((out / "shards").glob("*.h5"))),
        rejected_successors=selection.rejected_successors,
        unjudged=selection.unjudged,
        new=new,
    )


def select(population: Population, verdicts: Sequence[Verdict], final: Sequence[Verdict] | None) -> Selection:
    """The current samples that a verdict kept; with `final` None also those that nobody judged."""
    kept = {v.key: v for v in (*verdicts, *(final or ())) if v.outcome is Outcome.KEEP}
    judged = {v.key for v in (*verdicts, *(final or ()))}
    current = population.samples
    unjudged = tuple(s for s in current if s.key not in judged) if final is None else ()
    chosen = [s for s in current if s.key in kept] + list(unjudged)
    return Selection(
        samples=tuple(sorted(chosen, key=lambda sample: sample.key.slot)),
        verdicts=tuple(kept[s.key] for s in current if s.key in kept),
        rejected_successors=len(current) - len(chosen),
        unjudged=len(unjudged),
    )


def _by_slot(selection: Selection) -> dict[int, Drawn]:
    return {sample.key.slot: sample for sample in selection.samples}


def _already_there(out: Path, digest: str) -> bool:
    if not out.exists():
        return False
    mark = out / MARK
    if mark.is_file() and json.loads(mark.read_text("utf-8")).get("population_digest") == digest:
        return True
    what = "an older or other publication" if mark.is_file() else "something that is no publication"
    raise PublishError(f"{out}: holds {what}; remove it, or name another directory with --out")


def _write(out: Path, run_dir: Path, here: RoundDir, selection: Selection, digest: str, tools: Tools) -> None:
    """Everything into a directory beside `out`, which then gets its name."""
    part = out.with_name(f".{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "shards").mkdir(parents=True)
    config = started_config(here)
    per_shard = max(len(tools.read_shard(path).slots) for path in first_shards(run_dir))
    shards = _write_shards(part, selection.samples, per_shard, _attributes(here, config, digest))
    records = collect_records(shards, part)
    write_index(records, part / "index" / "samples.parquet")
    write_verdicts(part / "verdicts.parquet", selection.verdicts)
    metas = [_meta(path) for path in shards]
    write_text_atomic(part / "ATTRIBUTION.txt", attribution(metas))
    write_text_atomic(part / "histograms.svg", _histograms(selection.samples))
    card = dataset_card(
        run_dir.resolve().name, here.number, config, selection, metas[0], manifest_digest(records)
    )
    write_text_atomic(part / "README.md", card)
    mark = {
        "population_digest": digest,
        "manifest_digest": manifest_digest(records),
        "rounds": here.number,
        "samples": len(selection.samples),
        "unjudged": selection.unjudged,
        "config_digest": metas[0].config_digest,
        "curation_config_digest": config.digest(),
        "policy_digest": config.policy.digest(),
    }
    write_json_atomic(part / MARK, mark)
    os.replace(part, out)
    sync_folder(out.parent)


def _write_shards(
    part: Path, samples: Sequence[Drawn], per_shard: int, attributes: Mapping[str, str | int | float]
) -> list[Path]:
    shards = []
    for index, start in enumerate(range(0, len(samples), per_shard)):
        rows = [(sample.path, sample.row) for sample in samples[start : start + per_shard]]
        shards.append(publish_rows(rows, part / "shards" / f"{index:05d}.h5", attributes))
    return shards


def _attributes(here: RoundDir, config: CurationConfig, digest: str) -> dict[str, str | int | float]:
    return {
        "curation_rounds": here.number,
        "curation_config_digest": config.digest(),
        "curation_policy_digest": config.policy.digest(),
        "curation_population_digest": digest,
    }


def _meta(path: Path) -> ShardMeta:
    with ShardReader(path) as reader:
        return reader.meta


def attribution(metas: Sequence[ShardMeta]) -> str:
    """Licences and attributions of all shards, each line once. A line is all that is said of one work."""
    licences = _lines(meta.licence for meta in metas)
    works = _lines(meta.attribution for meta in metas) or ["The shards name nobody."]
    return "\n".join(["Licence of the data", "", *licences, "", "Made from the work of", "", *works, ""])


def _lines(texts: Iterable[str]) -> list[str]:
    return sorted({line for text in texts for line in text.split("\n") if line.strip()})


def _histograms(samples: Sequence[Drawn]) -> str:
    series = {
        f"{name}, {unit}": [value for sample in samples if (value := of(sample)) is not None]
        for name, unit, of in QUANTITIES
    }
    return charts.panel_row(series)


def dataset_card(
    name: str,
    rounds: int,
    config: CurationConfig,
    selection: Selection,
    meta: ShardMeta,
    digest: str,
) -> str:
    """README.md of the curated dataset."""
    environment = Environment(
        loader=PackageLoader("curation.report", "templates"),
        autoescape=False,  # Markdown, not HTML; names go through `plain`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    strata = Counter(sample.stratum for sample in selection.samples)
    attempts = Counter(sample.key.attempt for sample in selection.samples)
    return environment.get_template("card.md.j2").render(
        name=name,
        rounds=rounds,
        config=config,
        policy=config.policy,
        selection=selection,
        meta=meta,
        digest=digest,
        strata=sorted(strata.items()),
        attempts=sorted(attempts.items()),
    )


def plain(text: str) -> str:
    """Text that Markdown takes literally inside a table cell's code span."""
    return " ".join(str(text).translate(str.maketrans("`|<>", "'/()")).split())
