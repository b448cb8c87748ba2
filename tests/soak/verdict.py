"""What a finished run is held against, and what may not be left of it."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from fsd_gen.production.survey import survey
from tests.soak.command import Commands

MOST_DEATHS = "crashed"  # the reason of a slot at which processes died again and again
Contents = dict[str, list[str]]  # slot -> sample id, content id, truth digest
APART = {"start_new_session": True}  # Ctrl-C is for the soak alone
UNFINISHED = (".*.part", ".*.old", "*.h5.part")  # what is still being written


@dataclass(slots=True, kw_only=True)
class Verdict:
    """How a run compares to the one that nobody disturbed."""

    samples: int = 0
    lost: int = 0
    double: int = 0
    different: int = 0
    quarantined_for_deaths: int = 0  # said, with their reason; no sample of them is expected
    verify: str = ""  # what `fsd-gen verify` found
    parts: tuple[str, ...] = ()  # half-written files that stayed

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.double or self.different or self.verify or self.parts)

    def as_json(self) -> dict[str, object]:
        """For the book."""
        return asdict(self)


def contents_of(run: Path) -> tuple[Contents, int, dict[int, set[str]]]:
    """What a run holds by slot, how many samples are there twice, and why slots are quarantined."""
    found = survey(run, deep=False)
    records = [record for shard in found.shards for record in shard.records]
    times = Counter(record.slot for record in records)
    contents = {str(each.slot): [each.sample_id, each.content_id, each.truth_digest] for each in records}
    quarantined = {
        entry.slot: {code for codes in entry.reasons for code in codes}
        for shard in found.shards
        for entry in shard.quarantined
    }
    return contents, sum(count - 1 for count in times.values()), quarantined


def judged(commands: Commands, reference: Contents) -> Verdict:
    """The verdict on a finished run."""
    verdict = compared(*contents_of(commands.out), reference)
    verdict.verify = _verified(commands)
    verdict.parts = tuple(str(path) for name in UNFINISHED for path in commands.out.rglob(name))
    return verdict


def compared(
    contents: Contents, double: int, quarantined: dict[int, set[str]], reference: Contents
) -> Verdict:
    """What a run holds, against what it should."""
    given_up = {str(slot) for slot, codes in quarantined.items() if codes == {MOST_DEATHS}}
    missing = reference.keys() - contents.keys()
    return Verdict(
        samples=len(contents),
        lost=len(missing - given_up),
        double=double,
        different=sum(contents[slot] != reference.get(slot) for slot in contents),
        quarantined_for_deaths=len(missing & given_up),
    )


def _verified(commands: Commands) -> str:
    done = subprocess.run(commands.verify(), env=commands.environ, capture_output=True, text=True, **APART)
    return (
        "" if done.returncode == 0 else f"exit code {done.returncode}: {(done.stdout + done.stderr)[-500:]}"
    )


def kept_reference(path: Path, commands: Commands, said: Path) -> Contents:
    """The contents of the undisturbed run, made now where it is not there, or RuntimeError."""
    if not path.exists():
        with said.open("wb") as file:
            done = subprocess.run(commands.render(), env=commands.environ, stdout=file, stderr=file, **APART)
        if done.returncode:
            raise RuntimeError(f"the undisturbed run failed: see {said}")
        path.write_text(json.dumps(contents_of(commands.out)[0]))
    contents: Contents = json.loads(path.read_text())
    return contents
