"""A stage of the user's as the world of a scene: referred to as it is, brought to metres and z up.

Every root prim of it becomes a child of /World/Environment, so that what lies beside its default prim comes
along. What points from one root prim to another, such as the binding of a material that is kept apart, is
pointed there again, because a reference does not carry that over.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from assets_manifest.meshes.usd_quiet import quiet
from fsd_gen.scene.instances import ENVIRONMENT
from fsd_gen.scene.spec import World
from fsd_gen.usd.errors import AssetFileError, StageError
from fsd_gen.usd.mdl_files import MODULE, module_files
from fsd_gen.usd.openusd import Sdf, Tf, Usd, UsdGeom, UsdLux, UsdShade, UsdUtils
from fsd_gen.usd.reader.stage import open_stage, reason_of, stage_time
from fsd_gen.usd.stamp import Stamp
from fsd_gen.usd.units import Measure, in_our_measure, measure_of
from jobs.files import file_sha256

UDIM = "<UDIM>"
TILE = re.compile(r"(?<!\d)[1-9]\d{3}(?!\d)")  # the number of one, in the name of its file
MOST_LISTED = 64  # worlds whose files are remembered
OWN_SCALE = Measure(metres_per_unit=1.0, y_up=False)  # nothing to bring over


def world_digest(path: Path) -> str:
    """SHA-256 over the stage file and every file that it refers to, each by its place beside the stage.

    Raises:
        StageError: it is no stage, or a file is missing.
    """
    try:
        files = _files_of(path)
        lines = sorted(f"{os.path.relpath(file, path.parent)}\0{_sha256(file)}\n" for file in files)
    except OSError as error:
        raise AssetFileError(f"{error.filename or path}: cannot be read: {error.strerror}") from error
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def refuse_changed(world: World) -> None:
    """Raises AssetFileError where the stage is not the one that the scene was composed for."""
    path = Path(world.stage)
    if not path.is_file():
        raise AssetFileError(
            f"{path}: the stage that this scene is set in is not here; it has to be at the same path on "
            "every machine that renders"
        )
    if (found := world_digest(path)) != world.sha256:
        raise AssetFileError(
            f"{path}: the stage, or a file that it refers to, has changed since this scene was composed "
            f"(sha256 {found[:12]}, was {world.sha256[:12]}); bring the old one back, or begin another run"
        )


@dataclass(frozen=True, slots=True)
class _Listed:
    """The files of a world, and all that would be different if they were others."""

    files: tuple[Path, ...]
    stamps: dict[Path, Stamp | None]

    def holds(self) -> bool:
        """Whether nothing has changed since."""
        return all(Stamp.of(path) == stamp is not None for path, stamp in self.stamps.items())


_LISTED: dict[Path, _Listed] = {}  # by the stage's path


def _files_of(path: Path) -> tuple[Path, ...]:
    known = _LISTED.get(path)
    if known is None or not known.holds():
        while len(_LISTED) >= MOST_LISTED:
            del _LISTED[next(iter(_LISTED))]
        known = _LISTED[path] = _listed(path)
    return known.files


def _listed(path: Path) -> _Listed:
    path.stat()  # raises what the system says of it
    open_stage(path)  # says what is missing better than what follows
    try:
        with quiet():  # it warns of modules that lie inside Omniverse alone
            layers, assets, _ = UsdUtils.ComputeAllDependencies(Sdf.AssetPath(str(path)))
    except Tf.ErrorException as error:
        raise StageError(f"{path}: cannot be opened as a USD stage: {reason_of(error)}") from error
    named = {str(layer.realPath) for layer in layers} | set(map(str, assets))
    files = tuple(sorted({file for name in named for file in _on_disk(name)} | {path}))
    # Whether a file joins a set of tiles, which may be listed one by one, or a module, their folders tell.
    open_ended = {file.parent for file in files if TILE.search(file.name) or file.suffix == MODULE}
    return _Listed(files, {each: Stamp.of(each) for each in (*files, *open_ended)})


def _on_disk(name: str) -> Iterator[Path]:
    """The files behind a name: a package for what lies in one, all tiles of a UDIM set, all of a module."""
    outer = Path(name.partition("[")[0]) if not Path(name).is_file() else Path(name)
    if UDIM in outer.name:
        yield from outer.parent.glob(outer.name.replace(UDIM, "[1-9][0-9][0-9][0-9]"))
    elif outer.is_file():
        yield from module_files(outer) if outer.suffix == MODULE else (outer,)


def _sha256(path: Path) -> str:
    return _sha256_at(path, Stamp.of(path))


@lru_cache(maxsize=65536)
def _sha256_at(path: Path, stamp: Stamp | None) -> str:
    del stamp  # part of the key only
    return file_sha256(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """What has to be known of a world to refer to it. Paths are those of the world's own stage."""

    roots: tuple[str, ...]
    targets: tuple[tuple[Sdf.Path, str, tuple[Sdf.Path, ...]], ...]  # relationships that leave their root
    lights: tuple[Sdf.Path, ...]
    domes: tuple[Sdf.Path, ...]  # whose pole is the axis of whatever stage they are in
    start: float | None  # startTimeCode, if it has one
    rate: float  # timeCodesPerSecond
    resets: Sdf.Path | None  # a prim that ignores where its parents are


