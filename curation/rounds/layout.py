"""Where the files of a round lie, and what their presence means.

    run/rounds/<n>/round.json          the round has started, with these settings and these samples
                   folds.json          fold of every slot
                   model/fold-<k>.pt   model k is trained (fold-<k>.curve.json: its training curve)
                   parts/fold-<k>.jsonl  scores so far, a line each
                   scores.parquet      everything is scored
                   verdicts.parquet    everything is judged
                   regenerated/*.h5    successors of what was rejected
                   effort.jsonl        seconds spent, a line per stage and process
                   report.html
                   report.json         written last: the round is complete
                   final_scores.parquet, final_verdicts.parquet   of its successors, before publishing

Every file but the two .jsonl is written whole or not at all, so a file that exists is complete.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundDir:
    """Paths of one round of a run."""

    run_dir: Path
    number: int  # 1 is the first

    @property
    def path(self) -> Path:
        """The round's directory."""
        return self.run_dir / "rounds" / str(self.number)

    @property
    def started(self) -> Path:
        """Settings and samples the round started with."""
        return self.path / "round.json"

    @property
    def folds(self) -> Path:
        """Fold of every slot."""
        return self.path / "folds.json"

    @property
    def scores(self) -> Path:
        """One row per scored sample."""
        return self.path / "scores.parquet"

    @property
    def verdicts(self) -> Path:
        """One row per scored sample."""
        return self.path / "verdicts.parquet"

    @property
    def final_scores(self) -> Path:
        """Scores of the round's successors by the round's models."""
        return self.path / "final_scores.parquet"

    @property
    def final_verdicts(self) -> Path:
        """Verdicts over the round's successors."""
        return self.path / "final_verdicts.parquet"

    @property
    def regenerated(self) -> Path:
        """Directory of the successors' shards."""
        return self.path / "regenerated"

    @property
    def effort(self) -> Path:
        """Ledger of seconds spent."""
        return self.path / "effort.jsonl"

    @property
    def report_html(self) -> Path:
        """For people."""
        return self.path / "report.html"

    @property
    def report_json(self) -> Path:
        """For programs, and the mark of a complete round."""
        return self.path / "report.json"

    def before(self) -> RoundDir:
        """The round before this one."""
        return RoundDir(run_dir=self.run_dir, number=self.number - 1)

    @property
    def complete(self) -> bool:
        """Whether the round is over."""
        return self.report_json.is_file()

    def checkpoint(self, model: int) -> Path:
        """The trained model of fold `model`."""
        return self.path / "model" / f"fold-{model}.pt"

    def curve(self, model: int) -> Path:
        """Its training curve."""
        return self.path / "model" / f"fold-{model}.curve.json"

    def holds_work(self) -> bool:
        """Whether anything came of the round's settings: a model, a state of its training, a score."""
        return any((self.path / "model").rglob("*.pt")) or self.parts.exists() or self.scores.exists()

    @property
    def parts(self) -> Path:
        """Directory of the scores so far; gone once a stage is done."""
        return self.path / "parts"

    def part(self, model: int, *, final: bool = False) -> Path:
        """Scores that model `model` has given so far."""
        return self.parts / f"{'final-' if final else ''}fold-{model}.jsonl"

    def regenerated_shards(self) -> tuple[Path, ...]:
        """Finished shards of successors, by name."""
        return tuple(sorted(self.regenerated.glob("[!.]*.h5")))


def unfinished_shards(run_dir: Path) -> tuple[Path, ...]:
    """Shards of the first draw that are still being rendered."""
    return tuple(sorted((run_dir / "shards").glob("[!.]*.h5.part")))


def completed_rounds(run_dir: Path) -> tuple[RoundDir, ...]:
    """Rounds 1, 2, ... that are over, without a gap."""
    found: list[RoundDir] = []
    while (candidate := RoundDir(run_dir=run_dir, number=len(found) + 1)).complete:
        found.append(candidate)
    return tuple(found)
