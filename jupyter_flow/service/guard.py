"""Guard: does the host's steps so that no failure ends it, keeps what is wrong, and knows when to try again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ..execution.children import Exited, Notice
from ..model.config import FlowConfig
from ..model.errors import DatabaseAway, FlowError
from ..storage import database
from .clock import Clock
from .disk import NO_SPACE, Level, Space, level_of, space_of
from .house import database_name
from .trouble import DATABASE, ON_THE_LOOP, Troubles, database_sentence, disk_sentence, removed_sentence

log = logging.getLogger(__name__)

RETRY_AFTER = (0.05, 0.2, 1.0, 2.0)
"""Seconds until the next try after a step failed, longer each time."""
LOOK_EVERY, LOOK_AGAIN = 10.0, 1.0
"""Seconds between looks at the disk: when nothing happens, and at the least (and while something is wrong)."""
FULL_FOR = 5.0
"""Seconds for which a disk is full on which something could not be begun, whatever it says of its room (a quota)."""


class Guard:
    """What stands between the host's loop and a disk or database in trouble.

    ``running``: how many tasks are in flight, for the sentences. ``wake``: called from a thread when a database that
    was away answers again.
    """

    def __init__(self, config: FlowConfig, clock: Clock, running: Callable[[], int], wake: Callable[[], None]) -> None:
        self.troubles = Troubles()
        self.is_closed = False
        """Whether the database does not take what is written: :meth:`do` is for the proof that it does again."""
        self.is_away = False
        """Whether it must not even be read: that could hold up the loop."""
        self._config, self._clock = config, clock
        self._running, self._wake = running, wake
        self._failures = 0
        self._failed: Any = None
        self._retry_at: float | None = None
        self._looked_at = self._refused_at = float("-inf")
        self._level: Level | None = None
        self._file = _identity(config)
        self._probe: _Probe | None = None

    # --- steps

    def may(self, step: Any) -> bool:
        """Tell whether ``step`` may be tried now."""
        waits = self._retry_at is not None and self._clock.monotonic() < self._retry_at
        return not self.is_closed and not (waits and step == self._failed)

    @property
    def wants_proof(self) -> bool:
        """Tell whether it is time to try whether the database takes what is written."""
        if self._probe is not None:
            return self._probe.has_answer
        return self.is_closed and self._retry_at is not None and self._clock.monotonic() >= self._retry_at

    def do(self, step: Callable[[], Any], *, is_proof: bool = False) -> bool:
        """Do ``step``; what goes wrong is kept, and the host goes on. ``is_proof``: ``step`` writes for certain."""
        if not self.may(step) and not is_proof:
            return False
        try:
            done = bool(step())
        except Exception as error:
            self.failed(error, step)
            return False
        if is_proof and (self.is_closed or self._probe is not None):
            self._mended()
        if step == self._failed:
            self._failed = self._retry_at = None
            self._failures = 0
            self.troubles.clear("transaction")
        return done

    def failed(self, error: BaseException, step: Any = None) -> FlowError | None:
        """Keep what ``error`` says; returns a refusal in one sentence if the disk or the database is at fault."""
        kind = database.failure_of(error)
        if isinstance(error, OSError) and error.errno in NO_SPACE:
            kind = "full"
        if kind is None:
            if step is not None:
                self._failed_otherwise(error, step)
            return None
        kind = "away" if kind == "refused" else kind
        text = database.failure_text(error)
        self._database_failed(kind, text)
        return self.refusal()

    def refusal(self) -> FlowError:
        """Return the refusal of what needs the database."""
        found = [item.message for item in self.troubles.list() if item.kind in DATABASE]
        return DatabaseAway(found[0] if found else "the database does not answer for now: ask again")

    def _failed_otherwise(self, error: BaseException, step: Any) -> None:
        log.exception("the transaction failed and is tried again")
        self._try_again(step)
        text = database.failure_text(error)
        sentence = f"the last transaction failed and is tried again: {text}"
        self.troubles.put("transaction", sentence, self._clock.wall(), pauses_dispatch=False)

    def _database_failed(self, kind: database.Failure, text: str) -> None:
        now, name = self._clock.wall(), f"database_{kind}"
        known = {item.kind: item.since for item in self.troubles.list()}
        sentence = database_sentence(database_name(self._config), kind, text, known.get(name, now), self._running())
        if kind == "full" and not self._config.db_url and (space := space_of(self._config.home)) is not None:
            sentence = disk_sentence(self._config, "full", space)
        if self.troubles.put(name, sentence, now):
            log.error("%s (%s)", sentence, text)
        self.troubles.clear(*(DATABASE - {name}))
        self.is_closed = True
        self.is_away = kind not in ON_THE_LOOP
        if self.is_away:
            self._retry_at = None
            if self._probe is None or self._probe.has_answer:
                self._probe = _Probe(self._config.database, self._wake, first=RETRY_AFTER[1])
        else:
            self._probe = None
            self._try_again(None)

    def _try_again(self, step: Any) -> None:
        pause = RETRY_AFTER[min(self._failures, len(RETRY_AFTER) - 1)]
        self._failures += 1
        self._failed, self._retry_at = step, self._clock.monotonic() + pause

    def _mended(self) -> None:
        for trouble in self.troubles.clear(*DATABASE):
            log.info("over, after %.0f s: %s", (self._clock.wall() - trouble.since).total_seconds(), trouble.message)
        self.is_closed = self.is_away = False
        self._probe = self._failed = self._retry_at = None
        self._failures = 0

    # --- looking around

    def look(self, notices: Iterable[Notice] = ()) -> None:
        """Look at the disk and the database's file; cheap, and not more often than each second.

        At once if one of ``notices`` says that there is no room: else what did not begin would be begun again.
        """
        now = self._clock.monotonic()
        if any(isinstance(notice, Exited) and notice.no_room for notice in notices):
            self._refused_at = now
        elif now - self._looked_at < LOOK_AGAIN:
            return
        self._looked_at = now
        space = space_of(self._config.home)
        level = None if space is None else level_of(space, self._level)
        self._disk(space, "full" if now - self._refused_at < FULL_FOR else level)
        self._database_file()

    def _disk(self, space: Space | None, level: Level | None) -> None:
        before, self._level = self._level, level
        if space is None or level is None:
            if self.troubles.clear("disk_full", "disk_low"):
                log.info("the disk of %s has room again: %s", self._config.home, space)
            return
        kind, other = ("disk_full", "disk_low") if level == "full" else ("disk_low", "disk_full")
        sentence = disk_sentence(self._config, level, space)
        self.troubles.put(kind, sentence, self._clock.wall(), pauses_dispatch=level == "full")
        self.troubles.clear(other)
        if level != before:
            log.warning("%s", sentence)

    def _database_file(self) -> None:
        if self._file is None:
            return
        found = _identity(self._config)
        if found == self._file:
            self.troubles.clear("database_removed")
            return
        sentence = removed_sentence(database_name(self._config), found is not None, self._running())
        if self.troubles.put("database_removed", sentence, self._clock.wall()):
            log.error("%s", sentence)

    @property
    def disk_is_full(self) -> bool:
        """Tell whether tasks may wait for room to write what they have to."""
        return "disk_full" in self.troubles or "database_full" in self.troubles

    def next_instant(self) -> float | None:
        """Return the monotonic instant at which something is to be tried or looked at."""
        instants = [self._looked_at + (LOOK_AGAIN if self.troubles.list() else LOOK_EVERY)]
        if self._retry_at is not None:
            instants.append(self._retry_at)
        return min(instants)


class _Probe:
    """A thread that asks the database, until it answers."""

    def __init__(self, url: str, wake: Callable[[], None], first: float) -> None:
        self.has_answer = False
        self._url, self._wake, self._pause = url, wake, first
        threading.Thread(target=self._run, name="jupyter-flow-probe", daemon=True).start()

    def _run(self) -> None:
        waiting = threading.Event()
        while True:
            waiting.wait(self._pause)
            self._pause = min(2 * self._pause, RETRY_AFTER[-1])
            if self._answers():
                self.has_answer = True
                return self._wake()

    def _answers(self) -> bool:
        try:
            database.probe(self._url)
        except Exception:  # whatever it is, the loop has said so
            return False
        return True


def _identity(config: FlowConfig) -> tuple[int, int] | None:
    """Return what tells the database's file from another one; None for a server, or if it is not there."""
    if config.db_url:
        return None
    try:
        facts = Path(config.home / "flow.db").stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino
