"""An S3 server for the tests, in this process, and a way to it that breaks when it is told to."""

from __future__ import annotations

import http.client
import itertools
import json
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

SECRET = "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY"
KEY_ID = "AKIAIOSFODNN7EXAMPLE"
TOKEN = "FwoGZXIvYXdzEXAMPLESESSIONTOKEN"
COUNT = itertools.count()
Fault = Callable[["Way"], bool]  # whether it answered in place of the server


@contextmanager
def server() -> Iterator[str]:
    """HOST:PORT of a running S3 server without any bucket."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"{host}:{port}"
    running.stop()


class ByPaths:
    """Requests that name the object in their path and conditions in their headers, as S3's and Azure's do."""

    sends = "PUT"

    def is_look(self, method: str, path: str) -> bool:
        """Whether a request asks what the store says of an object."""
        return method == "HEAD"

    def target(self, way: Way) -> str:
        """What a request is about, by its end."""
        return way.path.partition("?")[0]

    def fetched(self, seen: list[tuple[str, str]]) -> list[str]:
        """Of what content came, by its end."""
        return [path.partition("?")[0] for method, path in seen if method == "GET"]

    def ignore_conditions(self, way: Way) -> None:
        """Let a request go on without its conditions, where nobody looks at its signature."""
        for name in ("If-None-Match", "If-Match"):
            del way.headers[name]


@dataclass
class Bucket(ByPaths):
    """An empty bucket, and the settings with which our program finds it."""

    server: str
    name: str
    patch: pytest.MonkeyPatch
    client: Any = field(repr=False)
    secrets = (SECRET, TOKEN, KEY_ID)
    refusals = {"expired": (400, "ExpiredToken"), "unknown": (403, "SignatureDoesNotMatch")}

    @property
    def url(self) -> str:
        return f"s3://{self.name}"

    def names(self, prefix: str = "") -> list[str]:
        found = self.client.list_objects_v2(Bucket=self.name, Prefix=prefix).get("Contents", ())
        return [entry["Key"] for entry in found]

    def read(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def write(self, key: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self.client.delete_object(Bucket=self.name, Key=key)

    @contextmanager
    def way(self, fault: Fault) -> Iterator[list[tuple[str, str]]]:
        """Requests go through `fault` first; yields (method, path) of all of them as they come."""
        with proxy(self.server, fault) as (address, seen):
            self.patch.setenv("AWS_ENDPOINT_URL_S3", f"http://{address}")
            yield seen
        self.patch.setenv("AWS_ENDPOINT_URL_S3", f"http://{self.server}")


def new_bucket(server: str, patch: pytest.MonkeyPatch, folder: Path) -> Bucket:
    """A bucket, with the environment pointing to it and to a cache and a scratch folder in `folder`."""
    settings = {
        "AWS_ENDPOINT_URL_S3": f"http://{server}",
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_REGION": "us-east-1",
        "AWS_CONFIG_FILE": "/nowhere/config",
        "AWS_SHARED_CREDENTIALS_FILE": "/nowhere/credentials",
        "AWS_EC2_METADATA_DISABLED": "true",
        "FSD_CACHE_DIR": str(folder / "cache"),
        "FSD_SCRATCH": str(folder / "scratch"),
    }
    for name, value in settings.items():
        patch.setenv(name, value)
    client, name = _client(server), f"runs-{next(COUNT)}"
    client.create_bucket(Bucket=name)
    return Bucket(server, name, patch, client)


def another_machine(patch: pytest.MonkeyPatch, folder: Path, name: str = "other") -> None:
    """From here on, another machine: nothing of a run lies on it."""
    patch.setenv("FSD_CACHE_DIR", str(folder / name / "cache"))
    patch.setenv("FSD_SCRATCH", str(folder / name / "scratch"))


@cache
def _client(server: str) -> Any:
    import botocore.session

    session = botocore.session.get_session()
    return session.create_client("s3", endpoint_url=f"http://{server}", region_name="us-east-1")


# ---------------------------------------------------------------- the way that breaks


class Way(BaseHTTPRequestHandler):
    """Hands a request on, unless the fault has answered it."""

    protocol_version = "HTTP/1.1"
    server: _Proxy  # type: ignore[assignment]

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def serve(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path))
        if not self.server.fault(self):
            self.hand_on()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = serve

    def hand_on(self, change: Callable[[bytes], bytes] = lambda body: body) -> None:
        """Answer as the server does; `change` changes the answer's body, not its length."""
        target = http.client.HTTPConnection(self.server.target, timeout=30)
        target.request(self.command, self.path, self.body, dict(self.headers))
        answer = target.getresponse()
        content = change(answer.read())
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "server", "date"):
                self.send_header(name, value)
        if answer.getheader("Content-Length") is None:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        target.close()

    def say(self, status: int, code: str) -> bool:
        """Answer with an error of S3, of Azure, which names it in a header too, or of Google."""
        text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
        json_api = re.match("/(storage|upload|download)/", self.path) is not None
        text = problem(status, code, code) if json_api else text
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Content-Type", "application/json" if json_api else "application/xml")
        self.send_header("x-ms-error-code", code)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
        return True

    def reset(self) -> bool:
        """Break the connection."""
        self.close_connection = True
        self.connection.close()
        return True

    def log_message(self, *_: object) -> None:
        pass


def problem(status: int, reason: str, words: str) -> bytes:
    """An error as Google's JSON API tells it."""
    each = {"domain": "global", "reason": reason, "message": words}
    return json.dumps({"error": {"code": status, "message": words, "errors": [each]}}).encode()


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, target: str, fault: Fault) -> None:
        super().__init__(("127.0.0.1", 0), Way)
        self.target, self.fault = target, fault
        self.seen: list[tuple[str, str]] = []

    def handle_error(self, *_: object) -> None:
        pass


@contextmanager
def proxy(target: str, fault: Fault) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    running = _Proxy(target, fault)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"127.0.0.1:{running.server_address[1]}", running.seen
    running.shutdown()
    running.server_close()


def times(count: int, fault: Fault, *, method: str = "") -> Fault:
    """`fault` for the first `count` requests (of this method), then none."""
    left = itertools.count(count, -1)

    def now(way: Way) -> bool:
        return way.command.startswith(method) and next(left) > 0 and fault(way)

    return now


def slow(seconds: float) -> Fault:
    """An answer that is late."""

    def late(way: Way) -> bool:
        time.sleep(seconds)
        return False

    return late


def tried_again_at_once(patch: pytest.MonkeyPatch) -> None:
    """No pauses before another try, of any store."""
    patch.setattr("jobs.store.again.pause", lambda number: None)
    patch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    patch.setattr("jobs.store.az_client.STEP_S", 0)