def add_world(stage: Usd.Stage, world: World) -> None:
    """Refer to the world in a `stage` of ours, which takes over the moment at which the world is shown.

    Raises:
        StageError: it is not the stage it was, or cannot be referred to.
    """
    refuse_changed(world)
    path = Path(world.stage)
    layout, measure = _layout(path, world.sha256), measure_of(path)
    if layout.resets is not None and measure != OWN_SCALE:
        raise StageError(
            f"{path}: <{layout.resets}> resets its transform stack, so that the stage cannot be brought to "
            "metres and z up; remove !resetXformStack! there, or convert the stage"
        )
    xform = UsdGeom.Xform.Define(stage, ENVIRONMENT)
    in_our_measure(xform, measure)
    for root in layout.roots:
        prim = stage.DefinePrim(f"{ENVIRONMENT}/{root}")
        prim.GetReferences().AddReference(str(path), f"/{root}")
    _repair(stage, layout, measure)
    if not world.lit:
        _put_out(stage, path, layout)
    _at_its_time(stage, layout, world.time)


def _repair(stage: Usd.Stage, layout: _Layout, measure: Measure) -> None:
    for place, name, targets in layout.targets:
        relationship = stage.OverridePrim(_moved(place)).CreateRelationship(name, custom=False)
        relationship.SetTargets([_moved(target) for target in targets])
    for place in layout.domes:
        light = UsdLux.DomeLight_1(stage.OverridePrim(_moved(place)))
        light.CreatePoleAxisAttr(UsdLux.Tokens.Y if measure.y_up else UsdLux.Tokens.Z)


def _put_out(stage: Usd.Stage, path: Path, layout: _Layout) -> None:
    for place in layout.lights:
        prim = stage.GetPrimAtPath(_moved(place))
        if not prim or prim.IsInstanceProxy():
            raise StageError(f"{path}: the light <{place}> is part of an instance and cannot be put out")
        prim.SetActive(False)


def _at_its_time(stage: Usd.Stage, layout: _Layout, time: float | None) -> None:
    stage.SetTimeCodesPerSecond(layout.rate)
    moment = layout.start if time is None else time
    if moment is not None:
        stage.SetStartTimeCode(moment)
        stage.SetEndTimeCode(moment)


def _moved(path: Sdf.Path) -> Sdf.Path:
    """Where what the world has at `path` is in our stage."""
    return path.ReplacePrefix(Sdf.Path.absoluteRootPath, Sdf.Path(ENVIRONMENT))


@lru_cache(maxsize=64)
def _layout(path: Path, digest: str) -> _Layout:
    del digest  # part of the key only
    stage = open_stage(path)
    prims = list(stage.Traverse(Usd.TraverseInstanceProxies(Usd.PrimDefaultPredicate)))
    domes = [prim for prim in prims if prim.IsA(UsdLux.DomeLight_1)]
    start = stage_time(stage, None)
    return _Layout(
        roots=tuple(prim.GetName() for prim in stage.GetPseudoRoot().GetChildren()),
        targets=tuple(leaving for prim in prims for leaving in _leaving(path, prim)),
        lights=tuple(prim.GetPath() for prim in prims if prim.HasAPI(UsdLux.LightAPI)),
        domes=tuple(prim.GetPath() for prim in domes if _scene_pole(prim)),
        start=None if start.IsEarliestTime() else start.GetValue(),
        rate=stage.GetTimeCodesPerSecond(),
        resets=next((prim.GetPath() for prim in prims if _resets(prim)), None),
    )


def _leaving(path: Path, prim: Usd.Prim) -> Iterator[tuple[Sdf.Path, str, tuple[Sdf.Path, ...]]]:
    """Relationships of a prim that point to another root prim."""
    own = prim.GetPath().GetPrefixes()[0]
    for relationship in prim.GetAuthoredRelationships():
        targets = relationship.GetTargets()
        if all(target.HasPrefix(own) for target in targets):
            continue
        if prim.IsInstanceProxy():
            raise StageError(
                f"{path}: {relationship.GetName()} of <{prim.GetPath()}> points out of <{own}> from inside "
                "an instance; bring both under one root prim"
            )
        yield prim.GetPath(), relationship.GetName(), tuple(targets)
    if prim.IsA(UsdShade.Shader) or prim.IsA(UsdShade.NodeGraph):
        _refuse_far_connections(path, prim, own)


def _refuse_far_connections(path: Path, prim: Usd.Prim, own: Sdf.Path) -> None:
    for attribute in prim.GetAuthoredAttributes():
        if any(not source.HasPrefix(own) for source in attribute.GetConnections()):
            raise StageError(
                f"{path}: {attribute.GetName()} of <{prim.GetPath()}> is connected to another root prim than "
                f"<{own}>; bring both under one"
            )


def _scene_pole(prim: Usd.Prim) -> bool:
    return bool(UsdLux.DomeLight_1(prim).GetPoleAxisAttr().Get() == UsdLux.Tokens.scene)


def _resets(prim: Usd.Prim) -> bool:
    return bool(UsdGeom.Xformable(prim)) and UsdGeom.Xformable(prim).GetResetXformStack()
