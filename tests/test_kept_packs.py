"""A pack that an earlier session made is taken for its sources alone, and is a copy."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from assets_manifest.derived.store import FOLDER
from tests import kept_packs
from tests.kept_packs import SOURCES, KeptPack, digest_of


@pytest.fixture
def made(monkeypatch):
    """Packs of one file; how often they were made."""
    calls = []

    def fetch(pack, assets):
        if not (assets / pack).exists():
            calls.append(pack)
            (assets / pack).mkdir(parents=True)
            (assets / pack / "pack.yaml").write_text("whole")

    monkeypatch.setattr(kept_packs, "fetch", fetch)
    return calls


def test_a_pack_is_made_once_and_every_session_has_a_copy_of_its_own(tmp_path, made):
    (kept := tmp_path / "kept").mkdir()
    for session in "abc":
        (tmp_path / session).mkdir()
        KeptPack.of("mine", kept).bring(tmp_path / session)
        assert (tmp_path / session / "mine/pack.yaml").read_text() == "whole"
        (tmp_path / session / "mine/pack.yaml").write_text("changed by a test")
    assert made == ["mine"]


def test_what_was_computed_from_its_assets_is_kept_and_nothing_else(tmp_path, made):
    (kept := tmp_path / "kept").mkdir()
    first, second = tmp_path / "a", tmp_path / "b"
    for session in (first, second):
        session.mkdir()
    pack = KeptPack.of("mine", kept)
    pack.bring(first)
    for sha256 in ("own", "foreign"):
        (first / FOLDER / "parts.1" / sha256[:2]).mkdir(parents=True)
        (first / FOLDER / "parts.1" / sha256[:2] / f"{sha256}.npz").write_bytes(sha256.encode())
    pack.keep_derived(first, [SimpleNamespace(sha256="own"), SimpleNamespace(sha256="not computed")])
    pack.bring(second)
    (found,) = (second / FOLDER).rglob("*.npz")
    assert found == second / FOLDER / "parts.1/ow/own.npz" and found.read_bytes() == b"own"


def test_other_sources_make_it_anew_and_the_older_one_goes(tmp_path, made, monkeypatch):
    shutil.copytree(SOURCES / "packs/builtin", sources := tmp_path / "sources")
    monkeypatch.setattr(kept_packs, "SOURCES", sources)
    (kept := tmp_path / "kept").mkdir()
    for session in "ab":
        (tmp_path / session).mkdir()
        KeptPack.of("mine", kept).bring(tmp_path / session)
        (sources / "objects.py").write_text("# another table")
    assert made == ["mine", "mine"] and len(list(kept.glob("mine-*"))) == 1


def test_a_file_more_or_less_or_of_another_name_is_another_source(tmp_path):
    digests = set()
    for name, text in (("a.py", "1"), ("b.py", "1"), ("b.py", "2"), ("c/d.yaml", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        digests.add(digest_of(tmp_path))
    assert len(digests) == 4
