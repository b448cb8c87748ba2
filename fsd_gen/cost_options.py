"""Options about what a run costs, and until when it may run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from fsd_gen.sections import ConfigError

if TYPE_CHECKING:
    from jobs.status.budget import Budget
    from jobs.status.model import Prices

MOST = 1e12  # in any unit

CpuPrice = Annotated[
    float,
    typer.Option(
        "--cost-per-hour-cpu", min=0, max=MOST, help="Of each CPU that a worker claims, in any unit."
    ),
]
GpuPrice = Annotated[
    float, typer.Option("--cost-per-hour-gpu", min=0, max=MOST, help="Of each GPU likewise.")
]
WorkerPrice = Annotated[
    float,
    typer.Option("--worker-cost", min=0, max=MOST, help="Of a worker's hour, in place of CPUs and GPUs."),
]
MaxCost = Annotated[
    float | None,
    typer.Option("--max-cost", min=0, max=MOST, help="Stop once this command has cost so much; exit code 3."),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="TIME",
        help='Stop then, with exit code 3: "18:30", "+8h", "+1d2h30m" or 2030-01-31T18:30.',
    ),
]


def prices_of(cpu_hour: float, gpu_hour: float, worker_hour: float) -> Prices:
    """What the options say. Raises ConfigError."""
    from jobs.status.model import Prices

    try:
        return Prices(cpu_hour=cpu_hour, gpu_hour=gpu_hour, worker_hour=worker_hour)
    except ValueError:
        raise ConfigError(
            "--worker-cost is what a worker costs with all that it claims; leave out --cost-per-hour-cpu and "
            "--cost-per-hour-gpu"
        ) from None


def budget_of(prices: Prices, max_cost: float | None, until_text: str | None) -> Budget:
    """What the options say. Raises ConfigError."""
    from jobs.status.budget import Budget, UntilError, until

    if max_cost is not None and max_cost <= 0:
        raise ConfigError(f"--max-cost: expected more than 0, got {max_cost:g}")
    if max_cost is not None and not prices:
        raise ConfigError(
            "--max-cost: needs prices: --worker-cost, or --cost-per-hour-cpu and --cost-per-hour-gpu"
        )
    try:
        when = None if until_text is None else until(until_text, datetime.now().astimezone())
    except UntilError as error:
        raise ConfigError(f"--until: {error}") from None
    return Budget(prices=prices, max_cost=max_cost, until=when)
