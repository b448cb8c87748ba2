"""Several processes fill slots while this one renders for them, so that the renderer is seldom idle.

While it traces one scene, others are drawn, staged, traced for their truth and checked, and pictures that it
has taken are developed, checked, encoded and stored: each slot from start to end in one process, a hand, by
the code that fills it where there are none. Only its images come from here. So what is stored is the same,
and what comes of the slots is told in their order, however they overlap.

A hand that dies costs what it was at: the slot is tried again by another, or given up (`production.watch`).
"""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from fsd_gen.backends.base import Backend, StereoImages
from fsd_gen.production.blame import backend_blamed
from fsd_gen.production.hand import COMMAND, Failed, Make, Order, Scene, sendable
from fsd_gen.production.parcel import send_value, value_of
from fsd_gen.production.steps import Step, Steps, cut_of
from fsd_gen.production.watch import Watch
from fsd_gen.rtx.child.wire import Message, Wire, WireClosedError
from fsd_gen.scene.slots import SlotKey
from jobs.scratch import sweep_again

MOST_LOST_EARLY = 3  # hands of one worker that may be killed before they are up
AHEAD = 2  # orders that a hand holds, so that it need not wait for its next one until a rendering is over


class HandLostError(RuntimeError):
    """A process that was to fill slots did not come up."""


class _Elsewhere(Exception):
    """The traceback of an error in another process."""

    def __str__(self) -> str:
        return f"in the process that filled the slot\n{self.args[0]}"


@dataclass(slots=True)
class _Track:
    """What is known of a slot, and not taken yet."""

    steps: deque[Step] = field(default_factory=deque)
    over: bool = False
    failed: Failed | None = None
    deaths: int = 0  # of hands that had it in work


class _Hand:
    """One of the processes."""

    def __init__(self, make: Make) -> None:
        ours, theirs = socket.socketpair()
        held, self._life = os.pipe()
        numbers = (theirs.fileno(), held)
        self._process = subprocess.Popen(
            [*COMMAND, *map(str, numbers)],
            stdin=subprocess.DEVNULL,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            pass_fds=numbers,
            start_new_session=True,  # it has a keeper, which ends it and renews it when it grows
        )
        theirs.close()
        os.close(held)
        self.wire = Wire(ours)
        self.ready = False
        self.orders: deque[Order] = deque()  # the first one is in work
        with suppress(WireClosedError):  # it is found dead when it is listened to
            send_value(self.wire, "begin", make)

    def give(self, order: Order) -> None:
        """Have it fill a slot after those that it has."""
        self.orders.append(order)
        with suppress(WireClosedError):  # it is found dead when it is listened to
            send_value(self.wire, "order", order)

    @property
    def gone(self) -> bool:
        """Whether its process has ended."""
        return self._process.poll() is not None

    def end(self) -> int:
        """End it; its exit code."""
        self._process.kill()
        code = self._process.wait()
        self.wire.close()
        os.close(self._life)
        return code


class Hands:
    """`count` processes, started when there are slots for them; close it."""

    def __init__(self, make: Make, count: int, backend: Backend) -> None:
        self._make = make
        self._count = count
        self._backend = backend
        self._hands: list[_Hand] = []
        self._lost_early = 0

    def fill(self, shard: Path, keys: Iterable[SlotKey], watch: Watch) -> _Filling:
        """Fill slots of a shard; ask it for what comes of each, in order."""
        for hand in [hand for hand in self._hands if hand.gone]:  # between two shards: it was at nothing
            self._hands.remove(hand)
            hand.end()
        return _Filling(self, shard, keys, watch)

    def lost_early(self, code: int) -> None:
        """A hand has ended before it was up. Killed it was at nothing, and another takes its place.

        Raises HandLostError where that is no help: it ended by itself, or not for the first time.
        """
        self._lost_early += 1
        if code < 0 and self._lost_early <= MOST_LOST_EARLY:
            return
        how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
        raise HandLostError(f"a process that was to fill slots ended {how} before it was up; see stderr")

    def close(self) -> None:
        """End the processes, whatever they do."""
        while self._hands:
            self._hands.pop().end()
        sweep_again(tempfile.gettempdir())


