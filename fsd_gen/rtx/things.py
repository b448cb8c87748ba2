"""Labels for the things of a stage, by which ovrtx tells them apart.

Replicator names the prim of every id itself. ovrtx documents classes alone, `SemanticSegmentation` with the
labels of `SemanticIdMap`; so every thing gets a class of its own. Paths would come from its `StableIdMap`,
which now and then lacks one (a note in IsaacLab's tests of it).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from fsd_gen.rtx.sheet import Sheet
from fsd_gen.scene.instances import instance_of
from fsd_gen.usd.openusd import Sdf, Usd, Vt

API, ATTRIBUTE = "SemanticsLabelsAPI:class", "semantics:labels:class"
LABEL = re.compile(r"\bfsdthing(\d+)\b")  # in what a label says: "class:fsdthing12"


def label_things(stage: Usd.Stage, sheet: Sheet, meshes: Iterable[str]) -> tuple[str, ...]:
    """Give a label to every thing that the meshes at these paths are part of; the things by their numbers.

    A thing inside an instance, of which nothing can be said, is not among them.
    """
    things = [path for path in sorted({instance_of(name) for name in meshes}) if _can_be_told(stage, path)]
    for number, path in enumerate(things):
        sheet.apply(path, API)
        label = Vt.TokenArray([f"fsdthing{number}"])
        sheet.set(path, {ATTRIBUTE: (Sdf.ValueTypeNames.TokenArray, label)})
    return tuple(things)


def _can_be_told(stage: Usd.Stage, path: str) -> bool:
    prim = stage.GetPrimAtPath(path)
    return bool(prim) and not prim.IsInstanceProxy()


def paths_of_labels(labels: Mapping[int, str], things: tuple[str, ...]) -> dict[int, str]:
    """Prim path by id; ids of no thing, or of several in one, are left out."""
    found = {key: {int(number) for number in LABEL.findall(label)} for key, label in labels.items()}
    known = {key: numbers.pop() for key, numbers in found.items() if len(numbers) == 1}
    return {key: things[number] for key, number in known.items() if number < len(things)}
