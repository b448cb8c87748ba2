"""Carries a stage with all its files to another place: into a folder, or into one .usdz package.

Every file is copied under a name of its own, however many are called alike or differ in letter case only, and
every layer that is copied names its files by paths relative to itself. Names in the copy are plain ASCII, so
that any file system and any zip program keeps them. But what an MDL module names keeps its name, and lies
beside it as it did, since modules are copied and not rewritten.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from fsd_gen.usd.asset_files import is_remote
from fsd_gen.usd.errors import StageWriteError
from fsd_gen.usd.mdl_files import MODULE, module_files
from fsd_gen.usd.openusd import Ar, Sdf, Tf, UsdShade, UsdUtils

LAYERS = (".usd", ".usda", ".usdc")
PACKAGE = ".usdz"
UDIM = "<UDIM>"
MAX_PACKAGE_BYTES = 2**32 - 1  # a zip as USD writes it has 32-bit offsets


def gather(layer: Path, target: Path, assets: str) -> list[Path]:
    """Copy `layer` to `target`, and what it refers to, however deeply, below `target.parent / assets`.

    Returns every file written, `target` first.

    Raises:
        StageWriteError: a file is missing, or cannot be carried along.
    """
    return _Gathering(target.parent, assets).run(layer, target.name)


def pack(layer: Path, package: Path, scratch: Path) -> None:
    """Write `layer` and what it refers to as the .usdz file `package`; `scratch` is an empty folder.

    Raises:
        StageWriteError: a file is missing or cannot be carried along, or they are too many bytes for a .usdz.
    """
    files = gather(layer, scratch / layer.name, "assets")
    if (size := sum(file.stat().st_size for file in files)) > MAX_PACKAGE_BYTES:
        raise StageWriteError(
            f"{package}: could not write the stage: {size / 2**30:.1f} GiB in all, a .usdz holds 4; use .usdc"
        )
    try:
        with Sdf.ZipFileWriter.CreateNew(str(package)) as archive:
            added = [archive.AddFile(str(file), file.relative_to(scratch).as_posix()) for file in files]
    except (Tf.ErrorException, RuntimeError) as error:
        raise StageWriteError(f"{package}: could not write the stage: {complaint(error)}") from None
    if not all(added):
        raise StageWriteError(f"{package}: could not write the stage: {files[added.index('')]} is refused")


def complaint(error: Exception) -> str:
    """The first complaint of a USD error, without the place in USD's own source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rpartition(" : '")[2].rstrip("'")


