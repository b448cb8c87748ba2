from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assets_manifest.attribution import attribution_text
from assets_manifest.library import (
    AssetLibrary,
    MissingAssetError,
    Pack,
    PackError,
    PackIdentity,
    assets_root,
    load_pack,
    open_library,
    save_pack,
)
from assets_manifest.records import Asset
from assets_manifest.registry import pack_statuses
from jobs.system_errors import explain


def asset(name: str, content: bytes = b"", **fields: object) -> Asset:
    values = {
        "id": f"demo/{name}",
        "kind": "object",
        "uri": f"{name}.usdc",
        "sha256": hashlib.sha256(content).hexdigest(),
        "licence": "CC0-1.0",
        "author": "Ada",
        "source": "demo 1",
    }
    return Asset(**(values | fields))


def write_demo_pack(root: Path) -> Path:
    folder = root / "demo"
    folder.mkdir(parents=True)
    for name in ("cup", "chair"):
        (folder / f"{name}.usdc").write_bytes(name.encode())
    (folder / "grain.png").write_bytes(b"grain")
    chair = asset(
        "chair",
        b"chair",
        tags=("floor", "indoor"),
        attachments=(("grain.png", hashlib.sha256(b"grain").hexdigest()),),
    )
    assets = (chair, asset("cup", b"cup", tags=("indoor", "tabletop")))
    save_pack(Pack(name="demo", version="1", licence="CC0-1.0", assets=assets), folder)
    return folder


def test_a_pack_reads_back_as_it_was_saved(tmp_path: Path) -> None:
    assets = (asset("a", tags=("floor",), size_m=(1.0, 2.0, 3.0), title="Hôi An €"), asset("b", top_m=0.75))
    pack = Pack(
        name="demo", version="1", licence="x", notes=("n",), skipped={"demo/c": "thin"}, assets=assets
    )
    save_pack(pack, tmp_path / "demo")
    assert load_pack(tmp_path / "demo") == pack


def test_changed_records_are_refused(tmp_path: Path) -> None:
    folder = write_demo_pack(tmp_path)
    records = (folder / "assets.jsonl").read_text().replace("tabletop", "ceiling")
    (folder / "assets.jsonl").write_text(records)
    with pytest.raises(PackError, match="not what pack.yaml says"):
        load_pack(folder)


@pytest.mark.parametrize("head", ["[]", "name: demo", "a: [", "!!python/object/apply:os.getcwd []"])
def test_a_damaged_pack_file_is_a_pack_error(tmp_path: Path, head: str) -> None:
    folder = write_demo_pack(tmp_path)
    (folder / "pack.yaml").write_text(head)
    with pytest.raises(PackError, match="not a readable asset pack"):
        load_pack(folder)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"kind": "object"', '"kind": "sofa"', "assets.jsonl line 1: kind: should be 'object'"),
        ('"kind": "object"', '"sort": 1, "kind": "object"', "assets.jsonl line 1: sort: unknown field"),
        ('"author": ', '"autor": ', "assets.jsonl line 1: author: is missing"),
        ('{"', '("', "assets.jsonl line 1: expected JSON, got"),
        ("name: demo", "name: De mo", "name: expected a text of the form "),
        ("notes: []", "notes: 3", "notes: expected a list, got 3"),
    ],
)
def test_what_is_wrong_with_a_pack_is_said_in_one_line_with_the_place(tmp_path, old, new, said) -> None:
    folder = write_demo_pack(tmp_path)
    lines = (folder / "assets.jsonl").read_text().replace(old, new, 1)
    (folder / "assets.jsonl").write_text(lines)
    head = yaml.safe_load((folder / "pack.yaml").read_text())
    head["records_sha256"] = hashlib.sha256(lines.encode()).hexdigest()
    (folder / "pack.yaml").write_text(yaml.safe_dump(head).replace(old, new))
    with pytest.raises(PackError) as refusal:
        load_pack(folder)
    text = str(refusal.value)
    assert said in text and "assets fetch demo --force" in text
    assert not re.search(r"Input|type=|pydantic|\n", text)


