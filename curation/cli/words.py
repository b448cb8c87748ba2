"""What the commands say about rounds, the run and publications."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from curation.cli.console import err, out, say
from curation.judging.scores import Score
from curation.judging.sweep import WhatIf
from curation.judging.tables import read_verdicts
from curation.judging.verdicts import scorer_strengths
from curation.report.pages import percent, read_round_report
from curation.report.run_summary import unjudged_now
from curation.rounds.layout import RoundDir
from curation.rounds.start import started_config
from curation.rounds.state import RunState

if TYPE_CHECKING:
    from curation.publish.publish import Published


def say_round(round_dir: RoundDir) -> None:
    """One line of a complete round's numbers, and where its page is."""
    report = read_round_report(round_dir)
    forced = ", but it was forced" if report.config["policy"]["force"] else ""
    weak = f" [red](too weak to judge{forced})[/red]" if report.weak else ""
    say(
        f"round {report.round}: {report.samples} scored, {report.kept} kept, {report.dropped} dropped, "
        f"{report.unscorable} unscorable, {report.unjudged} unjudged, {report.regenerated} drawn again; "
        f"median BP-2 ({report.mask}) {percent(report.median_bp2)}{weak}",
        markup=True,
    )
    say(f"  {round_dir.report_html}")


def say_stopping() -> None:
    """The answer to the first Ctrl-C."""
    err.print(
        "stopping: what is in work is brought to where it can go on later; further Ctrl-C stop at once",
        highlight=False,
        soft_wrap=True,
    )


def say_status(state: RunState) -> None:
    """The rounds as a table, what one in work is at, and which samples count now."""
    if state.rounds:
        out.print(_rounds_table(state.rounds))
    begun = RoundDir(run_dir=state.run_dir, number=len(state.rounds) + 1)
    if begun.started.exists():
        say(f"round {begun.number} is not complete: {stage_of(begun)}")
    say(_population(state))


def _rounds_table(rounds: Iterable[RoundDir]) -> Table:
    columns = ("round", "scored", "kept", "dropped", "unscorable", "unjudged", "redrawn", "BP-2, median")
    table = Table(*columns, box=box.SIMPLE, padding=(0, 1, 0, 0))  # fits into 80 columns
    for round_dir in rounds:
        r = read_round_report(round_dir)
        counts = (r.samples, r.kept, r.dropped, r.unscorable, r.unjudged, r.regenerated)
        table.add_row(str(r.round), *map(str, counts), f"{percent(r.median_bp2)} ({r.mask})")
    return table


def _population(state: RunState) -> str:
    now, unjudged = state.now, unjudged_now(state)
    slots = len(now.current) + now.quarantined
    text = f"{len(now.current)} of {slots} slots hold a sample, {now.quarantined} do not"
    if state.final is not None:
        gone = sum(verdict.outcome.rejects for verdict in state.final)
        text += f"; {gone} of the last successors failed the final scoring"
    elif state.last_successors:
        text += "; publishing will score the last round's successors first"
    if weak := sum(bool(verdict.model_digest) for verdict in unjudged):
        text += f"; {weak} samples are unjudged: their scorer is too weak"
    return text


def stage_of(round_dir: RoundDir) -> str:
    """What an unfinished round is at, from its files."""
    config = started_config(round_dir)
    trained = sum(round_dir.checkpoint(model).exists() for model in range(config.model_count))
    if trained < config.model_count:
        return f"training, {trained} of {config.model_count} models done"
    if not round_dir.scores.exists():
        parts = sorted(round_dir.parts.glob("fold-*.jsonl"))
        lines = sum(part.read_text("utf-8").count("\n") for part in parts)
        return f"scoring, {lines} samples done"
    if not round_dir.verdicts.exists():
        return "judging"
    rejected = sum(verdict.outcome.rejects for verdict in read_verdicts(round_dir.verdicts))
    return f"drawing {rejected} slots again, {len(round_dir.regenerated_shards())} shards done"


def say_published(done: Published) -> None:
    """One line about a curated dataset."""
    fate = "published" if done.unjudged_published else "left out"
    unjudged = f"{done.unjudged} unjudged {fate}" if done.unjudged else "none unjudged"
    say(
        f"{done.samples} samples in {done.shards} shards under {done.path}"
        f"{'' if done.new else ' (there already)'}; "
        f"{done.rejected_successors} last successors left out, {unjudged}"
    )


def say_sweep(round_dir: RoundDir, rows: Iterable[WhatIf], scores: Iterable[Score], *, mask: str) -> None:
    """What thresholds would drop, as a table, and how many of the scores are of weak scorers."""
    rows = tuple(rows)
    title = f"round {round_dir.number}: share of {mask} pixels off by more than {rows[0].tau:g} px"
    table = Table("dropped above", "samples", "of scorable", title=title)
    for row in rows:
        table.add_row(f"{row.threshold:.0%}", str(row.dropped), f"{percent(row.share)} of {row.scorable}")
    out.print(table)
    strengths = scorer_strengths(scores, started_config(round_dir).policy).values()
    if weak := sum(strength.n_scored for strength in strengths if strength.weak):
        say(f"{weak} of the samples are of a model too weak to judge; unless forced they stay unjudged")