class _Filling:
    """The slots of one shard. What is wrong with none of them alone is raised in the place of its steps."""

    def __init__(self, hands: Hands, shard: Path, keys: Iterable[SlotKey], watch: Watch) -> None:
        self._all, self._hands, self._shard, self._watch = hands, hands._hands, shard, watch
        self._waiting = deque(keys)
        self._tracks = {key.slot: _Track() for key in self._waiting}
        self._scenes: dict[int, tuple[_Hand, Message]] = {}  # to render, by slot

    def steps(self, key: SlotKey) -> Steps:
        """What comes of a slot, as soon as it is known; meanwhile all of them are worked on."""
        track = self._tracks[key.slot]
        while True:
            while track.steps:
                yield track.steps.popleft()
            if track.failed is not None:
                raise track.failed.error from _Elsewhere(track.failed.trace)
            if track.over:
                return
            self._turn()

    def stop(self) -> None:
        """Let what is not finished be as it is."""
        busy = {order.key.slot for hand in self._hands for order in hand.orders}
        while self._scenes:
            self._scenes.popitem()[1][1].close_files()
        if busy:
            self._all.close()
        for slot in busy:
            self._watch.acquit(slot)

    def _turn(self) -> None:
        """Give out slots, hear what became of others, and render the scene that has waited in front."""
        self._give_out()
        self._listen(wait=not self._scenes)
        if self._scenes:
            self._render(min(self._scenes))

    def _give_out(self) -> None:
        orders = len(self._waiting) + sum(len(hand.orders) for hand in self._hands)
        while len(self._hands) < min(self._all._count, orders):
            self._hands.append(_Hand(self._all._make))
        for most in range(1, AHEAD + 1):
            for hand in self._hands:
                if self._waiting and len(hand.orders) < most:
                    hand.give(Order(key=self._waiting.popleft(), shard=self._shard))

    # -- listening

    def _listen(self, *, wait: bool) -> None:
        """Take what the hands have said; `wait` until one has."""
        poll, hand_at = select.poll(), {hand.wire.fileno(): hand for hand in self._hands}
        for descriptor in hand_at:
            poll.register(descriptor, select.POLLIN)
        while said := poll.poll(None if wait else 0):
            for descriptor, _ in said:
                if not self._hear(hand_at[descriptor]):
                    poll.unregister(descriptor)
            wait = False

    def _hear(self, hand: _Hand) -> bool:
        """Take one message; whether there may be more."""
        try:
            message = hand.wire.receive()
        except WireClosedError:
            self._lose(hand)
            return False
        if message.kind == "ready":
            hand.ready = True
            message.close_files()
        elif not hand.ready:
            failed: Failed = value_of(message)
            raise failed.error from _Elsewhere(failed.trace)
        else:
            self._take(hand, message)
        return hand in self._hands

    def _take(self, hand: _Hand, message: Message) -> None:
        key = hand.orders[0].key
        track = self._tracks[key.slot]
        if message.kind == "render":
            self._scenes[key.slot] = (hand, message)
        elif message.kind == "step":
            track.steps.append(value_of(message))
        else:
            hand.orders.popleft()
            track.over = True
            track.failed = value_of(message)  # of the end of a slot that is none
            if message.body.get("leaving"):
                self._hands.remove(hand)
                self._put_back(hand)
                hand.end()

    def _put_back(self, hand: _Hand) -> None:
        self._waiting.extendleft(order.key for order in reversed(hand.orders))

    def _lose(self, hand: _Hand) -> None:
        """A hand has died: what it had in work is tried again, or given up."""
        self._hands.remove(hand)
        code = hand.end()
        if not hand.ready:
            self._put_back(hand)
            self._all.lost_early(code)
            return
        cut_short = hand.orders.popleft().key if hand.orders else None
        self._put_back(hand)
        if cut_short is None:
            return
        if scene := self._scenes.pop(cut_short.slot, None):
            scene[1].close_files()
        if not self._given_up(cut_short.slot):
            self._waiting.appendleft(cut_short)

    def _given_up(self, slot: int) -> bool:
        track = self._tracks[slot]
        track.deaths += 1
        cut = cut_of(self._watch, slot, track.deaths, self._all._backend.name, beside=True)
        self._watch.acquit(slot)
        if cut is None:
            raise AssertionError("a process that died is one that died")
        track.steps.append(cut)
        track.over = cut.given_up
        return cut.given_up

    # -- rendering

    def _render(self, slot: int) -> None:
        hand, message = self._scenes.pop(slot)
        began_s = time.process_time()
        answer = self._images(slot, value_of(message))
        with suppress(WireClosedError):  # it is found dead when it is listened to
            send_value(hand.wire, "images", answer, cpu_s=time.process_time() - began_s)

    def _images(self, slot: int, scene: Scene) -> StereoImages | Exception:
        """The images of a scene, or what is wrong with it or the renderer; who drew it knows which."""
        backend = self._all._backend
        staged, rig, settings, seed = scene
        try:
            with (
                self._watch.over_rendering(slot),
                backend_blamed(backend.name, type(backend).__module__),
            ):
                return backend.render(staged, rig, settings, seed=seed)
        except Exception as error:  # it is raised where the scene was drawn
            return sendable(error)
