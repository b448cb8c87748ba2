"""Where a prim comes from: prims of one origin are alike, and so is what lies below them.

A layer is *plain* if it only says what prims are and what values they have: it refers to nothing, has no
variants, classes, instances, clips or moments. A prim all of whose opinions come from one prim of a plain
layer is what it is there, in every place that refers to it, unless a layer of the stage moves prims. Which
materials are bound is left out of account: the walk over the stage asks each prim for its own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from fsd_gen.usd.openusd import Ar, Sdf, Usd
from fsd_gen.usd.stamp import Stamp

SAID_PLAINLY = frozenset(  # what a prim of a plain layer may say of itself, beside its properties
    {"specifier", "typeName", "apiSchemas", "kind", "active", "hidden", "documentation", "comment"}
)
OVERLAID = frozenset({"specifier", "apiSchemas"})  # what may lie over it: an `over` that binds a material
BINDING = "material:binding"
RELOCATES = "layerRelocates"
SETTLED_NS = 2_000_000_000  # what changed this shortly before may change again with the same time stamp
EXPRESSION = "`"  # begins an asset path that depends on variables of the stage


@dataclass(frozen=True, slots=True)
class Origin:
    """A prim of a plain layer."""

    layer: str  # its identifier
    prim: Sdf.Path


@dataclass(frozen=True, slots=True)
class Before:
    """What a process held before it opened a stage, and when: tells which layers hold what their files do."""

    held: frozenset[str]  # identifiers of layers, maybe of files that have changed since
    at_ns: int

    @classmethod
    def now(cls) -> Self:
        """As it is."""
        held = frozenset(layer.identifier for layer in Sdf.Layer.GetLoadedLayers())
        return cls(held, time.time_ns())

    def stamp(self, layer: Sdf.Layer) -> Stamp | None:
        """Of a layer's file; None if the layer may hold anything else."""
        found = None if layer.identifier in self.held else stamp_of(layer)
        settled = found is not None and found.changed_ns < self.at_ns - SETTLED_NS
        return found if settled else None


def stamp_of(layer: Sdf.Layer) -> Stamp | None:
    """Of a layer's file, or of the package around it; None if there is none."""
    return Stamp.of(Ar.SplitPackageRelativePathOuter(layer.realPath)[0])


class Origins:
    """The origins of one stage's prims."""

    def __init__(self, before: Before, stage: Usd.Stage) -> None:
        self._before = before
        # A move changes what lies below prims that have one opinion, so that no origin tells what they are.
        self._moves = any(_relocates(layer) for layer in stage.GetUsedLayers())
        self._plain: dict[str, bool] = {}
        self._stamps: dict[str, Stamp | None] = {}
        self._clipped: dict[Sdf.Path, bool] = {}
        self._whole: dict[Origin, bool] = {}

    def of(self, prim: Usd.Prim) -> Origin | None:
        """Where all that the prim is comes from; None if there is no one such place."""
        stack = prim.GetPrimStack()
        return self._single([spec for spec in stack if len(stack) == 1 or not _only_binds(spec)], prim)

    def of_material(self, prim: Usd.Prim) -> Origin | None:
        """The same, of a material that depends on nothing outside of itself."""
        stack = prim.GetPrimStack()
        if (origin := self._single(stack, prim)) is None:
            return None
        if origin not in self._whole:
            self._whole[origin] = _is_whole(stack[0])
        return origin if self._whole[origin] else None

    def stamp(self, origin: Origin) -> Stamp | None:
        """The file that an origin lies in, if the stage holds what the file does."""
        return self._stamps[origin.layer]

    def _single(self, stack: list[Sdf.PrimSpec], prim: Usd.Prim) -> Origin | None:
        if self._moves or len(stack) != 1 or prim.IsInPrototype() or prim.IsInstanceProxy():
            return None
        if self._has_clips(prim.GetParent()):
            return None
        layer = stack[0].layer
        origin = Origin(layer.identifier, stack[0].path)
        if origin.layer not in self._plain:
            self._plain[origin.layer] = _is_plain(layer)
            self._stamps[origin.layer] = self._before.stamp(layer)
        return origin if self._plain[origin.layer] else None

    def _has_clips(self, prim: Usd.Prim) -> bool:
        """Whether the prim, or one above it, takes values from clips, which lie over those of its layer."""
        line: list[Usd.Prim] = []
        while prim and prim.GetPath() not in self._clipped and not prim.IsPseudoRoot():
            line.append(prim)
            prim = prim.GetParent()
        clipped = bool(prim) and self._clipped.get(prim.GetPath(), False)
        for each in reversed(line):
            clipped = clipped or each.HasAuthoredMetadata("clips")
            self._clipped[each.GetPath()] = clipped
        return clipped


def _only_binds(spec: Sdf.PrimSpec) -> bool:
    """Whether a prim is said to have a material here, and nothing else."""
    return (
        spec.specifier == Sdf.SpecifierOver
        and not spec.nameChildren
        and OVERLAID.issuperset(spec.ListInfoKeys())
        and all(name.startswith(BINDING) for name in spec.properties.keys())  # noqa: SIM118  # no mapping
    )


def _is_plain(layer: Sdf.Layer) -> bool:
    if layer.anonymous or layer.dirty or layer.subLayerPaths or layer.ListAllTimeSamples():
        return False
    return all(SAID_PLAINLY.issuperset(spec.ListInfoKeys()) for spec in _below(layer.pseudoRoot))


def _relocates(layer: Sdf.Layer) -> bool:
    return RELOCATES in layer.pseudoRoot.ListInfoKeys()


def _is_whole(material: Sdf.PrimSpec) -> bool:
    """Whether nothing of a material is connected to what lies outside of it, or depends on variables."""
    for prim in (material, *_below(material)):
        for attribute in prim.attributes:
            targets = attribute.connectionPathList.GetAddedOrExplicitItems()
            if not all(target.HasPrefix(material.path) for target in targets):
                return False
            if attribute.HasInfo("spline"):  # which a moment of the stage would be looked up in
                return False
            if isinstance(value := attribute.default, Sdf.AssetPath) and value.path.startswith(EXPRESSION):
                return False
    return True


def _below(spec: Sdf.PrimSpec) -> Iterator[Sdf.PrimSpec]:
    waiting = list(spec.nameChildren)
    while waiting:
        child = waiting.pop()
        yield child
        waiting.extend(child.nameChildren)
