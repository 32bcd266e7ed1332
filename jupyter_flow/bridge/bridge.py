"""The bridge: between the host of a house (records over a unix socket) and Dask with the outposts beside its workers.

It keeps the lease: who is heard of goes on, who is not for a lease and a margin is lost, and the host is told. It
writes what outposts send into the spool. It outlives a host as long as attempts run, and takes the next host's
connection; killed, it is started again by the host, and outposts come back with what they have.

Host → bridge: ``hello`` (settings, granted attempts), ``submit``, ``grant``, ``refuse``, ``cancel``, ``kill``,
``forget``, ``load``. Bridge → host: ``claim``, ``reported``, ``exited``, ``log``, ``state``.
"""

from __future__ import annotations

import hmac
import json
import logging
import queue
import socket
import time
from pathlib import Path
from typing import Any

from ..wire.frame_stream import FrameStream
from ..wire.link import MARGIN, beat_of, bridge_socket, lease_of, tls_context
from ..wire.stream_loop import StreamLoop, listen_unix
from . import processes, spool, store
from .attempts import Attempt, Outpost
from .cluster import DaskSide
from .listening import listen
from .relay import Relay

log = logging.getLogger(__name__)

IDLE = 1.0
"""Seconds that a bridge without host and attempts stays."""
FIRST_HOST = 60.0
LOST_LOOK = 0.25
RESUBMIT = 1.0
KEPT_ENDS = 10_000


