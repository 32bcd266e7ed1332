"""What hosts of one database tell each other after a commit, so that nobody has to wait for the next sweep."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Engine

from ..storage import database
from .house import Effects

MOST = 7_000
"""Bytes of a message; what does not fit is told as "look at everything that may have changed"."""

_SETS = ("runs", "dags", "ended", "past")
_FLAGS = ("slots", "hosts", "sweep")


@dataclass
class WakeUp:
    """News for other hosts.

    ``runs``: surrogate keys of runs that were made, or changed by somebody who does not hold them. ``dags``: DAGs that
    were paused, parsed, deleted. ``ended``: DAGs with a run that ended. ``past``: DAGs whose tasks ask for the run
    before, which has changed. ``slots``: some are free again. ``hosts``: one came or went. ``sweep``: look at all.
    """

    runs: set[int] = field(default_factory=set)
    dags: set[str] = field(default_factory=set)
    ended: set[str] = field(default_factory=set)
    past: set[str] = field(default_factory=set)
    slots: bool = False
    hosts: bool = False
    sweep: bool = False

    def to_text(self, host_id: str) -> str:
        """Return the message, with its sender."""
        told: dict[str, Any] = {"host": host_id}
        told |= {name: sorted(getattr(self, name)) for name in _SETS if getattr(self, name)}
        told |= {name: True for name in _FLAGS if getattr(self, name)}
        text = json.dumps(told, separators=(",", ":"))
        if len(text) <= MOST:
            return text
        return WakeUp(slots=self.slots, hosts=self.hosts, sweep=True).to_text(host_id)

    @classmethod
    def from_text(cls, text: str, host_id: str) -> WakeUp | None:
        """Read a message; None if it is our own. What cannot be read (of a later version) says: look at everything."""
        try:
            told = json.loads(text)
            if told["host"] == host_id:
                return None
            found: dict[str, Any] = {name: set(told.get(name, ())) for name in _SETS}
            return cls(**found | {name: bool(told.get(name)) for name in _FLAGS})
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(slots=True, hosts=True, sweep=True)

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in (*_SETS, *_FLAGS))


def send(connection: Connection, host_id: str, news: WakeUp) -> None:
    """Tell all other hosts with the commit of this transaction."""
    database.notify(connection, news.to_text(host_id))


class Telling(Effects):
    """Effects of commands in a process without a host: hosts of other homes may work on what was changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def run_changed(self, dag_run_id: int) -> None:
        """Tell of it."""
        self._send(WakeUp(runs={dag_run_id}))

    def dag_changed(self, dag_id: str) -> None:
        """Tell of it."""
        self._send(WakeUp(dags={dag_id}))

    def look_again(self) -> None:
        """Tell that something that tasks or DAGs wait for was changed."""
        self._send(WakeUp(slots=True, sweep=True))

    def _send(self, news: WakeUp) -> None:
        if database.is_shared(self._engine):
            with database.begin_write(self._engine, "notice", in_turn=False) as connection:
                send(connection, "", news)