def test_a_missing_pack_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(MissingAssetError, match="fsd-gen assets fetch demo"):
        open_library(["demo"], tmp_path)


def test_an_unknown_asset_names_the_remedy(tmp_path: Path) -> None:
    write_demo_pack(tmp_path)
    library = open_library(["demo"], tmp_path)
    with pytest.raises(MissingAssetError, match="fsd-gen assets fetch other"):
        library.get("other/sofa")


def test_a_deleted_file_is_a_missing_asset(tmp_path: Path) -> None:
    folder = write_demo_pack(tmp_path)
    library = open_library(["demo"], tmp_path)
    assert library.path("demo/cup") == folder / "cup.usdc"
    (folder / "cup.usdc").unlink()
    with pytest.raises(MissingAssetError, match="fetch it again"):
        library.path("demo/cup")


@pytest.mark.parametrize("uri", ["../secret", "/etc/passwd", "a/../../b", ""])
def test_a_record_cannot_point_out_of_its_pack(uri: str) -> None:
    with pytest.raises(ValidationError, match="inside its pack"):
        asset("cup", uri=uri)


def test_a_link_out_of_the_pack_is_refused(tmp_path: Path) -> None:
    folder = write_demo_pack(tmp_path)
    (tmp_path / "secret").write_text("x")
    (folder / "cup.usdc").unlink()
    (folder / "cup.usdc").symlink_to(tmp_path / "secret")
    with pytest.raises(MissingAssetError, match="leads out of its pack"):
        open_library(["demo"], tmp_path).path("demo/cup")


def test_select_wants_all_tags_and_none_of_the_others(tmp_path: Path) -> None:
    write_demo_pack(tmp_path)
    library = open_library(["demo"], tmp_path)
    assert [a.id for a in library.select("object", tags=["indoor"])] == ["demo/chair", "demo/cup"]
    assert [a.id for a in library.select("object", tags=["indoor"], without=["floor"])] == ["demo/cup"]
    assert library.select("texture") == ()


@given(st.permutations(["a", "b", "c", "d", "e"]))
def test_the_order_of_records_changes_neither_selection_nor_digest(names: list[str]) -> None:
    def library(order: list[str]) -> AssetLibrary:
        pack = Pack(name="demo", version="1", licence="x", assets=tuple(asset(name) for name in order))
        return AssetLibrary([(pack, Path("nowhere"))])

    assert library(names).select("object") == library(sorted(names)).select("object")
    assert library(names).digest() == library(sorted(names)).digest()


def test_a_changed_tag_changes_the_digest() -> None:
    def digest(*tags: str) -> str:
        pack = Pack(name="demo", version="1", licence="x", assets=(asset("a", tags=tags),))
        return AssetLibrary([(pack, Path("nowhere"))]).digest()

    assert digest("floor") != digest("wall")


def test_the_identity_of_a_pack_is_what_pack_yaml_says_of_its_records(tmp_path: Path) -> None:
    pack = Pack(name="demo", version="2", licence="x", partial=True, notes=("n",), assets=(asset("a"),))
    save_pack(pack, tmp_path / "demo")
    (identity,) = open_library(["demo"], tmp_path).identities()
    written = yaml.safe_load((tmp_path / "demo/pack.yaml").read_text())["records_sha256"]
    assert identity == PackIdentity(name="demo", version="2", digest=written, partial=True, notes=("n",))


def test_identities_are_sorted_by_name_and_follow_every_record() -> None:
    def digests(*tags: str) -> list[str]:
        packs = (
            Pack(name="b", version="1", licence="x", assets=(asset("b"),)),
            Pack(name="a", version="1", licence="x", assets=(asset("a", tags=tags),)),
        )
        found = AssetLibrary((pack, Path("nowhere")) for pack in packs).identities()
        assert [identity.name for identity in found] == ["a", "b"]
        return [identity.digest for identity in found]

    (one, same), (other, still_same) = digests("floor"), digests("wall")
    assert one != other and same == still_same


