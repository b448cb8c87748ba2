from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from assets_manifest import registry
from assets_manifest.downloads import DownloadError
from assets_manifest.fetch import FetchError, fetch
from assets_manifest.library import MissingAssetError, Pack, load_pack, open_library, save_pack
from assets_manifest.progress import Progress
from assets_manifest.records import Asset
from assets_manifest.registry import Builder, PackRecipe, UnknownPackError
from jobs.extras import install

ROOT = Path(__file__).parents[2]


def demo_pack(folder: Path, version: str) -> Pack:
    (folder / "cup.usdc").write_bytes(version.encode())
    cup = Asset(
        id="demo/cup",
        kind="object",
        uri="cup.usdc",
        sha256=hashlib.sha256(version.encode()).hexdigest(),
        licence="CC0-1.0",
        author="Ada",
        source="demo",
    )
    return Pack(name="demo", version=version, licence="CC0-1.0", assets=(cup,))


def register(monkeypatch: pytest.MonkeyPatch, build: Builder, version: str = "1", **more: object) -> None:
    """Let there be a pack `demo`, as an installed package would."""
    recipe = PackRecipe(name="demo", version=version, about="a cup", build=build, **more)
    monkeypatch.setattr(registry, "_installed", lambda: ([("a test", recipe)], {}))


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Registers a pack `demo` version 1; lists its builds."""
    done: list[str] = []

    def build(folder: Path, scratch: Path, on_progress: Progress, *, allow_partial: bool) -> Pack:
        done.append("1")
        return demo_pack(folder, "1")

    register(monkeypatch, build)
    return done


def test_a_fetched_pack_opens_and_is_not_built_again(builds: list[str], tmp_path: Path) -> None:
    assert fetch("demo", tmp_path) == tmp_path / "demo"
    fetch("demo", tmp_path)
    assert builds == ["1"]
    assert open_library(["demo"], tmp_path).path("demo/cup").read_bytes() == b"1"
    assert not list((tmp_path / ".building").iterdir())


def test_force_builds_again(builds: list[str], tmp_path: Path) -> None:
    fetch("demo", tmp_path)
    fetch("demo", tmp_path, force=True)
    assert builds == ["1", "1"]


def test_a_damaged_pack_is_built_again(builds: list[str], tmp_path: Path) -> None:
    fetch("demo", tmp_path)
    (tmp_path / "demo/pack.yaml").write_text("broken: [")
    fetch("demo", tmp_path)
    assert builds == ["1", "1"] and load_pack(tmp_path / "demo").version == "1"


def test_a_new_version_takes_the_place_of_the_old_one(
    builds: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch("demo", tmp_path)
    (tmp_path / "demo/stale.txt").write_text("x")
    register(monkeypatch, lambda folder, *_, allow_partial: demo_pack(folder, "2"), version="2")
    fetch("demo", tmp_path)
    assert load_pack(tmp_path / "demo").version == "2"
    assert not (tmp_path / "demo/stale.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".building", ".demo.lock", "demo"]


def test_an_interrupted_fetch_leaves_nothing_visible_and_goes_on_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempts: list[bool] = []

    def build(folder: Path, scratch: Path, on_progress: Progress, *, allow_partial: bool) -> Pack:
        attempts.append((scratch / "half").exists())
        (scratch / "half").write_text("kept")
        if len(attempts) == 1:
            demo_pack(folder, "1")
            raise KeyboardInterrupt
        return demo_pack(folder, "1")

    register(monkeypatch, build)
    with pytest.raises(KeyboardInterrupt):
        fetch("demo", tmp_path)
    assert not (tmp_path / "demo").exists()
    with pytest.raises(MissingAssetError):
        open_library(["demo"], tmp_path)
    fetch("demo", tmp_path)
    assert attempts == [False, True]
    assert load_pack(tmp_path / "demo").assets[0].id == "demo/cup"


def test_a_failed_publish_keeps_the_old_pack(
    builds: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch("demo", tmp_path)
    real = os.rename

    def refuse(source: Path, target: Path) -> None:
        if Path(target) == tmp_path / "demo" and Path(source).name == "pack":
            raise OSError("disk full")
        real(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(OSError, match="disk full"):
        fetch("demo", tmp_path, force=True)
    assert load_pack(tmp_path / "demo").version == "1"


def test_two_fetches_at_once_are_refused(builds: list[str], tmp_path: Path) -> None:
    with FileLock(tmp_path / ".demo.lock"), pytest.raises(FetchError, match="another process"):
        fetch("demo", tmp_path)
    assert builds == []


def test_an_unknown_pack_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownPackError, match="there are builtin, surfaces, sweethome3d"):
        fetch("nothing", tmp_path)
    with pytest.raises(UnknownPackError, match="did you mean 'builtin'"):
        fetch("bultin", tmp_path)


def test_a_pack_of_the_users_own_says_how_such_a_pack_is_made(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    save_pack(Pack(name="mine", version="1", licence="mine"), tmp_path / "mine")
    with pytest.raises(
        UnknownPackError,
        match=r"a pack of your own.*`fsd-gen assets import FOLDER --name mine`.*fsd_gen\.packs",
    ):
        fetch("mine", tmp_path)
    assert load_pack(tmp_path / "mine").version == "1"


class Sources:
    """Builds a pack that lacks a source until `reachable`."""

    def __init__(self) -> None:
        self.reachable, self.builds = False, 0

    def build(self, folder: Path, scratch: Path, on_progress: Progress, *, allow_partial: bool) -> Pack:
        self.builds += 1
        if not self.reachable and not allow_partial:
            raise DownloadError("no network")
        pack = demo_pack(folder, "1")
        missing = not self.reachable
        return pack.model_copy(update={"partial": missing, "notes": ("without a: no network",) * missing})


def test_a_partial_pack_is_completed_unless_partial_is_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = Sources()
    register(monkeypatch, sources.build)
    fetch("demo", tmp_path, allow_partial=True)
    fetch("demo", tmp_path, allow_partial=True)
    assert load_pack(tmp_path / "demo").partial and sources.builds == 1
    with pytest.raises(DownloadError):
        fetch("demo", tmp_path)
    assert load_pack(tmp_path / "demo").partial
    sources.reachable = True
    fetch("demo", tmp_path)
    fetch("demo", tmp_path)
    assert not load_pack(tmp_path / "demo").partial and sources.builds == 3


def test_a_partial_pack_that_cannot_grow_here_is_not_built_over_and_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = Sources()
    register(monkeypatch, sources.build, can_complete=lambda pack: False)
    fetch("demo", tmp_path, allow_partial=True)
    fetch("demo", tmp_path)
    assert sources.builds == 1


def test_a_pack_of_usd_files_needs_the_extra_that_writes_them(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['pxr'] = None\n"
        "from pathlib import Path\nfrom assets_manifest.fetch import fetch\n"
        "fetch('builtin', Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stderr.strip().splitlines()[-1] == (
        f"jobs.extras.MissingExtraError: pxr is not installed; it comes with: {install('render')}"
    )


@pytest.mark.skipif(os.environ.get("FSD_NETWORK_TESTS") != "1", reason="downloads; set FSD_NETWORK_TESTS=1")
@pytest.mark.parametrize("name", ["sweethome3d", "surfaces"])
def test_a_real_pack_can_be_fetched_and_verified(name: str, tmp_path: Path) -> None:
    fetch(name, tmp_path)
    library = open_library([name], tmp_path)
    assert len(library) > 200 and list(library.verify()) == []
