"""The curated dataset: only kept samples, as shards of the same format, nothing encoded twice.

Curation ends, as in the paper, with drawing again what the last round rejected; nobody has judged those
successors yet. Publishing first scores them with the last round's models, each of which was held out
from their slots, and leaves out what fails. What is unjudged even then, because its scorer is too weak, is
published or left out as the caller says, and never silently.

    curated/shards/*.h5  index/*.parquet  verdicts.parquet  README.md  histograms.svg
            ATTRIBUTION.txt  published.json     (written last)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from curation.publish.select import PublishError, Selection, Unjudged, origins, select
from curation.publish.write import Publication, already_there, write
from curation.rounds.final import judge_successors
from curation.rounds.population import Population
from curation.rounds.start import population_digest, started_config
from curation.rounds.state import read_run
from curation.rounds.world import OnProgress, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What lies in the curated directory."""

    path: Path
    samples: int
    shards: int
    rejected_successors: int
    unjudged: int
    unjudged_published: bool
    new: bool  # False: it was there already


def publish(
    run_dir: Path,
    out: Path,
    world: World,
    on_progress: OnProgress,
    *,
    unjudged: Unjudged | None = None,
    replace: bool = False,
    on_stage: Callable[[], None] = lambda: None,
) -> Published:
    """Write the kept samples of the last complete round to `out`, all or nothing.

    An interrupted call is taken up by the next one. `on_stage` is called once all is judged. With `replace`
    an older publication at `out` gives way once the new one is whole.

    With `unjudged` None the last successors are scored first, and samples that stay unjudged are refused.
    Otherwise nothing is scored: what has no verdict, or none of a strong scorer, is kept or dropped as told.

    Raises:
        RunError: no round is complete.
        PublishError: `out` holds something else, nothing was kept, or it must be said what becomes of
            unjudged samples.
    """
    state = read_run(run_dir)
    round_dir = state.last_round()
    final = judge_successors(state, world, on_progress) if unjudged is None else state.final or ()
    on_stage()
    config = started_config(round_dir)
    selection = select(state.now, state.verdicts[round_dir.number], final, config.policy, unjudged)
    if not selection.samples:
        raise PublishError(f"{run_dir}: no sample was kept, so there is nothing to publish")
    publication = Publication(
        name=run_dir.resolve().name,
        rounds=round_dir.number,
        config=config,
        selection=selection,
        origins=origins(selection.samples, state),
        digest=_digest(selection),
        per_shard=state.slots_per_shard,
    )
    there = already_there(out, publication.digest, publication.rounds, replace=replace)
    if not there:
        write(out, publication, on_progress)
    return _published(out, publication, new=not there)


def _digest(selection: Selection) -> str:
    current = {sample.key.slot: sample for sample in selection.samples}
    return population_digest(Population(current=current, missing=frozenset(), lost={}))


def _published(out: Path, publication: Publication, *, new: bool) -> Published:
    selection = publication.selection
    return Published(
        path=out,
        samples=len(selection.samples),
        shards=len(list((out / "shards").glob("[!.]*.h5"))),
        rejected_successors=selection.rejected_successors,
        unjudged=selection.unjudged,
        unjudged_published=selection.unjudged_published,
        new=new,
    )