@dataclass
class _Gathering:
    """One copy in the making."""

    folder: Path
    assets: str
    files: list[Path] = field(default_factory=list)
    _name_of: dict[Path, PurePosixPath] = field(default_factory=dict)  # by source
    _taken: set[str] = field(default_factory=set)  # names as a file system blind to case sees them
    _layers: list[tuple[Path, PurePosixPath]] = field(default_factory=list)  # copied, but not looked into yet

    def run(self, layer: Path, name: str) -> list[Path]:
        """Copy the layer under `name`, then what it needs, then what that needs."""
        self._layers.append((layer, PurePosixPath(name)))
        while self._layers:
            self._copy_layer(*self._layers.pop(0))
        return self.files

    def _copy_layer(self, source: Path, name: PurePosixPath) -> None:
        layer, target = _open_layer(source), self.folder / name
        self.files.append(target)  # before what it needs: a package is opened at its first file
        missing: list[str] = []

        def moved(written: str) -> str:  # an exception would not find its way through USD
            if not written or _is_left(layer, written):
                return written
            place = self._place(layer, written, name)
            if place is None:
                missing.append(written)
            return place or written

        copy = Sdf.Layer.CreateAnonymous(source.suffix)
        copy.TransferContent(layer)
        UsdUtils.ModifyAssetPaths(copy, moved)
        if missing:
            raise StageWriteError(f"{source}: refers to {missing[0]}, which is not there or cannot be copied")
        target.parent.mkdir(parents=True, exist_ok=True)
        if not copy.Export(str(target)):
            raise StageWriteError(f"{target}: could not write the stage; is there room?")

    def _place(self, layer: Sdf.Layer, written: str, user: PurePosixPath) -> str | None:
        """Where the file that `layer` calls `written` goes, as `user` is to call it; None if it is missing.

        Files inside a package stay in it: the package is copied.
        """
        outer, inner = (
            Ar.SplitPackageRelativePathOuter(written) if Ar.IsPackageRelativePath(written) else (written, "")
        )
        if UDIM in outer:
            name = self._tiles(layer, outer, user)
        else:
            source = _resolved(layer, outer)
            name = self._copy(source, user) if source else None
        if name is None:
            return None
        there = os.path.relpath(name, user.parent)
        there = there if there.startswith("..") else f"./{there}"
        return Ar.JoinPackageRelativePath([there, inner]) if inner else there

    def _tiles(self, layer: Sdf.Layer, written: str, user: PurePosixPath) -> PurePosixPath | None:
        tiles = UsdShade.UdimUtils.ResolveUdimTilePaths(written, layer)
        pattern = Path(Sdf.ComputeAssetPathRelativeToLayer(layer, written))
        if not tiles:
            return None
        if pattern not in self._name_of:
            self._name_of[pattern] = self._free_name(pattern.name, user)
            for path, tile in tiles:
                self._copy_file(Path(path), PurePosixPath(str(self._name_of[pattern]).replace(UDIM, tile)))
        return self._name_of[pattern]

    def _copy(self, source: Path, user: PurePosixPath) -> PurePosixPath | None:
        suffix = source.suffix.lower()
        if suffix == MODULE:
            return self._copy_module(Path(os.path.abspath(source)))
        key = source.resolve()
        if key in self._name_of:
            return self._name_of[key]
        if suffix not in LAYERS and suffix != PACKAGE and Sdf.FileFormat.FindByExtension(source.name):
            return None  # a layer of a kind whose references cannot be rewritten
        name = self._name_of[key] = self._free_name(source.name, user)
        if suffix in LAYERS:
            self._layers.append((source, name))
        else:
            self._copy_file(source, name)
        return name

    def _copy_module(self, source: Path) -> PurePosixPath:
        """An MDL module with all it names, in a folder of its own where they lie as they did.

        It is known by its path as it is written: what a link leads to has other files beside it.
        """
        if source in self._name_of:
            return self._name_of[source]
        files = module_files(source)
        above = Path(os.path.commonpath([file.parent for file in files]))
        folder = self._free_name(source.name, PurePosixPath()).parent
        for file in files:
            self._copy_file(file, folder / file.relative_to(above).as_posix())
        self._name_of[source] = folder / files[0].relative_to(above).as_posix()
        return self._name_of[source]

    def _copy_file(self, source: Path, name: PurePosixPath) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        self.files.append(target)

    def _free_name(self, written: str, user: PurePosixPath) -> PurePosixPath:
        """A folder of its own for what the stage itself refers to, that of the user for the rest."""
        stem, dot, suffix = _plain(written).rpartition(".")
        own_folder = not user.parent.parts
        for trial in _trials(stem if dot else suffix):
            file = trial + dot + suffix if dot else trial
            name = PurePosixPath(self.assets, trial, _plain(written)) if own_folder else user.parent / file
            taken = str(name.parent if own_folder else name).casefold()
            if taken not in self._taken:
                self._taken.add(taken)
                self._taken.add(str(name).casefold())
                return name
        raise AssertionError("there is always another number")


def _trials(stem: str) -> Iterator[str]:
    yield stem
    number = 2
    while True:
        yield f"{stem}-{number}"
        number += 1


def _plain(name: str) -> str:
    """The name in characters that every file system and zip program keeps."""
    parts = [re.sub(r"[^A-Za-z0-9_.\-]", "_", part) for part in name.split(UDIM)]
    return UDIM.join(parts).lstrip(".") or "_"


def _open_layer(source: Path) -> Sdf.Layer:
    try:
        layer = Sdf.Layer.FindOrOpen(str(source))
    except Tf.ErrorException as error:
        raise StageWriteError(f"{source}: could not be read: {complaint(error)}") from None
    if not layer:
        raise StageWriteError(f"{source}: could not be read as a USD layer")
    return layer


def _is_left(layer: Sdf.Layer, written: str) -> bool:
    """What stays as it is written: files on servers, and MDL modules that lie inside Omniverse alone."""
    return is_remote(written) or (written.endswith(MODULE) and _resolved(layer, written) is None)


def _resolved(layer: Sdf.Layer, written: str) -> Path | None:
    found = Ar.GetResolver().Resolve(Sdf.ComputeAssetPathRelativeToLayer(layer, written)).GetPathString()
    return Path(found) if found and Path(found).is_file() else None
