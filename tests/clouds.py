"""Azurite, Microsoft's server that stands in for Azure Blob Storage, for the tests.

npm install azurite
AZURITE=node_modules/.bin/azurite-blob pytest tests/jobs/store
"""

from __future__ import annotations

import base64
import importlib.util
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.objects import COUNT, ByPaths, Fault, proxy

ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key of this test alone, none of the published ones").decode()
START_S = 60
MISSING = "no Azurite: npm install azurite, and AZURITE=node_modules/.bin/azurite-blob or on PATH"

SLOW_IN_OTHERS = pytest.mark.parametrize(  # `place` is each store, in other clouds than S3 for the slow suite
    "place",
    ["bucket", *(pytest.param(name, marks=pytest.mark.slow) for name in ("container", "google_bucket"))],
    ids=["s3", "az", "gs"],
    indirect=True,
)


@contextmanager
def azurite(folder: Path) -> Iterator[str]:
    """HOST:PORT of a running server without any container; skips where there is none to start."""
    program = shutil.which(os.environ.get("AZURITE") or "azurite-blob")
    if program is None:
        pytest.skip(MISSING)
    if importlib.util.find_spec("azure") is None:
        pytest.skip("no client of Azure: pip install '.[az]'")
    words = ["--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    said = folder / "azurite.log"
    with said.open("wb") as log:
        running = subprocess.Popen(
            [program, *words, "--silent"],
            cwd=folder,
            stdout=log,
            stderr=log,
            env=os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"},
        )
    try:
        yield _address(running, said)
    finally:
        running.terminate()
        running.wait()


def _address(running: subprocess.Popen[bytes], said: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and running.poll() is None:
        found = re.search(r"listens on http://(\S+)", said.read_text())
        if found:
            return found[1]
        time.sleep(0.05)
    raise RuntimeError(f"Azurite did not start: {said.read_text()}")


@dataclass
class Container(ByPaths):
    """An empty container, and the settings with which our program finds it; as `tests.objects.Bucket`."""

    server: str
    name: str
    patch: pytest.MonkeyPatch
    client: Any = field(repr=False)
    secrets = (KEY,)
    refusals = {"expired": (401, "InvalidAuthenticationInfo"), "unknown": (403, "AuthenticationFailed")}

    @property
    def url(self) -> str:
        return f"az://{self.name}"

    def names(self, prefix: str = "") -> list[str]:
        return list(self.client.list_blob_names(name_starts_with=prefix))

    def read(self, key: str) -> bytes:
        return self.client.download_blob(key).readall()

    def write(self, key: str, content: bytes) -> None:
        self.client.upload_blob(key, content, overwrite=True)

    def delete(self, key: str) -> None:
        self.client.delete_blob(key)

    def sign_nothing(self) -> None:
        """From here on the requests carry a token, with which headers can be changed on their way."""
        self.patch.delenv("AZURE_STORAGE_KEY")
        self.patch.setenv("AZURE_STORAGE_SAS_TOKEN", token(self.name, hours=1))

    @contextmanager
    def way(self, fault: Fault) -> Iterator[list[tuple[str, str]]]:
        """Requests go through `fault` first; yields (method, path) of all of them as they come."""
        with proxy(self.server, fault) as (address, seen):
            self.patch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", endpoint(address))
            yield seen
        self.patch.setenv("AZURE_STORAGE_SERVICE_ENDPOINT", endpoint(self.server))


def endpoint(server: str) -> str:
    return f"http://{server}/{ACCOUNT}"


def token(container: str, *, hours: float) -> str:
    """All rights in a container, for so long."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    return generate_container_sas(
        ACCOUNT,
        container,
        account_key=KEY,
        permission=ContainerSasPermissions.from_string("racwdl"),
        start=datetime.now(UTC) - timedelta(hours=48),
        expiry=datetime.now(UTC) + timedelta(hours=hours),
    )


def new_container(server: str, patch: pytest.MonkeyPatch, folder: Path) -> Container:
    """A container, with the environment pointing to it and to a cache and a scratch folder in `folder`."""
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        patch.delenv(name)
    settings = {
        "AZURE_STORAGE_ACCOUNT": ACCOUNT,
        "AZURE_STORAGE_KEY": KEY,
        "AZURE_STORAGE_SERVICE_ENDPOINT": endpoint(server),
        "FSD_CACHE_DIR": str(folder / "cache"),
        "FSD_SCRATCH": str(folder / "scratch"),
    }
    for name, value in settings.items():
        patch.setenv(name, value)
    name = f"runs-{next(COUNT)}"
    return Container(server, name, patch, _service(server).create_container(name))


@cache
def _service(server: str) -> Any:
    from azure.storage.blob import BlobServiceClient

    return BlobServiceClient(endpoint(server), credential=KEY)
