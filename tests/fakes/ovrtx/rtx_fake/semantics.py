"""SemanticSegmentation and SemanticIdMap: classes of things, by the labels that the stage has authored."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from kit_fake.pictures import Frame
from kit_fake.state import KIT

API, ATTRIBUTE = "SemanticsLabelsAPI:class", "semantics:labels:class"
UNLABELLED = 1


def labels_of_stage(stage: Any) -> dict[str, str]:
    """By prim path; an attribute without its applied schema is none."""
    found = {}
    for prim in stage.TraverseAll():
        if API in prim.GetAppliedSchemas():
            found[str(prim.GetPath())] = "class:" + ",".join(prim.GetAttribute(ATTRIBUTE).Get())
    return found


def segmented(frame: Frame, authored: dict[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """The picture of ids (H, W, 1) and the map of their labels; numbers mean nothing beyond one frame."""
    texts = sorted(set(authored.values()))
    order = np.random.default_rng(KIT.captures).permutation(len(texts))
    numbers = {text: 2 + int(place) for text, place in zip(texts, order, strict=True)}
    of_id = np.full(max(frame.labels, default=0) + 1, UNLABELLED, np.uint32)
    of_id[0] = 0
    for number, path in frame.labels.items():
        of_id[number] = numbers.get(_inherited(path, authored), UNLABELLED)
    if KIT.fault("mixed_ids"):
        numbers = dict(zip(numbers, np.roll(list(numbers.values()), 1).tolist(), strict=True))
    return of_id[frame.ids][..., None], _map(numbers)


def _inherited(path: str, authored: dict[str, str]) -> str:
    """The label of the prim, or of the next above it that has one."""
    while path and path not in authored:
        path = path.rpartition("/")[0]
    return authored.get(path, "")


def _map(numbers: dict[str, int]) -> np.ndarray:
    entries, texts = b"", b""
    start = 24 * len(numbers)
    for text, number in numbers.items():
        told = text.encode() + b"\0"
        entries += struct.pack("<6I", number, 0, 0, 0, len(told), start + len(texts))
        texts += told
    whole = np.frombuffer(entries + texts + struct.pack("<I", len(numbers)), np.uint8)
    return whole[: len(whole) // 2] if KIT.fault("cut_id_map") else whole
