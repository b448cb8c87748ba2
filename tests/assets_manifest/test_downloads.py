from __future__ import annotations

import hashlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from assets_manifest import downloads
from assets_manifest.downloads import (
    Archive,
    ArchiveError,
    DownloadError,
    MissingToolError,
    download,
    matching,
    untar,
    unzip,
)


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def archive(content: bytes, tool: str = "pip") -> Archive:
    return Archive(
        tool=tool,
        package="demo",
        version="1",
        pattern="demo*.whl",
        sha256=hashlib.sha256(content).hexdigest(),
    )


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "a\\..\\evil.txt"])
def test_a_zip_with_an_escaping_path_writes_nothing(tmp_path: Path, name: str) -> None:
    source = write_zip(tmp_path / "a.zip", {"good.txt": b"1", name: b"2"})
    with pytest.raises(ArchiveError, match="refusing"):
        unzip(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    with pytest.raises(ArchiveError, match="not a plain file"):
        unzip(tmp_path / "a.zip", tmp_path / "out")


def test_a_tar_with_a_link_or_an_escaping_path_is_refused(tmp_path: Path) -> None:
    for name, kind in (("link", tarfile.SYMTYPE), ("../evil", tarfile.REGTYPE)):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd" if kind == tarfile.SYMTYPE else ""
        with tarfile.open(tmp_path / "a.tgz", "w:gz") as file:
            file.addfile(member, io.BytesIO(b""))
        with pytest.raises(ArchiveError, match="refusing"):
            untar(tmp_path / "a.tgz", tmp_path / "out")


def test_an_archive_that_unpacks_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_UNPACKED_BYTES", 10)
    source = write_zip(tmp_path / "a.zip", {"a": b"12345", "b": b"123456"})
    with pytest.raises(ArchiveError, match="11 bytes"):
        unzip(source, tmp_path / "out")


def test_only_wanted_members_are_unpacked(tmp_path: Path) -> None:
    source = write_zip(tmp_path / "a.zip", {"x/a.png": b"a", "x/b.txt": b"b"})
    assert unzip(source, tmp_path / "out", matching("*.png")) == [tmp_path / "out/x/a.png"]
    assert (tmp_path / "out/x/a.png").read_bytes() == b"a"
    assert not (tmp_path / "out/x/b.txt").exists()


def test_a_file_with_the_pinned_hash_is_not_downloaded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_run", lambda *_: pytest.fail("downloaded"))
    (tmp_path / "demo-1.whl").write_bytes(b"wheel")
    assert download(archive(b"wheel"), tmp_path) == tmp_path / "demo-1.whl"


def test_a_file_with_another_hash_is_refused_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "_run", lambda *_: (tmp_path / "demo-1.whl").write_bytes(b"evil"))
    with pytest.raises(DownloadError, match="expected"):
        download(archive(b"wheel"), tmp_path)
    assert not list(tmp_path.glob("*.whl"))


@pytest.mark.parametrize(("tool", "remedy"), [("apt", "assets fetch builtin"), ("npm", "install Node.js")])
def test_a_missing_tool_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tool: str, remedy: str
) -> None:
    monkeypatch.setattr(downloads.shutil, "which", lambda _: None)
    with pytest.raises(MissingToolError, match=remedy):
        download(archive(b"", tool), tmp_path)


def test_a_failing_tool_passes_its_last_words_on(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="failed: sorry"):
        downloads._run(["sh", "-c", "echo sorry >&2; exit 3"], archive(b""), tmp_path)
