"""The life of a rendering process: say hello, render job after job, say goodbye."""

from __future__ import annotations

import os
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from typing import cast

from fsd_gen.rtx.child.arrays import pack
from fsd_gen.rtx.child.contract import Engine, EngineError, Fault, Job, Product, Say
from fsd_gen.rtx.child.wire import Message, Wire, WireClosedError, WireError

ENGINES = {
    "replicator": "fsd_gen.rtx.child.engines.replicator",
    "ovrtx": "fsd_gen.rtx.child.engines.ovrtx",
}
BEAT_S = 1.0
LONGEST = 400  # characters of what was raised

MakeEngine = Callable[[Mapping[str, object], Say], Engine]
"""Every module of `ENGINES` has one, `make_engine(config, say)`. Raises EngineError."""


def serve(name: str, link: int) -> None:
    """Serve the worker at the other end of the socket `link` until it closes or is gone."""
    wire = Wire(socket.socket(fileno=link))
    try:
        _serve(name, wire)
    except WireClosedError:
        os._exit(0)  # the worker is gone: nothing is left to do, and closing a renderer may hang


def _serve(name: str, wire: Wire) -> None:
    begin = _expect(wire, "begin")
    with _beating(wire):
        engine = _made(name, begin.body, wire)
        if engine is None:
            return
        wire.send("hello", {**asdict(engine.hello()), **_cost()})
    while (message := wire.receive()).kind != "close":
        if message.kind != "render":
            raise WireError(f"expected 'render' or 'close', got {message.kind!r}")
        with _beating(wire):
            _render(engine, message, wire)
        _expect(wire, "taken")
    wire.send("bye")
    engine.close()


def _expect(wire: Wire, kind: str) -> Message:
    message = wire.receive()
    if message.kind != kind:
        raise WireError(f"expected {kind!r}, got {message.kind!r}")
    return message


def _made(name: str, body: Mapping[str, object], wire: Wire) -> Engine | None:
    """The engine, or None where it cannot be had, once the worker has been told why."""
    try:
        make = cast(MakeEngine, import_module(ENGINES[name]).make_engine)
        return make(cast(Mapping[str, object], body["config"]), _sayer(wire))
    except Exception as error:  # what a renderer raises at its start may be anything
        wire.send("refused", {"fault": asdict(_fault_of(error))})
        return None


def _render(engine: Engine, message: Message, wire: Wire) -> None:
    try:
        told, memory = pack(engine.render(job_of(message.body["job"])))
    except Exception as error:  # what a renderer raises may be anything
        wire.send("fault", {"fault": asdict(_fault_of(error)), **_cost()})
        return
    try:
        wire.send("views", {"views": told, **_cost()}, (memory,))
    finally:
        os.close(memory)


def _fault_of(error: Exception) -> Fault:
    if isinstance(error, EngineError):
        return error.fault
    if isinstance(error, WireError):
        raise error
    traceback.print_exception(error)
    text = f"{type(error).__name__}: {' '.join(str(error).split())[:LONGEST]}"
    return Fault(code="renderer", message=text, fatal=True)


def _sayer(wire: Wire) -> Say:
    return lambda name, limit_s: wire.send("phase", {"name": name, "limit_s": limit_s})


def job_of(told: object) -> Job:
    """The job that a message describes."""
    if not isinstance(told, dict):
        raise WireError(f"expected a job, got {told!r}")
    products = tuple(Product(**each) for each in told["products"])
    return Job(**{**told, "products": products, "channels": tuple(told["channels"])})


@contextmanager
def _beating(wire: Wire) -> Iterator[None]:
    """While the block runs, another thread tells that Python still runs here, and how much memory is held."""
    done = threading.Event()
    beats = threading.Thread(target=_beat, args=(wire, done), daemon=True)
    beats.start()
    try:
        yield
    finally:
        done.set()
        beats.join()


def _beat(wire: Wire, done: threading.Event) -> None:
    while not done.wait(BEAT_S):
        try:
            wire.send("beat", _cost())
        except WireError:  # the main thread sees it too
            return


def _cost() -> dict[str, object]:
    """Memory of this process that is in RAM, and the CPU time that it has taken so far."""
    with open("/proc/self/statm") as file:
        pages = int(file.read().split()[1])
    return {"resident": pages * os.sysconf("SC_PAGE_SIZE"), "cpu_s": time.process_time()}
