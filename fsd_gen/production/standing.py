"""How far a run is and who works on it: what lies in its folder, and what its drivers wrote of themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from fsd_gen.production.counts import QUARANTINED, REFUSED
from fsd_gen.production.run import Run
from fsd_gen.production.survey import SHARD_NAME, NoRunError, is_run
from fsd_gen.production.unfinished import parts_in, wanted_shards
from jobs.locks import holder_here
from jobs.status.model import FOLDER, Prices, Used
from jobs.status.reading import Session, sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A run as it is now."""

    place: str
    shards_wanted: int
    shards_done: int
    slots_wanted: int
    slots_done: int  # stored or given up
    sessions: tuple[Session, ...]  # the oldest first
    holder: str  # of the run's lock, where it is one of this machine and no renderer; else ""
    prices: Prices  # that were asked for; of none given, each session's own count

    @property
    def last(self) -> Session | None:
        """The latest driver."""
        return self.sessions[-1] if self.sessions else None

    @property
    def state(self) -> str:
        """In a word or two."""
        if self.last is not None and self.last.pulse == "at work":
            return "at work"
        if self.last is not None and self.last.pulse == "silent":
            return "killed"
        if self.holder:
            return "in use"
        if self.slots_done >= self.slots_wanted > 0:
            return "finished"
        if self.broken:
            return "failed"
        return "stopped" if self.last is not None or self.slots_done else "not begun"

    @property
    def broken(self) -> bool:
        """Whether the latest driver ended with an error of its own."""
        return self.last is not None and self.last.status.ended.startswith("failed")

    @property
    def is_well(self) -> bool:
        """Whether nobody has to look after it."""
        failed = self.last is not None and self.last.status.progress.tasks_failed > 0
        return self.state != "killed" and not failed and not self.broken

    @property
    def cost(self) -> float | None:
        """Of all sessions; None without prices."""
        costs = [_cost(session, self.prices) for session in self.sessions]
        known = [cost for cost in costs if cost is not None]
        return sum(known) if known else None

    @property
    def used(self) -> tuple[Used, ...]:
        """By all sessions' workers."""
        return tuple(use for session in self.sessions for use in session.status.progress.used)

    @property
    def refused(self) -> dict[str, int]:
        """Draws of all sessions, by reason, the most frequent first."""
        return _summed(self.sessions, REFUSED)

    @property
    def quarantined(self) -> dict[str, int]:
        """Slots that all sessions gave up, by reason, the most frequent first."""
        return _summed(self.sessions, QUARANTINED)


def standing(
    folder: Path, shown_as: str, prices: Prices, say: Callable[[str], None] = lambda text: None
) -> Standing:
    """How the run at `folder` stands. That it waits for a sign of a driver elsewhere is told to `say`.

    Raises:
        NoRunError: there is none.
        ConfigError, StatusFileError: it cannot be read.
    """
    if not is_run(folder) and not (folder / FOLDER).is_dir():
        raise NoRunError(f"{shown_as}: no run here; `fsd-gen render --out {shown_as}` makes one")
    run = Run.open(folder)
    each = run.config.samples_per_shard
    found = tuple(sessions(folder, say=say))  # may wait, so what lies in the folder is counted after it
    shards = {path.stem for path in run.shards.glob("*.h5") if SHARD_NAME.fullmatch(path.name)}
    parts = [part for part in parts_in(run.shards) if part.shard.stem not in shards]
    kept = sum(len(part.samples) + part.quarantined for part in parts)
    wanted = max(wanted_shards(folder) or 0, len(shards) + len(parts))
    rendering = bool(found) and found[-1].pulse == "at work"
    return Standing(
        place=shown_as,
        shards_wanted=wanted,
        shards_done=len(shards),
        slots_wanted=wanted * each,
        slots_done=len(shards) * each + kept,
        sessions=found,
        holder="" if rendering else holder_here(folder),
        prices=prices,
    )


def _cost(session: Session, prices: Prices) -> float | None:
    chosen = prices or session.status.prices
    return chosen.cost(session.status.progress.used) if chosen else None


def _summed(found: Iterable[Session], counter: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for session in found:
        for label, amount in session.status.progress.counts.get(counter, {}).items():
            total[label] += round(amount)
    return dict(total.most_common())
