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


def test_a_name_that_stands_twice_in_an_archive_is_refused(tmp_path: Path) -> None:
    source = write_zip(tmp_path / "a.zip", {"a": b"1", "./a": b"2"})
    with pytest.raises(ArchiveError, match="stands in it twice"):
        unzip(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_more_files_than_may_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_MEMBERS", 2)
    source = write_zip(tmp_path / "a.zip", dict.fromkeys("abc", b""))
    with pytest.raises(ArchiveError, match="more than 2 files"):
        unzip(source, tmp_path / "out")
    with tarfile.open(tmp_path / "a.tar", "w") as file:
        for name in "abc":
            file.addfile(tarfile.TarInfo(name))
    with pytest.raises(ArchiveError, match="more than 2 files"):
        untar(tmp_path / "a.tar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_tar_that_declares_more_than_may_be_unpacked_is_refused_before_it_is_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo("a")
    member.size = 5 << 30
    (tmp_path / "a.tar").write_bytes(member.tobuf() + bytes(10240))
    with pytest.raises(ArchiveError, match="5368709120 bytes"):
        untar(tmp_path / "a.tar", tmp_path / "out")


@pytest.mark.parametrize("open_archive", [unzip, untar, downloads.unpack_deb])
@pytest.mark.parametrize(("content", "what"), [(b"", "empty"), (b"<html>404</html>", "a web page")])
def test_what_is_no_archive_is_one_line_that_says_what_it_is(
    tmp_path: Path, open_archive: object, content: bytes, what: str
) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(content)
    assert callable(open_archive)
    with pytest.raises(ArchiveError, match=what) as caught:
        open_archive(path, tmp_path / "out")
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not downloads.has_tool("apt"), reason="needs dpkg-deb")
def test_a_debian_package_is_laid_out_without_its_links(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member, link = tarfile.TarInfo("./usr/share/a.txt"), tarfile.TarInfo("./usr/share/b")
        member.size, link.type, link.linkname = 3, tarfile.SYMTYPE, "/etc"
        tar.addfile(member, io.BytesIO(b"abc"))
        tar.addfile(link)
    packed = b"!<arch>\n"
    for name, data in (
        ("debian-binary", b"2.0\n"),
        ("control.tar", buffer.getvalue()),
        ("data.tar", buffer.getvalue()),
    ):
        packed += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n".encode() + data
    (tmp_path / "a.deb").write_bytes(packed)
    downloads.unpack_deb(tmp_path / "a.deb", tmp_path / "out")
    found = [
        path.relative_to(tmp_path / "out").as_posix()
        for path in (tmp_path / "out").rglob("*")
        if not path.is_dir()
    ]
    assert found == ["usr/share/a.txt"]
