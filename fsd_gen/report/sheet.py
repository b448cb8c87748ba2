"""What is shown of a run at work, as lines and tables of plain text: a terminal and a page say the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from fsd_gen.production.standing import Standing
from jobs.status.model import Eta, Progress, Status, WorkerState

MOST_WORKERS = 200  # shown; all are in the JSON


@dataclass(frozen=True, slots=True)
class SheetTable:
    """Cells of text; the first `words` columns are words, the others numbers."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is shown."""

    title: str
    lines: Sequence[str]
    done: int
    total: int
    tables: Sequence[SheetTable]


def sheet(run: Standing) -> Sheet:
    """The run in words and numbers. Text of files has its control characters taken out."""
    lines = [
        f"{run.slots_done} of {run.slots_wanted} slots, {run.shards_done} of {run.shards_wanted} shards",
        *(_session_lines(run) if run.last else ["no driver has written of itself here"]),
        *([f"in use by {run.holder}"] if run.holder else []),
        *_cost_lines(run),
    ]
    progress = _named_briefly(run.last.status) if run.last else None
    silent = run.last is not None and run.last.pulse == "silent"
    tables = [
        *(_tables(progress, silent=silent) if progress else []),
        _counted("Slots given up", run.quarantined),
        _counted("Draws refused", run.refused),
    ]
    shown = [_clean_table(table) for table in tables if table.rows]
    title = f"{run.place}: {run.state}"
    return Sheet(_clean(title), [*map(_clean, lines)], run.slots_done, run.slots_wanted, shown)


def _named_briefly(status: Status) -> Progress:
    """Tasks without the folder that all of them lie in, which the first line names."""
    progress, folder = status.progress, f"{status.what}/"
    return replace(
        progress,
        workers=tuple(replace(each, task=each.task.removeprefix(folder)) for each in progress.workers),
        failures=tuple(replace(each, task=each.task.removeprefix(folder)) for each in progress.failures),
        incidents=tuple(replace(each, task=each.task.removeprefix(folder)) for each in progress.incidents),
    )


def _tables(progress: Progress, *, silent: bool) -> Iterable[SheetTable]:
    """`silent`: the driver writes no more, and its workers went with it."""
    then = ", when the driver was last heard of" if silent else ""
    for table in (_hosts(progress), _workers(progress)):
        yield replace(table, title=f"{table.title}{then}")
    yield _failures(progress)
    yield _incidents(progress)


def _session_lines(run: Standing) -> Iterable[str]:
    assert run.last is not None
    status, progress = run.last.status, run.last.status.progress
    yield (
        f"{status.what}: {progress.items_done} of {progress.items_total} samples, {progress.tasks_failed} "
        f"shards failed, {progress.retried} tried again, {progress.workers_lost} workers lost, "
        f"{progress.warnings} warnings"
    )
    yield _pace(progress, at_work=run.state == "at work")
    yield _driver(status, silent=run.last.pulse == "silent")


def _pace(progress: Progress, *, at_work: bool) -> str:
    pace = f"{rate_text(progress.rate_recent)} lately, {rate_text(progress.rate_overall)} overall"
    return f"{pace}; {eta_text(progress.eta)}" if at_work else pace


def _driver(status: Status, *, silent: bool) -> str:
    driver = status.driver
    who = f"driver {driver.pid} of {driver.user} on {driver.host}, since {status.begun}"
    time = duration(status.progress.elapsed_s)
    if status.ended and status.complete:
        return f"{who}, took {time}"
    worked = f"{who}, {time} {'long' if status.ended else 'so far'}"
    if silent:
        return (
            f"{worked}; nobody has written since {status.written} by its clock: it was killed, or is cut off"
        )
    return f"{worked}; {status.ended}" if status.ended else worked


def _cost_lines(run: Standing) -> Iterable[str]:
    used = run.used
    if used:
        hours = sum(use.worker_s for use in used) / 3600
        cpu = sum(use.worker_s * use.cpus for use in used) / 3600
        gpu = sum(use.worker_s * use.gpus for use in used) / 3600
        many = f" in {len(run.sessions)} sessions" if len(run.sessions) > 1 else ""
        yield f"{hours:.2f} worker hours, {cpu:.2f} CPU hours, {gpu:.2f} GPU hours{many}{_cost(run)}"


def _cost(run: Standing) -> str:
    return "" if run.cost is None else f"; cost so far {run.cost:.2f}"


def _hosts(progress: Progress) -> SheetTable:
    groups: dict[tuple[str, str], list[WorkerState]] = {}
    for worker in progress.workers:
        groups.setdefault((worker.host, worker.pool), []).append(worker)
    rows = [
        (
            host,
            pool or "-",
            str(len(workers)),
            str(sum(bool(each.task) for each in workers)),
            str(sum(each.resident_mb or 0 for each in workers) or "-"),
        )
        for (host, pool), workers in sorted(groups.items())
    ]
    return SheetTable("Hosts", ("host", "pool", "workers", "at work", "resident MiB"), rows, words=2)


def _workers(progress: Progress) -> SheetTable:
    rows = [
        (
            each.name,
            each.pool or "-",
            each.task or "idle",
            f"{each.done}/{each.size}" if each.task else "-",
            duration(each.for_s),
            duration(each.silent_s),
            "-" if each.resident_mb is None else str(each.resident_mb),
        )
        for each in sorted(progress.workers, key=lambda each: -each.silent_s)[:MOST_WORKERS]
    ]
    heads = ("worker", "pool", "does", "samples", "for", "last heard of", "resident MiB")
    hidden = len(progress.workers) - len(rows)
    return SheetTable(f"Workers ({hidden} more)" if hidden else "Workers", heads, rows, words=3)


def _failures(progress: Progress) -> SheetTable:
    rows = [
        (
            each.task,
            "given up" if each.final else "tried again",
            each.last,
            str(each.attempt),
            duration(each.ago_s),
        )
        for each in reversed(progress.failures)
    ]
    return SheetTable("Failures", ("task", "became", "last line", "attempt", "ago"), rows, words=3)


def _incidents(progress: Progress) -> SheetTable:
    rows = [
        (each.kind, each.task or "-", each.last, duration(each.ago_s))
        for each in reversed(progress.incidents)
    ]
    return SheetTable("Warnings and lost workers", ("what", "at", "says", "ago"), rows, words=3)


def _counted(title: str, counts: Mapping[str, int]) -> SheetTable:
    return SheetTable(title, ("reason", "number"), [(name, str(n)) for name, n in counts.items()])


def _clean(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _clean_table(table: SheetTable) -> SheetTable:
    rows = [tuple(map(_clean, row)) for row in table.rows]
    return SheetTable(table.title, table.heads, rows, table.words)


def rate_text(rate: float | None) -> str:
    """Samples per time that is easy to read."""
    if rate is None:
        return "no rate"
    return f"{rate:.2f}/s" if rate >= 1 else f"{rate * 60:.2f}/min"


def eta_text(eta: Eta | None) -> str:
    """When it will be over, with the interval."""
    if eta is None:
        return "the time left is not known yet"
    between = "" if eta.low is None or eta.high is None else f" ({duration(eta.low)} to {duration(eta.high)})"
    return f"{duration(eta.seconds)} left{between}"


def duration(seconds: float) -> str:
    """Hours, minutes and seconds."""
    return str(timedelta(seconds=round(min(seconds, 3e9))))
