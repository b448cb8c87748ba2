"""Pools as words of a command line:  NAME:KIND:WORKERS[:SETTING=VALUE,...]

    gpu:replicator:200
    cpu:mitsuba:all:cpus=2,memory=6,label=zone=a

WORKERS is a number, or `all` for as many as fit. The settings are `cpus`, `gpus` and `memory` (GiB) of each
worker, and `label`, KEY=VALUE of the nodes that it may run on. What a kind needs by itself is not said here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from jobs.config import CPUS, GPUS, MEMORY_GIB, MOST_WORKERS, Needs, Pool

GRAMMAR = "NAME:KIND:WORKERS[:cpus=N,gpus=N,memory=GIB,label=KEY=VALUE]"
ALL = "all"
NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
BOUNDS = {"cpus": CPUS, "gpus": GPUS, "memory": MEMORY_GIB}
NUMBERS = {"cpus": "cpus", "gpus": "gpus", "memory": "memory_gib"}  # settings -> fields of `Needs`
LABEL = "label"


class PoolTextError(ValueError):
    """Words that describe no pool; the message names them."""


def pools_of(texts: Iterable[str], kinds: str = "KIND") -> tuple[Pool, ...]:
    """The pools that these words describe; KIND is called `kinds` in messages. Raises PoolTextError."""
    pools = tuple(_pool(text, kinds) for text in texts)
    names = [pool.name for pool in pools]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise PoolTextError(f"--pool: two pools are called {twice!r}; give each a name of its own")
    return pools


def _pool(text: str, kinds: str) -> Pool:
    name, _, rest = text.partition(":")
    kind, _, rest = rest.partition(":")
    workers, more, settings = rest.partition(":")
    if not (NAME.fullmatch(name) and kind and workers) or (more and not settings):
        raise _wrong(text, f"expected {GRAMMAR.replace('KIND', kinds)}, such as gpu:replicator:200")
    try:
        needs = _needs(text, settings)
        return Pool(name=name, kind=kind, workers=_workers(text, workers), needs=needs)
    except PoolTextError:
        raise
    except ValueError as error:
        raise _wrong(text, str(error)) from None


def _workers(text: str, workers: str) -> int | None:
    if workers == ALL:
        return None
    if workers.isascii() and workers.isdecimal() and 1 <= int(workers) <= MOST_WORKERS:
        return int(workers)
    raise _wrong(text, f"expected 1 to {MOST_WORKERS} workers, or {ALL}, got {workers!r}")


def _needs(text: str, settings: str) -> Needs:
    label, numbers = "", dict[str, float]()
    for setting in settings.split(",") if settings else ():
        name, _, value = setting.partition("=")
        if name in numbers or (name == LABEL and label):
            raise _wrong(text, f"{name} is given twice")
        if name == LABEL:
            label = value or setting  # which says what is wrong with it
        elif name in NUMBERS:
            numbers[name] = _number(text, name, value)
        else:
            raise _wrong(text, f"expected settings among {', '.join((*NUMBERS, LABEL))}, got {setting!r}")
    return Needs(label=label, **{NUMBERS[name]: number for name, number in numbers.items()})


def _number(text: str, name: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise _wrong(text, f"{name}: expected a number, got {value!r}") from None
    least, most = BOUNDS[name]
    if not least <= number <= most:  # nor is a NaN
        raise _wrong(text, f"{name}: expected {least:g} to {most:g}, got {value!r}")
    return number


def _wrong(text: str, why: str) -> PoolTextError:
    return PoolTextError(f"--pool {text}: {why}")
