"""Texts that are more than texts: YAML that runs code or explodes, ids and names that are paths."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assets_manifest.library import MissingAssetError, PackError, load_pack, open_library
from assets_manifest.records import Asset
from assets_manifest.registry import UnknownPackError, recipe_of
from benchmarks.attack.trials import Trial
from benchmarks.attack.weights import unsafe_yaml
from curation.config import CurationConfigError
from curation.config import load_config as load_curation
from fsd_gen.config import load_config
from fsd_gen.sections import ConfigError
from jobs.store import StoreError, open_store
from stereo_model.training.recipe import RecipeError, load_recipe

PATHS = (
    "..",
    "../x",
    "../../etc",
    "/etc",
    "a/../../x",
    ".",
    "",
    "A B",
    "a\0b",
    "~",
    "..\\x",
    "<b>",
    "x/../../y",
)
ASSET = {
    "id": "mine/a",
    "kind": "object",
    "uri": "a.usd",
    "sha256": "0" * 64,
    "licence": "CC0-1.0",
    "author": "nobody",
    "source": "here",
}


def yaml_files(scratch: Path) -> Iterator[Trial]:
    """Unsafe YAML in every place that reads some: configurations, recipes, packs."""
    run, pack = scratch / "run", scratch / "mine"
    for folder in (run, pack):
        folder.mkdir()
    readers: dict[str, tuple[Path, Callable[[], object], type[Exception]]] = {
        "configuration": (scratch / "any.yaml", partial(load_config, str(scratch / "any.yaml")), ConfigError),
        "curation": (run / "config.yaml", partial(load_curation, run), CurationConfigError),
        "recipe": (scratch / "recipe.yaml", partial(load_recipe, scratch / "recipe.yaml"), RecipeError),
        "pack": (pack / "pack.yaml", partial(load_pack, pack), PackError),
    }
    for reader, (path, read, refused) in readers.items():
        for name, text in unsafe_yaml():
            trace = scratch / "trace"
            act = partial(_read, path, text.replace(b"TRACE", str(trace).encode()), read, trace)
            yield Trial(name=f"{reader}: {name}", act=act, refused=(refused,))


def _read(path: Path, text: bytes, read: Callable[[], object], trace: Path) -> None:
    path.write_bytes(text)
    try:
        read()
    finally:
        if trace.exists():
            raise RuntimeError(f"{path}: the code in it was run")


def ids(scratch: Path) -> Iterator[Trial]:
    """Ids, file names and names of packs that lead out of the folder they belong to."""
    outside = scratch / "outside"
    _write_pack(outside, dict(ASSET))
    root = scratch / "assets"
    root.mkdir()
    for path in (*PATHS, "../outside"):
        yield Trial(name=f"pack {path!r}", act=partial(open_library, [path], root), refused=(PackError,))
        yield Trial(name=f"recipe {path!r}", act=partial(recipe_of, path, root), refused=(UnknownPackError,))
    for field in ("id", "uri", "attachments"):
        for path in PATHS:
            changed = _with(field, path)
            if changed is not None:
                yield Trial(
                    name=f"asset's {field} {path!r}", act=partial(_asset, changed), refused=(ValueError,)
                )
                act = partial(_pack, root / "mine", changed)
                yield Trial(name=f"pack with {field} {path!r}", act=act, refused=(PackError,))
    library = _library(root)
    for path in PATHS:
        yield Trial(name=f"asset {path!r}", act=partial(library.path, path), refused=(MissingAssetError,))
    store = open_store(scratch / "store")
    for path in ("..", "../x", "/etc/passwd", "a/../../x", ""):
        yield Trial(
            name=f"stored {path!r}", act=partial(store.get, path, scratch / "got"), refused=(StoreError,)
        )


def _with(field: str, path: str) -> dict[str, Any] | None:
    """A record with `path` in a field; None where the field may hold it."""
    if field == "id":
        return ASSET | {"id": f"mine/{path}"}
    harmless = path in ("A B", "~", "<b>")
    if harmless:
        return None
    return ASSET | ({"uri": path} if field == "uri" else {"attachments": [[path, "0" * 64]]})


def _asset(record: dict[str, Any]) -> None:
    try:
        Asset.model_validate(record)
    except ValidationError as error:
        raise ValueError(" ".join(str(error).split())) from None  # whoever reads a record does this


def _write_pack(folder: Path, record: dict[str, Any]) -> None:
    folder.mkdir(exist_ok=True)
    lines = json.dumps(record).encode() + b"\n"
    (folder / "assets.jsonl").write_bytes(lines)
    digest = hashlib.sha256(lines).hexdigest()
    name = folder.name
    head = f"format: 1\nname: {name}\nversion: '1'\nlicence: CC0-1.0\nrecords_sha256: {digest}\n"
    (folder / "pack.yaml").write_text(head)


def _pack(folder: Path, record: dict[str, Any]) -> None:
    _write_pack(folder, record)
    load_pack(folder)


def _library(root: Path) -> Any:
    _write_pack(root / "own", ASSET | {"id": "own/a"})
    return open_library(["own"], root)
