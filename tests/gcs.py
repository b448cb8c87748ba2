"""Google Cloud Storage for the tests, in this process: what of its JSON API programs that keep files use.

Google's own client speaks to it. Conditions on generations are heeded, checksums compared, logins checked.
https://cloud.google.com/storage/docs/json_api/v1
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import os
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from tests.objects import COUNT, Fault, Way, problem, proxy

PAGE = 1000
NOTHING = b""
_OBJECT = re.compile(r"(?:/download)?/storage/v1/b/(?P<bucket>[^/]+)/o/(?P<name>[^/?]+)")
_LISTING = re.compile(r"/storage/v1/b/(?P<bucket>[^/]+)/o")
_UPLOAD = re.compile(r"/upload/storage/v1/b/(?P<bucket>[^/]+)/o")


@dataclass(frozen=True)
class Item:
    """One generation of an object."""

    name: str
    content: bytes
    generation: int
    metadata: dict[str, str]
    md5: bool = True  # composed objects have none

    def resource(self) -> dict[str, Any]:
        said = {"md5Hash": _md5(self.content)} if self.md5 else {}
        return said | {
            "kind": "storage#object",
            "name": self.name,
            "generation": str(self.generation),
            "metageneration": "1",
            "size": str(len(self.content)),
            "crc32c": _crc32c(self.content),
            "timeCreated": self.created().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "metadata": self.metadata,
        }

    def created(self) -> datetime:
        return datetime.fromtimestamp(self.generation / 1e6, UTC)


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def _crc32c(content: bytes) -> str:
    from google_crc32c import value

    return base64.b64encode(value(content).to_bytes(4, "big")).decode()


class RefusedError(Exception):
    """An answer that is an error: status, reason, words."""


class Google(ThreadingHTTPServer):
    """The buckets, and who may ask for them."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.lock = threading.Lock()
        self.buckets: dict[str, dict[str, Item]] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self.tokens: set[str] = set()
        self.login = Path()  # the file of a service account
        self.page = PAGE
        self._numbers = itertools.count()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def token(self) -> str:
        """A new one, as a service account gets one."""
        token = f"ya29.{os.urandom(12).hex()}"
        self.tokens.add(token)
        return token

    def items(self, bucket: str) -> dict[str, Item]:
        if bucket not in self.buckets:
            raise RefusedError(404, "notFound", "The specified bucket does not exist.")
        return self.buckets[bucket]

    def item(self, bucket: str, name: str) -> Item:
        found = self.items(bucket).get(name)
        if found is None:
            raise RefusedError(404, "notFound", f"No such object: {bucket}/{name}")
        return found

    def keep(self, bucket: str, told: dict[str, Any], content: bytes, query: dict[str, str]) -> Item:
        """A new generation, if the conditions hold and the content is what it is said to be."""
        name = told["name"]
        with self.lock:
            self.require(query, self.items(bucket).get(name))
            if told.get("md5Hash", _md5(content)) != _md5(content):
                raise RefusedError(400, "invalid", "Provided MD5 hash doesn't match calculated MD5 hash.")
            generation = time.time_ns() // 1000 + next(self._numbers) % 1000
            before = self.items(bucket).get(name)
            later = max(generation, before.generation + 1 if before else 0)
            kept = Item(name, content, later, told.get("metadata", {}))
            self.items(bucket)[name] = kept
        return kept

    def require(self, query: dict[str, str], there: Item | None) -> None:
        """Raises RefusedError where a condition of a request does not hold."""
        generation = there.generation if there else 0
        if int(query.get("ifGenerationMatch", generation)) != generation:
            raise RefusedError(412, "conditionNotMet", "At least one of the pre-conditions did not hold.")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Google  # type: ignore[assignment]

    def serve(self) -> None:
        parts = urlsplit(self.path)
        self.query = dict(parse_qsl(parts.query))
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self._answer(parts.path)
        except RefusedError as refused:
            self._refuse(*refused.args)

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def _answer(self, path: str) -> None:
        if path == "/token":
            assert dict(parse_qsl(self.body.decode()))["assertion"].count(".") == 2
            return self._say(
                {"access_token": self.server.token(), "expires_in": 3600, "token_type": "Bearer"}
            )
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or token not in self.server.tokens:
            raise RefusedError(401, "authError", "Invalid Credentials")
        if found := _UPLOAD.fullmatch(path):
            return self._take(unquote(found["bucket"]))
        if found := _LISTING.fullmatch(path):
            return self._list(unquote(found["bucket"]))
        found = _OBJECT.fullmatch(path)
        if found is None:
            raise RefusedError(404, "notFound", f"Not Found: {path}")
        return self._one(unquote(found["bucket"]), unquote(found["name"]))

    def _one(self, bucket: str, name: str) -> None:
        item = self.server.item(bucket, name)
        with self.server.lock:
            self.server.require(self.query, self.server.items(bucket).get(name))
            if self.command == "DELETE":
                del self.server.items(bucket)[name]
                return self._send(204, NOTHING)
        return self._give(item) if self.query.get("alt") == "media" else self._say(item.resource())

    def _list(self, bucket: str) -> None:
        prefix, after = self.query.get("prefix", ""), self.query.get("pageToken", "")
        names = sorted(n for n in self.server.items(bucket) if n.startswith(prefix) and n > after)
        page = [self.server.items(bucket)[name].resource() for name in names[: self.server.page]]
        more = {"nextPageToken": page[-1]["name"]} if len(names) > len(page) else {}
        self._say({"kind": "storage#objects", "items": page} | more)

    def _give(self, item: Item) -> None:
        hashes = f"crc32c={_crc32c(item.content)}" + (f",md5={_md5(item.content)}" if item.md5 else "")
        words = {
            "X-Goog-Hash": hashes,
            "X-Goog-Generation": str(item.generation),
            "X-Goog-Stored-Content-Length": str(len(item.content)),
            "Content-Type": "application/octet-stream",
        }
        extent = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if extent is None:
            return self._send(200, item.content, words)
        start, stop = int(extent[1]), int(extent[2] or len(item.content) - 1) + 1
        words["Content-Range"] = f"bytes {start}-{stop - 1}/{len(item.content)}"
        return self._send(206, item.content[start:stop], words)

    def _take(self, bucket: str) -> None:
        kind = self.query["uploadType"]
        if kind == "multipart":
            told, content = self._parts()
            return self._say(self.server.keep(bucket, told, content, self.query).resource())
        if self.command == "POST":
            return self._begin(bucket)
        return self._go_on()

    def _begin(self, bucket: str) -> None:
        told = json.loads(self.body)
        with self.server.lock:
            self.server.require(self.query, self.server.items(bucket).get(told["name"]))
        number = os.urandom(8).hex()
        self.server.uploads[number] = {"bucket": bucket, "told": told, "query": self.query, "content": b""}
        place = (
            f"http://{self.headers['Host']}{urlsplit(self.path).path}?uploadType=resumable&upload_id={number}"
        )
        self._send(200, NOTHING, {"Location": place})

    def _go_on(self) -> None:
        upload = self.server.uploads[self.query["upload_id"]]
        found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", self.headers["Content-Range"])
        assert found is not None and int(found[1]) == len(upload["content"])
        upload["content"] += self.body
        if found[3] == "*" or int(found[3]) > len(upload["content"]):
            return self._send(308, NOTHING, {"Range": f"bytes=0-{len(upload['content']) - 1}"})
        del self.server.uploads[self.query["upload_id"]]
        kept = self.server.keep(upload["bucket"], upload["told"], upload["content"], upload["query"])
        return self._say(kept.resource())

    def _parts(self) -> tuple[dict[str, Any], bytes]:
        """What a request of two parts says of an object, and its content."""
        mark = re.search(r'boundary="?([^";]+)', self.headers["Content-Type"])
        assert mark is not None
        border = b"--" + mark[1].encode()
        _, told, *rest = self.body.split(border + b"\r\n", 2)
        content, border_, end = rest[0].partition(b"\r\n\r\n")[2].rpartition(b"\r\n" + border + b"--")
        if not border_ or end.strip():
            raise RefusedError(400, "badRequest", "Missing end boundary in multipart body.")
        return json.loads(told.partition(b"\r\n\r\n")[2]), content

    def _refuse(self, status: int, reason: str, words: str) -> None:
        self._send(status, problem(status, reason, words), {"Content-Type": "application/json"})

    def _say(self, resource: dict[str, Any]) -> None:
        self._send(200, json.dumps(resource).encode(), {"Content-Type": "application/json; charset=UTF-8"})

    def _send(self, status: int, content: bytes, words: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (words or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def google(folder: Path) -> Iterator[Google]:
    """A running server without any bucket; skips where Google's client is not installed.

    The file of its service account lies in `folder`.
    """
    pytest.importorskip("google.cloud.storage", reason="no client of Google: pip install '.[gs]'")
    running = Google()
    running.login = folder / "login.json"
    running.login.write_text(json.dumps(service_account(running.address)))
    threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


@dataclass
class GoogleBucket:
    """An empty bucket, and the settings with which our program finds it; as `tests.objects.Bucket`."""

    google: Google
    name: str
    patch: pytest.MonkeyPatch
    key: str = field(repr=False)
    refusals = {"expired": (401, "authError"), "unknown": (401, "authError")}
    sends = "POST"

    @property
    def url(self) -> str:
        return f"gs://{self.name}"

    @property
    def secrets(self) -> tuple[str, ...]:
        return (*self.google.tokens, *self.key.splitlines()[1:-1])

    @property
    def items(self) -> dict[str, Item]:
        return self.google.buckets[self.name]

    def names(self, prefix: str = "") -> list[str]:
        return sorted(name for name in self.items if name.startswith(prefix))

    def read(self, key: str) -> bytes:
        return self.items[key].content

    def write(self, key: str, content: bytes, **said: Any) -> None:
        self.google.keep(self.name, {"name": key, **said}, content, {})

    def delete(self, key: str) -> None:
        del self.items[key]

    def is_look(self, method: str, path: str) -> bool:
        """Whether a request asks what the store says of an object."""
        return method == "GET" and path.startswith("/storage/")

    def target(self, way: Way) -> str:
        """What a request is about, by its end; an upload says it in its first part."""
        told = re.search(rb'"name": ?"([^"]+)"', way.body) if way.path.startswith("/upload/") else None
        return told[1].decode() if told else unquote(way.path.partition("?")[0])

    def fetched(self, seen: list[tuple[str, str]]) -> list[str]:
        """Of what content came, by its end."""
        return [unquote(path.partition("?")[0]) for method, path in seen if "alt=media" in path]

    def ignore_conditions(self, way: Way) -> None:
        """Let a request go on without its conditions."""
        way.path = re.sub("ifGenerationMatch=[^&]*", "", way.path)

    @contextmanager
    def way(self, fault: Fault) -> Iterator[list[tuple[str, str]]]:
        """Requests go through `fault` first; yields (method, path) of all of them as they come."""
        with proxy(self.google.address, fault) as (address, seen):
            self.patch.setenv("STORAGE_EMULATOR_HOST", f"http://{address}")
            yield seen
        self.patch.setenv("STORAGE_EMULATOR_HOST", f"http://{self.google.address}")


def new_google_bucket(google: Google, patch: pytest.MonkeyPatch, folder: Path) -> GoogleBucket:
    """A bucket, with the environment pointing to it and to a cache and a scratch folder in `folder`."""
    for name in [name for name in os.environ if name.startswith(("GOOGLE_", "STORAGE_", "API_ENDPOINT_"))]:
        patch.delenv(name)
    settings = {
        "STORAGE_EMULATOR_HOST": f"http://{google.address}",
        "GOOGLE_APPLICATION_CREDENTIALS": str(google.login),
        "NO_GCE_CHECK": "true",
        "FSD_CACHE_DIR": str(folder / "cache"),
        "FSD_SCRATCH": str(folder / "scratch"),
    }
    for name, value in settings.items():
        patch.setenv(name, value)
    name = f"runs-{next(COUNT)}"
    google.buckets[name] = {}
    return GoogleBucket(google, name, patch, _key())


def service_account(address: str) -> dict[str, str]:
    """What stands in the file of a service account that signs in at our server."""
    return {
        "type": "service_account",
        "project_id": "fsd",
        "private_key_id": "1",
        "private_key": _key(),
        "client_email": "farm@fsd.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": f"http://{address}/token",
    }


@cache
def _key() -> str:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