class Bridge:
    """See the module's text. ``settings``: what the host says of Dask, and ``home``."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.home = Path(settings["home"])
        self._loop = StreamLoop()
        self._own = not settings["dask_address"]
        self._beat = beat_of(settings["polling_interval"])
        self._lease: float | None = None if self._own else lease_of(settings["polling_interval"])
        self._patience = lease_of(settings["polling_interval"]) * (1 + MARGIN)
        self._host: FrameStream | None = None
        self._knows_attempts = False  # a host has said which attempts there are
        self._hostless_since = time.monotonic()
        self._attempts: dict[str, Attempt] = {}
        self._outposts: dict[FrameStream, Outpost] = {}
        self._look_at = self._look_at_workers = 0.0
        self._trouble: str | None = None
        self._over = False
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._bell, self._ringer = socket.socketpair()
        self._ringer.setblocking(False)
        self._bell.setblocking(False)
        self._loop.watch(self._bell, self._on_events)
        self.where, self._marker, listener = listen(settings)
        tls = settings["dask_security"]
        self._tls = tls_context(tls, server_side=True) if tls else None
        self._loop.listen(listener, self._on_outpost)
        self._relay = Relay(self._loop, self.home)
        self._loop.listen(listen_unix(bridge_socket(self.home)), self._on_host)
        self._dask = DaskSide(settings, self._post)

    # --- life

    def run(self) -> None:
        """Serve until there is no host and nothing to look after."""
        while not self._over:
            self._loop.step(self._pause())
            self._work(time.monotonic())
        bridge_socket(self.home).unlink(missing_ok=True)
        self._dask.close()
        self._loop.close()

    def _pause(self) -> float:
        return min(self._beat, LOST_LOOK if self._host is None or self._attempts else 1.0)

    def _work(self, now: float) -> None:
        if now >= self._look_at:
            self._look_at = now + LOST_LOOK
            self._look_for_lost(now)
        if now >= self._look_at_workers and any(item.state == "waiting" for item in self._attempts.values()):
            self._look_at_workers = now + self._beat
            self._dask.look()
        for item in list(self._attempts.values()):
            if item.again_at is not None and now >= item.again_at:
                item.again_at = None
                self._dask.submit(item.attempt_id, item.resources, self.where.to_json())
        self._relay.work(now)
        for outpost in list(self._outposts.values()):
            if not outpost.worker and now - outpost.opened_at > 10.0:
                outpost.stream.close("it did not say who it is")
            elif outpost.is_welcome and now - outpost.seen_at > 3 * max(1.0, self._beat):
                outpost.stream.close("not heard")
        if self._host is None and now - self._hostless_since > (IDLE if self._knows_attempts else FIRST_HOST):
            self._over = not any(item.state == "granted" for item in self._attempts.values())

    def _post(self, event: dict[str, Any]) -> None:
        """Take an event from another thread."""
        self._events.put(event)
        try:
            self._ringer.send(b"!")
        except OSError:
            pass  # it rings already, or all is over

    def _on_events(self) -> None:
        self._bell.recv(4096)
        while not self._events.empty():
            event = self._events.get()
            op = event["op"]
            if op == "future":
                self._on_future(event)
            elif op == "log":
                self._tell_host({"op": "log", "level": "info", "text": event["text"]})
            else:
                self._trouble = event.get("message")
                self._tell_host({"op": "state", "trouble": self._trouble})
                if op == "up":
                    self._dask.tell_where(self.where.to_json())

    def _on_future(self, event: dict[str, Any]) -> None:
        item = self._attempts.get(event["attempt_id"])
        if item is None or item.state in ("granted", "ended"):
            return  # the outpost is the one to say how it went
        if event["status"] in ("cancelled", "lost"):
            item.again_at = time.monotonic() + RESUBMIT  # the scheduler was restarted
        elif event["status"] == "error":
            self._end(item, problem=f"Dask could not run it: {event['problem']}")
        elif item.state == "waiting":
            self._end(item, problem="its worker gave it back without having started it")

    # --- the host

    def _on_host(self, connection: socket.socket) -> None:
        if self._host is not None:
            self._host.close("another host came")
        stream = FrameStream(connection)
        self._host = stream
        self._loop.add(stream, self._on_host_message, self._on_host_gone)

    def _on_host_gone(self, stream: FrameStream) -> None:
        if self._host is stream:
            self._host = None
            self._hostless_since = time.monotonic()
            for item in list(self._attempts.values()):
                if item.state in ("waiting", "asked"):  # the next host begins them anew: it has no token for these
                    self._dask.cancel(item.attempt_id)
                    del self._attempts[item.attempt_id]

    def _tell_host(self, message: dict[str, Any]) -> None:
        if self._host is not None:
            self._host.send(message)

    def _on_host_message(self, stream: FrameStream, message: dict[str, Any]) -> None:
        if stream is not self._host:
            return
        op, attempt_id = message["op"], str(message.get("attempt_id"))
        item = self._attempts.get(attempt_id)
        if op == "hello":
            self._hello(message)
        elif op == "submit":
            if item is None:
                resources = message["resources"]
                self._attempts[attempt_id] = Attempt(attempt_id, self._spool(attempt_id), resources)
                self._dask.submit(attempt_id, resources, self.where.to_json())
        elif op == "load":
            self._dask.load.now = float(message["load"])
        elif item is None:
            return
        elif op == "grant":
            self._grant(item, message)
        elif op == "refuse":
            self._refuse(item, message["worker"])
        elif op == "forget":
            self._forget(item)
        elif op in ("cancel", "kill"):
            self._wish(item, op)

    def _spool(self, attempt_id: str) -> Path:
        if not spool.is_id(attempt_id):
            raise ValueError(f"{attempt_id!r} is no attempt id")
        return self.home / "spool" / attempt_id

    def _hello(self, message: dict[str, Any]) -> None:
        mine = {name: value for name, value in self.settings.items() if name in message["settings"]}
        if mine != message["settings"]:
            log.info("the host has other settings: the next bridge takes over")
            self._over = True
            return
        self._knows_attempts = True
        known = {facts["attempt_id"]: facts for facts in message["attempts"]}
        for attempt_id, facts in known.items():
            item = self._attempts.get(attempt_id)
            if item is None:
                item = self._attempts[attempt_id] = Attempt(attempt_id, self._spool(attempt_id), state="granted")
                item.worker, item.seen_at = facts["worker"], time.monotonic()
                if facts.get("pid"):
                    item.process = (facts["pid"], facts["start_ticks"], facts["boot_id"])
            elif item.state == "ended":
                self._tell_host({"op": "exited", "attempt_id": attempt_id, **item.end})
        for item in list(self._attempts.values()):
            if item.attempt_id not in known and item.state in ("granted", "ended"):
                self._forget(item)  # nobody wants it any more
        self._tell_host({"op": "state", "trouble": self._trouble})
        for outpost in list(self._outposts.values()):
            if outpost.worker and not outpost.is_welcome:
                self._welcome(outpost)

    def _grant(self, item: Attempt, message: dict[str, Any]) -> None:
        if item.state not in ("asked", "granted") or item.worker != message["worker"]:
            return
        item.state, item.seen_at = "granted", time.monotonic()
        self._dask.started(item.attempt_id)
        try:
            spec = json.loads((item.spool / "spec.json").read_bytes())
            bundle = self._bundle(Path(spec["bundle"]))
        except Exception as error:  # of the store, whatever it raises
            self._end(item, problem=f"its files cannot be sent: {type(error).__name__}: {error}")
            return
        if item.outpost is not None:
            start = {"op": "start", "attempt_id": item.attempt_id, "spec": spec, "token": message["token"]}
            item.outpost.stream.send({**start, "bundle": bundle})

    def _bundle(self, folder: Path) -> dict[str, Any]:
        url = None
        if self.settings["shared_store"] and not self._own:
            url = store.url_of(self.settings["shared_store"], folder.name)
            store.upload(url, store.pack(folder))
        return {"hash": folder.name, "url": url}

    def _refuse(self, item: Attempt, worker: str) -> None:
        for outpost in self._outposts.values():
            if outpost.worker == worker:
                outpost.stream.send({"op": "no", "attempt_id": item.attempt_id})
        if item.worker == worker and item.state == "asked":
            del self._attempts[item.attempt_id]
            self._dask.cancel(item.attempt_id)

    def _forget(self, item: Attempt) -> None:
        self._attempts.pop(item.attempt_id, None)
        self._dask.cancel(item.attempt_id)
        if item.outpost is not None:
            item.outpost.stream.send({"op": "gone", "attempt_id": item.attempt_id})

    def _wish(self, item: Attempt, op: str) -> None:
        if item.state in ("waiting", "asked"):
            self._forget(item)
        elif item.outpost is not None:
            item.outpost.stream.send({"op": op, "attempt_id": item.attempt_id})
        else:
            item.wish = op

    # --- outposts

    def _on_outpost(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = FrameStream(connection, self._tls, server_side=True)
        self._outposts[stream] = Outpost(stream, time.monotonic())
        self._loop.add(stream, self._on_outpost_message, self._on_outpost_gone)

    def _on_outpost_gone(self, stream: FrameStream) -> None:
        outpost = self._outposts.pop(stream)
        log.info("outpost %s is gone: %s", outpost.worker or "?", stream.closed_because)
        for item in self._attempts.values():
            if item.outpost is outpost:
                item.outpost = None
        self._relay.forget(stream)

    def _on_outpost_message(self, stream: FrameStream, message: dict[str, Any]) -> None:
        outpost = self._outposts[stream]
        try:
            self._hear(outpost, message)
        except (KeyError, TypeError, ValueError, OSError) as error:
            log.warning("outpost %s: %s: %s", outpost.worker, type(error).__name__, error)
            stream.close(f"{type(error).__name__}: {error}")

    def _hear(self, outpost: Outpost, message: dict[str, Any]) -> None:
        op, now = message["op"], time.monotonic()
        if op == "hello":
            if not hmac.compare_digest(str(message["key"]).encode(), self.where.key.encode()):
                raise ValueError("it has not the key of this house")
            outpost.worker, outpost.hello = str(message["worker"]), message
            for other in list(self._outposts.values()):
                if other is not outpost and other.worker == outpost.worker:
                    other.stream.close("it came again")
            if self._knows_attempts:
                self._welcome(outpost)
            return
        if not outpost.is_welcome:
            raise ValueError("it did not say who it is")
        outpost.seen_at = now
        if op == "beat":
            for item in self._attempts.values():
                if item.outpost is outpost:
                    item.seen_at = now
            outpost.stream.send({"op": "beat", "n": message["n"]})
            return
        if op == "ask":
            self._relay.ask(outpost.stream, int(message["n"]), message["message"])
            return
        if not spool.is_id(message.get("attempt_id")):
            raise ValueError("no attempt id")
        known = self._attempts.get(message["attempt_id"])
        if op == "claim":
            self._claim(outpost, message["attempt_id"], known)
        else:
            self._hear_of(outpost, message, known)

    def _hear_of(self, outpost: Outpost, message: dict[str, Any], item: Attempt | None) -> None:
        """Take what an outpost says of an attempt that it was told to start."""
        op = message["op"]
        if item is None or item.worker != outpost.worker or item.state != "granted":
            # stale: it was given up, or is over; nothing of it is taken
            outpost.stream.send({"op": "gone", "attempt_id": message["attempt_id"]})
        elif op == "data":
            spool.append(item.spool, message)
        elif op == "file":
            spool.replace(item.spool, message)
        elif op == "reported":
            self._tell_host({"op": "reported", "attempt_id": item.attempt_id})
        elif op == "want_bundle":
            self._send_bundle(outpost, item)
        elif op == "exited":
            self._end(item, message["exit_code"], message["signal"], str(message["problem"]))
        elif op == "unknown":
            self._end(item, problem="its worker does not know it any more")

    def _welcome(self, outpost: Outpost) -> None:
        outpost.is_welcome, outpost.seen_at = True, time.monotonic()
        known: dict[str, Any] = {}
        for attempt_id in outpost.hello["attempts"]:
            found = self._attempts.get(attempt_id)
            if found is None or found.worker != outpost.worker or found.state != "granted":
                known[attempt_id] = None
                continue
            found.outpost, found.seen_at = outpost, outpost.seen_at
            self._note_process(found)
            known[attempt_id] = spool.sizes(found.spool)
        welcome = {"op": "welcome", "beat": self._beat, "lease": self._lease, "marker": self._marker}
        outpost.stream.send({**welcome, "attempts": known})
        for item in self._attempts.values():
            if item.outpost is outpost and item.wish is not None:
                outpost.stream.send({"op": item.wish, "attempt_id": item.attempt_id})
                item.wish = None

    def _note_process(self, item: Attempt) -> None:
        if item.outpost is not None:
            hello = item.outpost.hello
            item.process = (int(hello["pid"]), int(hello["start_ticks"]), str(hello["boot_id"]))

    def _claim(self, outpost: Outpost, attempt_id: str, item: Attempt | None) -> None:
        if item is None or item.state == "ended" or item.worker not in (None, outpost.worker):
            outpost.stream.send({"op": "no", "attempt_id": attempt_id})
            return
        item.worker, item.outpost, item.seen_at = outpost.worker, outpost, time.monotonic()
        if item.state == "waiting":
            item.state = "asked"
        self._note_process(item)
        facts = {name: outpost.hello[name] for name in ("worker", "pid", "start_ticks", "boot_id")}
        self._tell_host({"op": "claim", "attempt_id": attempt_id, **facts})

    def _send_bundle(self, outpost: Outpost, item: Attempt) -> None:
        folder = Path(json.loads((item.spool / "spec.json").read_bytes())["bundle"])
        for piece in store.pieces(folder):
            outpost.stream.send({"op": "bundle", "hash": folder.name, **piece})

    # --- ends

    def _end(self, item: Attempt, exit_code: int | None = None, number: int | None = None, problem: str = "") -> None:
        outpost = item.outpost
        item.state, item.outpost = "ended", None
        item.end = {"exit_code": exit_code, "signal": number, "problem": problem}
        if outpost is not None:
            outpost.stream.send({"op": "gone", "attempt_id": item.attempt_id})
        self._dask.cancel(item.attempt_id)
        self._tell_host({"op": "exited", "attempt_id": item.attempt_id, **item.end})
        if len(self._attempts) > KEPT_ENDS:
            ended = [found for found in self._attempts.values() if found.state == "ended"]
            for found in ended[: len(ended) // 2]:
                del self._attempts[found.attempt_id]

    def _look_for_lost(self, now: float) -> None:
        for item in list(self._attempts.values()):
            if item.state != "granted" or (self._own and item.outpost is not None):
                continue
            if self._own and item.process is not None:
                if not processes.is_running(*item.process) and not processes.has_any(item.attempt_id):
                    self._end(item, problem="the process beside its worker was killed")
            elif now - item.seen_at > self._patience:
                where = f"worker {item.worker} was not heard of for {now - item.seen_at:.0f} s"
                self._end(item, problem=f"{where}: its attempt has ended itself by now")
