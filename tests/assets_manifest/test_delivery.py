"""A pack comes to a machine that lacks it once, whole, and exactly as it was asked for."""

from __future__ import annotations

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from assets_manifest.delivery import PackDeliveryError, delivered, files_of
from assets_manifest.library import AssetLibrary, Pack, load_pack, save_pack
from assets_manifest.records import Asset

CONTENT = {"box.usdc": b"a box", "wood.png": b"some wood", "deep/er.usdc": b"another"}


def record(uri: str, *attached: str) -> Asset:
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}
    return Asset(
        id=f"mine/{uri}",
        kind="object",
        uri=uri,
        sha256=sums[uri],
        licence="MIT",
        author="a",
        source="s",
        attachments=tuple((name, sums[name]) for name in attached),
    )


def written(root: Path, version: str = "1") -> tuple[Path, str]:
    """A pack in a folder of packs, and its digest."""
    folder = root / "mine"
    for uri, content in CONTENT.items():
        (folder / uri).parent.mkdir(parents=True, exist_ok=True)
        (folder / uri).write_bytes(content)
    assets = (record("box.usdc", "wood.png"), record("deep/er.usdc", "wood.png"))
    kept = assets if version == "1" else assets[:1]
    save_pack(Pack(name="mine", version=version, licence="MIT", assets=kept), folder)
    return folder, load_pack(folder).identity().digest


class Folder:
    """Packs in a folder; counts what is asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.asked: list[str] = []

    def copy(self, name: str, into: Path) -> None:
        self.asked.append(name)
        shutil.copyfile(self._root / name, into)


@pytest.fixture
def there(tmp_path: Path) -> Folder:
    written(tmp_path / "there")
    return Folder(tmp_path / "there")


@pytest.fixture
def digest(tmp_path: Path) -> str:
    return written(tmp_path / "there")[1]


def test_a_pack_comes_with_every_file_once_and_then_nothing_is_asked_for(tmp_path, there, digest):
    here = delivered("mine", digest, there, tmp_path / "here")
    assert here == tmp_path / "here/mine"
    assert sorted(there.asked) == sorted(f"mine/{name}" for name in ("pack.yaml", "assets.jsonl", *CONTENT))
    assert list(AssetLibrary([(load_pack(here), here)]).verify()) == []
    asked = len(there.asked)
    assert delivered("mine", digest, there, tmp_path / "here") == here
    assert len(there.asked) == asked


def test_many_workers_of_one_machine_bring_it_once(tmp_path, there, digest):
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(delivered, "mine", digest, there, tmp_path / "here") for _ in range(8)]
        assert {call.result() for call in calls} == {tmp_path / "here/mine"}
    assert len(there.asked) == 5


def test_another_pack_of_the_name_is_left_alone(tmp_path, there, digest):
    own, other = written(tmp_path / "here", version="2")
    place = delivered("mine", digest, there, tmp_path / "here")
    assert place == tmp_path / "here/.by_digest" / digest / "mine" and other != digest
    assert load_pack(own).version == "2" and load_pack(place).version == "1"
    assert delivered("mine", digest, there, tmp_path / "here") == place
    assert delivered("mine", other, there, tmp_path / "here") == own


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda folder: (folder / "deep/er.usdc").write_bytes(b"anothes"), "deep/er.usdc came with sha256"),
        (lambda folder: (folder / "wood.png").unlink(), "wood.png: no such file or folder"),
        (lambda folder: written(folder.parent, version="2"), "its records have the digest"),
        (
            lambda folder: (folder / "assets.jsonl").write_bytes(b""),
            "its pack.yaml and assets.jsonl make no pack",
        ),
    ],
    ids=["another file", "a missing file", "another pack", "other records"],
)
def test_what_is_not_the_pack_is_refused_and_nothing_of_it_stays(tmp_path, there, digest, damage, complaint):
    damage(tmp_path / "there/mine")
    with pytest.raises(ValueError, match=complaint) as caught:
        delivered("mine", digest, there, tmp_path / "here")
    assert "\n" not in str(caught.value)
    assert [path.name for path in (tmp_path / "here").iterdir()] == [".mine.lock"]


def test_what_a_killed_worker_left_is_cleared_away(tmp_path, there, digest):
    stale = tmp_path / "here/.mine.0a0b0c0d.part"
    stale.mkdir(parents=True)
    delivered("mine", digest, there, tmp_path / "here")
    assert not stale.exists()


def test_the_files_of_a_library_are_all_that_a_delivery_asks_for(tmp_path, there, digest):
    folder = tmp_path / "there/mine"
    files = files_of(AssetLibrary([(load_pack(folder), folder)]))
    delivered("mine", digest, there, tmp_path / "here")
    assert set(files) == set(there.asked) and all(path.is_file() for path in files.values())
    assert issubclass(PackDeliveryError, ValueError)
