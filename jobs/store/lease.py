"""The lock of a run in a store: an object that one driver writes, and has to write again before it runs out.

Every write is conditional: the first one on there being no object (If-None-Match), all later ones on the
object that the writer saw last (If-Match), so that of two writers one is refused. Who dies leaves a lease
that runs out; then it may be taken over. Its age is the store's Date less the store's Last-Modified: the
clocks of the machines do not matter. Releasing writes the object once more, since few stores delete
conditionally.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jobs.locks import RunLockedError, WhileHeld, own_identity, who
from jobs.store.base import ConditionsUnsupportedError, Kept, StoreError
from jobs.store.objects import open_objects
from jobs.store.room import loaded
from jobs.store.urls import Address

LOCK_NAME = ".lock"
LEASE_S = 120  # a dead driver's run is free after so long
MOST_LEASE_S = 86_400  # that another one may claim
NOBODYS = '"00000000000000000000000000000000"'  # an ETag that nothing has


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lease:
    """What the object says."""

    holder: bytes
    lease_s: float
    released: bool


class StoreLock(WhileHeld):
    """The right to work in a run in a store: `with StoreLock(address): ...`. Renewed by a thread of its own.

    Raises RunLockedError, naming the holder, where another one has it; ConditionsUnsupportedError for a store
    that cannot keep two apart. `check` raises RunLockedError once the lease was lost.
    """

    def __init__(
        self, address: Address, *, lease_s: float = LEASE_S, on_lost: Callable[[], None] | None = None
    ) -> None:
        """`on_lost` is called by another thread."""
        self._address = address
        self._lease_s = lease_s
        self._on_lost = on_lost
        self._kept: Kept | None = None
        self._serial = 0
        self._lost = ""
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self) -> None:
        """Take the lock, or raise RunLockedError at once."""
        self._store = open_objects(str(self._address))
        there = self._store.read(LOCK_NAME)
        if there is not None:
            content, kept, now = there
            lease = _parsed(content)
            if not lease.released and now - kept.modified <= lease.lease_s:
                raise RunLockedError(self._held(lease.holder, lease.lease_s - (now - kept.modified)))
        self._kept = self._write(None if there is None else there[1].etag)
        if self._kept is None:
            raise RunLockedError(self._held(b"", self._lease_s))
        self._require_conditions(self._kept)
        self._stopped.clear()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raises RunLockedError where the lease was lost."""
        if self._lost:
            raise RunLockedError(f"{self._address}: {self._lost}; the same command goes on where it may")

    def release(self) -> None:
        """Give the lock back, if it is still ours."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._kept is not None and not self._lost:
            self._write(self._kept.etag, released=True)
        self._kept = None

    def _write(self, etag: str | None, *, released: bool = False) -> Kept | None:
        self._serial += 1
        says = own_identity() | {"lease_s": self._lease_s, "serial": self._serial, "released": released}
        return self._store.write_if(LOCK_NAME, json.dumps(says).encode(), etag=etag)

    def _require_conditions(self, kept: Kept) -> None:
        """Two writes that have to be refused. A store that takes one would let two drivers in."""
        taken = [self._store.write_if(LOCK_NAME, b"{}", etag=etag) for etag in (None, NOBODYS)]
        if any(taken):
            self._store.remove(LOCK_NAME)
            self._kept = None
            raise ConditionsUnsupportedError(
                f"{self._address}: this store takes conditional writes (If-None-Match, If-Match) for "
                "ordinary ones, so that nothing keeps two drivers apart; use one that heeds them (AWS S3, "
                "MinIO, R2, Azure, Google), or render into a folder and copy it"
            )

    def _renew(self) -> None:
        safe_until = time.monotonic() + self._lease_s / 2
        while not self._stopped.wait(self._lease_s / 4):
            asked = time.monotonic()
            try:
                kept = self._write(self._kept.etag) if self._kept else None
            except StoreError as error:  # tried again, as long as nobody else may take it
                if time.monotonic() < safe_until:
                    continue
                self._lose(f"its lock could not be renewed in time ({error})")
                return
            if kept is None:
                self._lose("its lock was taken over by another driver, not being renewed in time")
                return
            self._kept, safe_until = kept, asked + self._lease_s / 2

    def _lose(self, why: str) -> None:
        self._lost = why
        if self._on_lost is not None:
            self._on_lost()

    def _held(self, holder: bytes, left_s: float) -> str:
        return (
            f"{self._address} is in use by {who(holder)}; wait for it, stop it, or use another URL (if "
            f"it is dead, its lock runs out in {max(1, round(left_s))} s)"
        )


def _parsed(content: bytes) -> _Lease:
    """What a lock says; one that says nothing that can be read runs out like any other."""
    try:
        says: Any = loaded(content)
        known = says if isinstance(says, dict) else {}
    except ValueError:
        known = {}
    lease_s = known.get("lease_s")
    sensible = isinstance(lease_s, int | float) and 0 < lease_s <= MOST_LEASE_S
    return _Lease(
        holder=content,
        lease_s=float(lease_s) if isinstance(lease_s, int | float) and sensible else LEASE_S,
        released=known.get("released") is True,
    )
