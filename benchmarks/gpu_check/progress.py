"""What the check prints while it runs: with colours where rich is installed, plain lines elsewhere."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable

from benchmarks.gpu_check.results import described
from benchmarks.gpu_check.runner import Outcome, State

STYLES: dict[State, str] = {"done": "green", "failed": "red", "timed out": "red", "skipped": "yellow"}

Say = Callable[[str, str], None]  # text, style of rich


def teller() -> Callable[[Outcome], None]:
    """An `on_change` for the runner that prints each start, row and end once."""
    say = _sayer()
    shown: dict[str, int] = {}  # rows, by part

    def tell(outcome: Outcome) -> None:
        if outcome.state == "running" and outcome.name not in shown:
            say(f"{outcome.name} (at most {outcome.deadline_s:.0f} s)", "bold")
        for row in outcome.rows[shown.get(outcome.name, 0) :]:
            say("  " + ": ".join(text for text in described(row) if text), "")
        shown[outcome.name] = len(outcome.rows)
        if outcome.state != "running":
            say(_ending(outcome), STYLES[outcome.state])

    return tell


def _ending(outcome: Outcome) -> str:
    took = f" after {outcome.seconds:.0f} s" if outcome.seconds else ""
    return f"  {outcome.name}: {outcome.state}{took}" + (f": {outcome.why}" if outcome.why else "")


def _sayer() -> Say:
    if importlib.util.find_spec("rich") is None:
        return lambda text, style: print(text, flush=True)
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    return lambda text, style: console.print(text, style=style or None, markup=False)
