"""The Dask side of the bridge: client, cluster and futures, in a thread of its own that may wait for the scheduler."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from distributed import Client, Future, LocalCluster, Security

from ..wire.link import lease_of
from .scaling import Load, SmoothedAdaptive
from .worker import run_attempt, tell_where

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = 10.0
RETRY_PAUSE = 2.0
THREADS = 1
"""Attempts at once on each worker of a cluster of our own."""


class DaskSide:
    """Does what it is asked, in order. ``post(event)`` is called from other threads with what happened:

    ``{"op": "up"}``, ``{"op": "trouble", "message"}``, ``{"op": "log", "text"}`` and ``{"op": "future", "attempt_id",
    "status", "problem"}`` for a future that ended (``finished``, ``error``, ``cancelled``, ``lost``).
    """

    def __init__(self, settings: Mapping[str, Any], post: Callable[[dict[str, Any]], None]) -> None:
        self._settings, self._post = settings, post
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._client: Client | None = None
        self._cluster: LocalCluster | None = None
        self._futures: dict[str, Future] = {}
        self._again: dict[str, Callable[[], None]] = {}
        self._waiting: set[str] = set()
        self._heard: dict[str, tuple[float, float]] = {}  # worker -> what the scheduler heard last, noticed at
        self._silent: set[str] = set()
        self._wanted: dict[str, dict[str, float]] = {}  # what waiting attempts ask for, until somebody was told
        self.load = Load()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dask", daemon=True)
        self._thread.start()

    def submit(self, attempt_id: str, resources: Mapping[str, float], where: Mapping[str, Any]) -> None:
        """Hand an attempt id to Dask."""
        self._jobs.put(lambda: self._submit(attempt_id, dict(resources), dict(where)))

    def cancel(self, attempt_id: str) -> None:
        """Take an attempt id back, or let go of its future."""
        self._jobs.put(lambda: self._cancel(attempt_id))

    def tell_where(self, where: Mapping[str, Any]) -> None:
        """Tell the outposts of all workers of a foreign cluster where the bridge is."""
        self._jobs.put(lambda: self._tell(dict(where)))

    def started(self, attempt_id: str) -> None:
        """Hear that a worker was allowed to start the attempt: from now on it stays where it is."""
        self._waiting.discard(attempt_id)

    def look(self) -> None:
        """Look which workers of a foreign cluster are silent, and take back what waits for one of these."""
        self._jobs.put(self._look)

    def close(self, timeout: float = 15.0) -> None:
        """End; a cluster of our own ends too. Attempts run on beside its workers."""
        self._ending.set()
        self._jobs.put(None)
        self._thread.join(timeout)

    # --- in the thread

    def _run(self) -> None:
        connected = False
        while not self._ending.is_set() and not (connected := self._connect()):
            self._ending.wait(RETRY_PAUSE)
        while connected and (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception as error:  # Dask's, whatever it is: the bridge goes on
                log.exception("a request to Dask failed")
                self._post({"op": "trouble", "message": f"Dask: {type(error).__name__}: {error}"})
        for closable in (self._client, self._cluster):
            if closable is not None:
                try:
                    closable.close()
                except Exception:
                    log.exception("closing Dask")

    def _connect(self) -> bool:
        try:
            address = self._settings["dask_address"]
            if address:
                self._client = Client(address, security=self._security(), timeout=CONNECT_TIMEOUT, set_as_default=False)
            else:
                self._cluster = self._own_cluster()
                self._client = Client(self._cluster, set_as_default=False)
        except Exception as error:
            text = str(error).strip().splitlines()
            self._post({"op": "trouble", "message": f"Dask: {text[0] if text else type(error).__name__}"})
            return False
        self._post({"op": "up"})
        return True

    def _security(self) -> Security | None:
        files = self._settings["dask_security"]
        if not files:
            return None
        return Security(
            tls_ca_file=files["ca_file"],
            tls_client_cert=files["cert"],
            tls_client_key=files.get("key"),
            require_encryption=True,
        )

    def _own_cluster(self) -> LocalCluster:
        low, high = self._settings["worker_num_min"], max(1, self._settings["worker_num_max"])
        cluster = LocalCluster(
            n_workers=low,
            threads_per_worker=THREADS,
            processes=True,
            dashboard_address=None,
            memory_limit=0,
            host="127.0.0.1",
            local_directory=self._settings["local_directory"],
            silence_logs=logging.ERROR,
        )
        cluster.adapt(
            Adaptive=SmoothedAdaptive,
            minimum=low,
            maximum=high,
            interval=self._settings["polling_interval"],
            wait_count=3,
            load=self.load,
            threads=THREADS,
            say=lambda text: self._post({"op": "log", "text": text}),
        )
        return cluster

    def _submit(self, attempt_id: str, resources: dict[str, float], where: dict[str, Any]) -> None:
        assert self._client is not None  # noqa: S101 - the thread begins with it
        others = sorted(self._heard.keys() - self._silent) if self._silent else None
        self._waiting.add(attempt_id)
        if resources:
            self._wanted[attempt_id] = resources
        future = self._client.submit(
            run_attempt,
            attempt_id,
            where,
            key=attempt_id,
            pure=False,
            retries=0,
            resources=resources or None,
            workers=others or None,
        )
        self._futures[attempt_id] = future
        self._again[attempt_id] = lambda: self._submit(attempt_id, resources, where)
        future.add_done_callback(lambda done: self._done(attempt_id, done))

    def _done(self, attempt_id: str, future: Future) -> None:
        if self._futures.get(attempt_id) is not future:
            return
        problem = ""
        if future.status == "error":
            problem = str(future.exception(timeout=5)).strip() or "an error without a text"
        self._post({"op": "future", "attempt_id": attempt_id, "status": future.status, "problem": problem})

    def _cancel(self, attempt_id: str) -> None:
        future = self._futures.pop(attempt_id, None)
        self._again.pop(attempt_id, None)
        self._wanted.pop(attempt_id, None)
        self._waiting.discard(attempt_id)
        if future is not None and not future.done():
            future.cancel()

    def _look(self) -> None:
        if self._client is None or self._cluster is not None:
            return
        now = time.monotonic()
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        for address, facts in workers.items():
            if self._heard.get(address, (None, 0.0))[0] != facts["last_seen"]:
                self._heard[address] = (facts["last_seen"], now)
        for address in self._heard.keys() - workers.keys():
            del self._heard[address]
        self._say_missing(workers)
        silence = lease_of(self._settings["polling_interval"])
        self._silent = {address for address, (_, at) in self._heard.items() if now - at > silence}
        if not self._silent or self._silent == self._heard.keys():
            return
        for address, keys in self._client.processing(workers=sorted(self._silent)).items():
            for attempt_id in self._waiting.intersection(keys):
                self._post({"op": "log", "text": f"worker {address} is silent: an attempt waits for another one"})
                again, future = self._again[attempt_id], self._futures.pop(attempt_id)
                future.cancel()
                again()

    def _say_missing(self, workers: Mapping[str, Any]) -> None:
        """Say once of an attempt that no worker has what it asks for."""
        for attempt_id in self._waiting.intersection(self._wanted):
            wanted = self._wanted.pop(attempt_id)
            if not any(_offers(facts.get("resources") or {}, wanted) for facts in workers.values()):
                words = ", ".join(f"{name}={amount:g}" for name, amount in wanted.items())
                self._post({"op": "log", "text": f"no worker offers {words}: attempt {attempt_id} waits for one"})

    def _tell(self, where: dict[str, Any]) -> None:
        assert self._client is not None  # noqa: S101 - the thread begins with it
        if self._cluster is None:
            self._client.run(tell_where, where, on_error="ignore")


def _offers(offered: Mapping[str, float], wanted: Mapping[str, float]) -> bool:
    return all(offered.get(name, 0.0) >= amount for name, amount in wanted.items())
