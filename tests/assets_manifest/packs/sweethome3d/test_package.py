"""The furniture's package in another version, or with other bytes: taken by what is in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from assets_manifest import downloads
from assets_manifest.packs.sweethome3d import package as packages
from assets_manifest.packs.sweethome3d.identity import PACKAGE
from assets_manifest.packs.sweethome3d.pack import build
from assets_manifest.packs.sweethome3d.package import Differences, FurniturePackageError, expected_models
from tests.assets_manifest.packs.sweethome3d.furniture import CATALOGUE, write_library

needs_dpkg = pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="makes a Debian package")
MODELS = ("cube", "bench", "stool")
CONTROL = (
    "Package: sweethome3d-furniture\nVersion: {}\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: d\n"
)


def write_deb(folder: Path, version: str, models: tuple[str, ...] = MODELS, changed: str = "") -> Path:
    """The package with one library, `Demo`, of so many cubes; that of `changed` is of another colour."""
    entries = [CATALOGUE]
    for number, name in enumerate(models[1:], 2):
        lines = CATALOGUE.splitlines()[2:]
        entries.append("\n".join(lines).replace("#1", f"#{number}").replace("/cube/cube", f"/{name}/{name}"))
    library = write_library(folder / "source", catalogue="\n".join(entries))
    for name in models[1:]:
        shutil.copytree(library / "demo/cube", library / f"demo/{name}")
        (library / f"demo/{name}/cube.obj").rename(library / f"demo/{name}/{name}.obj")
    if changed:
        material = library / f"demo/{changed}/cube.mtl"
        material.write_text(material.read_text().replace("Kd 0.5 0.5 0.5", "Kd 0.9 0.1 0.1"))
    root = folder / "root"
    (root / "usr/share/sweethome3d/furniture").mkdir(parents=True)
    shutil.make_archive(str(folder / "Demo"), "zip", library)
    (folder / "Demo.zip").rename(root / "usr/share/sweethome3d/furniture/Demo.sh3f")
    (root / "DEBIAN").mkdir()
    (root / "DEBIAN/control").write_text(CONTROL.format(version))
    deb = folder / f"sweethome3d-furniture_{version}_all.deb"
    subprocess.run(
        ["dpkg-deb", "-Zgzip", "--build", "--root-owner-group", root, deb], check=True, capture_output=True
    )
    return deb


@pytest.fixture
def apt(monkeypatch):
    """An apt that has one package, and refuses to give the pinned version of it unless it is that."""

    def has(deb: Path, version: str) -> list[str]:
        asked = []

        def run(command, archive, folder):
            asked.append(command[-1])
            if "download" in command:
                if "=" in command[-1] and not command[-1].endswith(f"={version}"):
                    raise downloads.DownloadError(f"E: Version for {command[-1]} was not found")
                shutil.copy(deb, folder)

        monkeypatch.setattr(downloads, "has_tool", lambda tool: True)
        monkeypatch.setattr(downloads, "_run", run)
        return asked

    return has


@pytest.fixture
def expects(tmp_path_factory, monkeypatch):
    """The three cubes are what the pack was made for."""
    deb = write_deb(tmp_path_factory.mktemp("pinned"), PACKAGE.version)
    folder = tmp_path_factory.mktemp("unpacked")
    downloads.unpack_deb(deb, folder)
    (library,) = folder.glob("**/*.sh3f")
    downloads.unzip(library, folder / "Demo")
    models = packages.read_models(folder / "Demo")
    monkeypatch.setattr(packages, "expected_models", lambda: models)
    return models


def made(folder: Path):
    (folder / "pack").mkdir()
    return build(folder / "pack", folder / "scratch", lambda *_: None, processes=1)


@needs_dpkg
def test_another_version_with_the_same_models_makes_the_same_pack(tmp_path, apt, expects):
    asked = apt(write_deb(tmp_path, "1.9-0ubuntu2"), "1.9-0ubuntu2")
    pack = made(tmp_path)
    assert asked[-1] == "sweethome3d-furniture" and f"sweethome3d-furniture={PACKAGE.version}" in asked
    assert {asset.id for asset in pack.assets} == expects.keys()
    assert {asset.source.split(" (")[0] for asset in pack.assets} == {PACKAGE.label}
    assert pack.notes[0].startswith(
        "made from the Debian package sweethome3d-furniture 1.9-0ubuntu2, sha256 "
    )
    assert len(pack.notes) == 1 and not pack.partial


@needs_dpkg
def test_an_altered_package_is_taken_and_what_differs_is_listed(tmp_path, apt, expects, monkeypatch):
    monkeypatch.setattr(packages, "MIN_SHARE", 0.5)
    altered = write_deb(tmp_path, PACKAGE.version, ("cube", "stool", "sofa"), changed="stool")
    apt(altered, PACKAGE.version)
    pack = made(tmp_path)
    assert pack.notes[1:] == (
        f"1 models are changed since {PACKAGE.label}: Demo/stool",
        f"1 models are new since {PACKAGE.label}: Demo/sofa",
        f"1 models are missing since {PACKAGE.label}: Demo/bench",
    )
    assert len({asset.sha256 for asset in pack.assets}) == 2


@needs_dpkg
def test_a_package_without_most_of_the_models_is_refused_by_name(tmp_path, apt, expects):
    apt(write_deb(tmp_path, "3.0-1", ("sofa",)), "3.0-1")
    expected = (
        r"furniture 3\.0-1: expected at least 90% of 3 models .* found 1; missing are Demo/bench, Demo/stool"
    )
    with pytest.raises(FurniturePackageError, match=expected):
        made(tmp_path)


def test_every_model_of_the_pinned_version_is_listed_once():
    models = expected_models()
    assert len(models) == 820 and all(len(digest) == 16 for digest in models.values())


def test_differences_are_named_up_to_a_number():
    added = Differences(added=tuple(f"sweethome3d/L/m{n}" for n in range(10)))
    assert added.notes()[0].endswith(": L/m0, L/m1, L/m2, L/m3, L/m4, L/m5, L/m6, L/m7 and 2 more")
