"""What a worker does, as metrics of Ray, which hands them to Prometheus where its exporter is installed.

    fsd_items_total          items finished, as reported
    fsd_item_seconds         wall seconds from one finished item to the next, or from the start of the task
    fsd_COUNTER_total        what workers count beside items (`Event.counts`), with its `label`
    fsd_worker_busy          1 while it does a task, else 0; from its first task on

Ray drops a gauge that is not set anew within two of its reports, 20 s, and samples may take minutes: a thread
sets it.

All carry `pool`, and what the worker says of itself (`jobs.task.Labelled`). Without the exporter nothing is
kept and nothing is said.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from jobs.extras import extra
from jobs.task import Event, EventKind

with extra("farm"):
    from ray.util.metrics import Counter, Gauge, Histogram

SECONDS = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 600.0, 3600.0]  # bounds of the histogram

REFRESH_S = 5.0  # of the gauge


class Metrics:
    """Those of one worker."""

    def __init__(self, labels: Mapping[str, str], now: Callable[[], float] = time.monotonic) -> None:
        self._labels = dict(labels)
        self._now = now
        keys = tuple(self._labels)
        self._items = Counter("fsd_items", "Items finished.", keys)
        self._seconds = Histogram("fsd_item_seconds", "Wall seconds to a finished item.", SECONDS, keys)
        self._busy = Gauge("fsd_worker_busy", "1 while the worker does a task.", (*keys, "worker"))
        self._counters: dict[str, Counter] = {}
        self._done, self._since = 0, now()
        self._worker, self._does = "", 0
        self._keeper: threading.Thread | None = None

    @contextmanager
    def of_a_task(self, worker: str) -> Iterator[None]:
        """The worker does a task inside the block."""
        self._done, self._since = 0, self._now()
        self._worker, self._does = worker, 1
        self._set_busy()
        self._keep()
        try:
            yield
        finally:
            self._does = 0
            self._set_busy()

    def _set_busy(self) -> None:
        self._busy.set(self._does, {**self._labels, "worker": self._worker})

    def _keep(self) -> None:
        """Have the gauge set every few seconds, for as long as the process lives."""
        if self._keeper is None:
            self._keeper = threading.Thread(target=self._set_again, name="busy", daemon=True)
            self._keeper.start()

    def _set_again(self) -> None:
        while True:
            time.sleep(REFRESH_S)
            self._set_busy()

    def take(self, event: Event) -> None:
        """An event of the worker."""
        for (counter, label), amount in event.counts.items():
            if amount > 0:
                self._counter(counter).inc(amount, {**self._labels, "label": label})
        if event.kind not in (EventKind.ITEM, EventKind.RESUMED) or event.done is None:
            return
        new, self._done = event.done - self._done, event.done
        if event.kind is EventKind.ITEM and new > 0:
            self._items.inc(new, self._labels)
            self._seconds.observe(max(self._now() - self._since, 1e-3) / new, self._labels)
        self._since = self._now()

    def _counter(self, name: str) -> Counter:
        if name not in self._counters:
            keys = (*self._labels, "label")
            self._counters[name] = Counter(f"fsd_{name}", f"{name}, by its label.", keys)
        return self._counters[name]
