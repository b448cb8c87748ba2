"""What came of the soak so far: a file for each finished run, and what they say together."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jobs.files import write_json_atomic

SUMMARY = "soak.json"
WRONG = ("lost", "double", "different")


class Book:
    """The records of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "records"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._summary = folder / SUMMARY

    def add(self, number: int, record: dict[str, Any]) -> None:
        """Keep what came of a run, and the summary of all."""
        write_json_atomic(self.folder / f"{number:05d}.json", record)
        write_json_atomic(self._summary, summary(list(self)))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (json.loads(path.read_text()) for path in sorted(self.folder.glob("[0-9]*.json")))

    @property
    def next_number(self) -> int:
        """Of the first run that is not kept yet."""
        return max((int(path.stem) + 1 for path in self.folder.glob("[0-9]*.json")), default=0)


def kills(record: dict[str, Any]) -> int:
    """How many processes of a run were aimed at and killed; all of them at once count as one."""
    return sum(
        min(1, each["killed"]) if each["kind"] == "everything" else each["killed"]
        for each in record["struck"]
    )


def problems(record: dict[str, Any]) -> list[str]:
    """What is wrong with a run, in words."""
    verdict = record["verdict"]
    counted = [f"{verdict[name]} samples {name}" for name in WRONG if verdict.get(name)]
    told = [record["stuck"], verdict.get("verify"), *record["odd"], *record["leftovers"]]
    parts = [f"half written: {path}" for path in verdict.get("parts", ())]
    return counted + [each for each in told if each] + parts


def summary(records: list[dict[str, Any]]) -> dict[str, Any]:
    """All records together."""
    struck = [each for record in records for each in record["struck"]]
    verdicts = [record["verdict"] for record in records if record["verdict"]]
    return {
        "runs": len(records),
        "kills": sum(map(kills, records)),
        "moments": sum(each["killed"] > 0 for each in struck),
        "processes killed": sum(each["killed"] for each in struck),
        "commands": sum(len(record["endings"]) for record in records),
        "strikes by kind": dict(Counter(each["kind"] for each in struck).most_common()),
        "runs by way": dict(Counter(record["plan"]["how"] for record in records).most_common()),
        "runs by weather": dict(Counter(record["plan"]["weather"] for record in records).most_common()),
        "exit codes": dict(
            Counter(str(code) for record in records for code in record["endings"]).most_common()
        ),
        "samples": sum(verdict["samples"] for verdict in verdicts),
        **{name: sum(verdict[name] for verdict in verdicts) for name in WRONG},
        "slots quarantined for deaths": sum(each["quarantined_for_deaths"] for each in verdicts),
        "runs with a problem": [record["plan"]["number"] for record in records if problems(record)],
        "seconds": round(sum(record["seconds"] for record in records)),
        "latest process gone after, s": max((record["gone_s"] for record in records), default=0.0),
    }
