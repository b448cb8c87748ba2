"""What a command writes over, and what it leaves alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jobs.outputs import OutputError, is_page, is_schema, refuse_in_run, refuse_output
from jobs.store.base import UnknownStoreError


@pytest.fixture
def a_run(tmp_path) -> Path:
    (tmp_path / "run/shards").mkdir(parents=True)
    (tmp_path / "run/config.sha256").write_text("0" * 64)
    (tmp_path / "run/shards/00000.h5").write_bytes(b"\x89HDF\r\n\x1a\n...")
    return tmp_path / "run"


def refused(target: Path | str) -> str:
    with pytest.raises((OutputError, UnknownStoreError)) as caught:
        refuse_output(Path(target), "a web page", is_page, "--html")
    return str(caught.value)


def test_a_page_replaces_a_page_and_nothing_else(tmp_path):
    page, notes, empty = (tmp_path / name for name in ("page.html", "notes.html", "empty"))
    page.write_text("\n<!DOCTYPE html><title>x</title>")
    notes.write_text("my notes, which are no page")
    empty.touch()
    for target in (page, empty, tmp_path / "new.html", tmp_path / "new/folder/page"):
        refuse_output(target, "a web page", is_page)
    assert "notes.html is there already and is a text file, not a web page" in refused(notes)
    (tmp_path / "shard.h5").write_bytes(b"\x89HDF\r\n\x1a\n...")
    assert "is there already and is an HDF5 file" in refused(tmp_path / "shard.h5")


def test_a_schema_replaces_a_schema(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{\n "$schema": "x"}')
    refuse_output(path, "a JSON schema", is_schema)
    path.write_text('{"mine": 1}')
    with pytest.raises(OutputError, match="not a JSON schema"):
        refuse_output(path, "a JSON schema", is_schema)


@pytest.mark.parametrize(
    "name", ["shards/00001.h5", "wanted.yaml", ".lock", "rounds/1/report.html", "status/x"]
)
def test_the_places_of_a_runs_own_files_are_closed_though_nothing_is_there(a_run, name):
    assert "keeps files of its own" in refused(a_run / name)
    link = a_run.parent / "link"
    link.symlink_to(a_run)
    assert "keeps files of its own" in refused(link / name)
    assert "keeps files of its own" in refused(a_run / "looks/.." / name)


def test_pages_beside_the_own_files_of_a_run_are_welcome(a_run):
    for name in ("page.html", "preview.png", "looks/status.html", "curated/page.html"):
        refuse_output(a_run / name, "a web page", is_page)
    refuse_in_run(a_run.parent / "shards/page.html")  # of no run


def test_what_is_no_ordinary_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert "is no ordinary file" in refused(tmp_path / "pipe")
    assert "is no ordinary file" in refused(tmp_path / "link")
    assert "is a folder; expected a file" in refused(tmp_path)
    assert "pipe is a file; expected a folder for x.html" in refused(tmp_path / "pipe/x.html")


def test_a_url_is_no_file_here(tmp_path, monkeypatch):
    monkeypatch.setenv("FSD_CACHE_DIR", str(tmp_path / "cache"))
    assert "s3://bucket/page.html: is in a store" in refused("s3://bucket/page.html")
    assert "s3://bucket/x.html: is in a store" in refused(tmp_path / "cache/s3-01234567/bucket/x.html")
    assert refused("gcs://b/x.html").endswith("no place is known by this scheme; write gs://")
    assert "write s3://" in refused("S3:/b/x.html")
    assert refused("https://h/x?sig=secret").startswith("https://...: no place is known")
    assert "give the path alone" in refused("file:///tmp/x.html")
