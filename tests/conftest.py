"""What several tests share: the builtin assets, made once, and a small configuration of them alone."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny tensors: threads that wait for each other only cost time
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # each program that a test starts would compile the packages

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

from assets_manifest.fetch import fetch
from assets_manifest.library import AssetLibrary, open_library
from fsd_gen.config import Config, load_config
from tests.clouds import Container, azurite, new_container
from tests.gcs import Google, GoogleBucket, google, new_google_bucket
from tests.kept_packs import KeptPack
from tests.objects import Bucket, new_bucket, server

BUILTIN = "builtin"
SPARSE = Path(__file__).parent / "data" / "sparse.yaml"

settings.register_profile("shared machines", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machines")  # no test fails because the clock ran

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
HELD_BYTES = 1 << 30


def hold_freed_memory() -> None:
    """Have glibc keep what arrays give back, here and in what tests start: to get it anew is system time."""
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(HELD_BYTES))
    os.environ.setdefault("MALLOC_MMAP_THRESHOLD_", str(HELD_BYTES))
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):  # else another C library
        mallopt(M_TRIM_THRESHOLD, HELD_BYTES)
        mallopt(M_MMAP_THRESHOLD, HELD_BYTES)


hold_freed_memory()

sys.dont_write_bytecode = False  # nor need the workers of pytest rewrite the assertions of all tests anew
gc.disable()  # until all is imported and collected


def pytest_collection_finish() -> None:
    """Spare the garbage collector the millions of objects of modules and tests, which never are garbage."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def assets_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keep tests away from the user's asset cache; parallel workers share one folder."""
    root = tmp_path_factory.getbasetemp() / "assets"
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = tmp_path_factory.getbasetemp().parent / "assets"
    root.mkdir(exist_ok=True)
    os.environ["FSD_ASSETS_DIR"] = str(root)
    return root


@pytest.fixture(scope="session")
def library(assets_home: Path, pytestconfig: pytest.Config) -> Iterator[AssetLibrary]:
    """The builtin pack, made in this session or in an earlier one, of the same sources."""
    caching = pytestconfig.pluginmanager.has_plugin("cacheprovider")
    kept = KeptPack.of(BUILTIN, pytestconfig.cache.mkdir("packs")) if caching else None
    with FileLock(assets_home / "making.lock"):
        if kept:
            kept.bring(assets_home)
        else:
            fetch(BUILTIN, assets_home)
    opened = open_library([BUILTIN], assets_home)
    yield opened
    if kept:
        kept.keep_derived(assets_home, opened)


@pytest.fixture(scope="session")
def sparse_config(library: AssetLibrary) -> Config:
    """As `small_config`, with few things in a scene: for tests of how scenes are made, not of what."""
    return load_config(str(SPARSE))


@pytest.fixture(scope="session")
def small_config(library: AssetLibrary) -> Config:
    """Tiny pictures of builtin assets."""
    return load_config(
        "demo",
        {
            "assets.packs": ["builtin"],
            "styles": {"flying": {"weight": 0.5}, "indoor": {"weight": 0.5}},
            "image.width": 160,
            "image.height": 96,
            "render.spp": 1,
            "render.denoise": False,
            "samples_per_shard": 2,
        },
    )


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """An S3 server without any bucket."""
    with server() as address:
        yield address


@pytest.fixture
def bucket(s3_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket of it, which the environment names."""
    return new_bucket(s3_server, monkeypatch, tmp_path)


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of Azure Blob Storage without any container; skips where none can be started."""
    with azurite(tmp_path_factory.mktemp("azurite")) as address:
        yield address


@pytest.fixture
def container(azure_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Container:
    """An empty container of it, which the environment names."""
    return new_container(azure_server, monkeypatch, tmp_path)


@pytest.fixture(scope="session")
def google_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Google]:
    """A server of Google Cloud Storage without any bucket; skips without Google's client."""
    with google(tmp_path_factory.mktemp("google")) as running:
        yield running


@pytest.fixture
def google_bucket(google_server: Google, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GoogleBucket:
    """An empty bucket of it, which the environment names."""
    return new_google_bucket(google_server, monkeypatch, tmp_path)


@pytest.fixture(params=["bucket", "container", "google_bucket"], ids=["s3", "az", "gs"])
def place(request: pytest.FixtureRequest) -> Bucket | Container | GoogleBucket:
    """An empty place in each of the stores in which runs are made."""
    return request.getfixturevalue(request.param)
