"""Outcomes as one JSON file and one Markdown table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.gpu_check.part import Row, Value
from benchmarks.gpu_check.runner import Outcome
from jobs.files import write_json_atomic, write_text_atomic

JSON, MARKDOWN, LOG = "results.json", "results.md", "log.txt"
FORMAT = "gpu_check/1"


def write_results(folder: Path, about: Mapping[str, Value], outcomes: Sequence[Outcome]) -> None:
    """Replace both files; `about` says how the check was started."""
    content = {"format": FORMAT, "about": dict(about), "parts": [asdict(outcome) for outcome in outcomes]}
    write_json_atomic(folder / JSON, content)
    write_text_atomic(folder / MARKDOWN, as_markdown(outcomes))


def as_markdown(outcomes: Sequence[Outcome]) -> str:
    """One table: a line per row of each part, and one for each part that did not come to its end."""
    lines = ["| part | case | measured |", "|---|---|---|"]
    for outcome in outcomes:
        lines += [_line(outcome.name, *described(row)) for row in outcome.rows]
        if outcome.state != "done":
            lines.append(_line(outcome.name, outcome.state, outcome.why))
    return "\n".join(lines) + "\n"


def described(row: Row) -> tuple[str, str]:
    """(case, its numbers in words)."""
    numbers = (f"{key.replace('_', ' ')} {_short(value)}" for key, value in row.items() if key != "case")
    return str(row.get("case", "")), "; ".join(numbers)


def _short(value: Value) -> str:
    """Four digits of a number with a fraction, words for what is no number."""
    if value is None or isinstance(value, bool):
        return {None: "unknown", True: "yes", False: "no"}[value]
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    return str(value)


def _line(*cells: str) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