@pytest.mark.parametrize(("note", "partial"), [("without pmndrs: no npm", True), ("made by hand", False)])
def test_a_pack_of_before_is_partial_where_a_note_says_what_was_left_out(
    tmp_path: Path, note: str, partial: bool
) -> None:
    save_pack(Pack(name="demo", version="1", licence="x", notes=(note,)), tmp_path / "demo")
    head = yaml.safe_load((tmp_path / "demo/pack.yaml").read_text())
    del head["partial"]
    (tmp_path / "demo/pack.yaml").write_text(yaml.safe_dump(head))
    assert load_pack(tmp_path / "demo").partial is partial


def test_two_assets_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="demo/a"):
        save_pack(Pack(name="demo", version="1", licence="x", assets=(asset("a"), asset("a"))), tmp_path)


@pytest.mark.parametrize(("file", "owner"), [("cup.usdc", "demo/cup"), ("grain.png", "demo/chair")])
def test_verify_finds_a_flipped_byte(tmp_path: Path, file: str, owner: str) -> None:
    folder = write_demo_pack(tmp_path)
    library = open_library(["demo"], tmp_path)
    assert list(library.verify()) == []
    data = bytearray((folder / file).read_bytes())
    data[0] ^= 1
    (folder / file).write_bytes(data)
    (difference,) = library.verify()
    assert (difference.asset_id, difference.path) == (owner, folder / file)


def test_verify_reports_a_missing_file_and_goes_on(tmp_path: Path) -> None:
    folder = write_demo_pack(tmp_path)
    library = open_library(["demo"], tmp_path)
    (folder / "chair.usdc").unlink()
    (folder / "cup.usdc").write_bytes(b"other")
    assert [difference.asset_id for difference in library.verify()] == ["demo/chair", "demo/cup"]


def test_the_root_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FSD_ASSETS_DIR", str(tmp_path))
    assert assets_root() == tmp_path
    monkeypatch.delenv("FSD_ASSETS_DIR")
    assert assets_root() == Path.home() / ".cache/fsd-gen/assets"


@pytest.mark.parametrize("below", [".", "packs"])
def test_a_root_that_is_a_file_is_said_wherever_packs_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, below: str
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.setenv("FSD_ASSETS_DIR", str(tmp_path / "notes.txt" / below))
    for ask in (pack_statuses, lambda: open_library(["builtin"]), assets_root):
        with pytest.raises(NotADirectoryError) as caught:
            ask()
        assert "is a file; expected a folder" in explain(caught.value)


def test_attribution_says_all_of_each_asset_in_a_line_of_its_own() -> None:
    assets = [
        asset("b", licence="CC-BY-3.0", author="Zoe", title="Lamp", source="pack 2"),
        asset("a", licence="CC-BY-3.0", author="Bea", title="Chair", source="pack 1"),
        asset("c", licence="CC0-1.0", author="Ada", title="Cup"),
    ]
    chair, lamp, cup = attribution_text(assets).splitlines()
    assert chair.startswith('- CC-BY-3.0: "Chair" by Bea, from pack 1 (')
    assert "creativecommons.org/licenses/by/3.0/" in chair
    assert lamp.startswith('- CC-BY-3.0: "Lamp" by Zoe, from pack 2')
    assert cup.startswith('- CC0-1.0: "Cup" by Ada')


def test_attribution_says_what_each_licence_of_an_expression_is() -> None:
    line = attribution_text([asset("a", licence="MIT OR CC-BY-3.0", author="Bea", title="Chair")])
    assert line.startswith('- MIT OR CC-BY-3.0: "Chair" by Bea')
    assert "(MIT, https://opensource.org/license/mit; Creative Commons Attribution 3.0, https" in line
