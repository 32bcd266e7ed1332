"""What may be wrong around the house: its kinds, its sentences, and whether something new may start meanwhile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..model.config import FlowConfig
from ..model.instants import to_iso
from ..storage.database import Failure
from .disk import Level, Space

DATABASE = frozenset({"database_full", "database_locked", "database_unwritable", "database_away", "database_broken"})
"""Kinds that end when something could be written into the database."""
ON_THE_LOOP = frozenset({"full", "unwritable", "broken"})
"""Failures that come at once, so that the host's loop may try again itself; the others could hold it up."""


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong. ``message``: what, and what to do. ``pauses_dispatch``: nothing new starts."""

    kind: str
    since: datetime
    message: str
    pauses_dispatch: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return it as the health document shows it."""
        return {
            "kind": self.kind,
            "since": to_iso(self.since),
            "message": self.message,
            "pauses_dispatch": self.pauses_dispatch,
        }


class Troubles:
    """What is wrong now, by kind; the order is that of importance: what pauses dispatch first, then the oldest."""

    def __init__(self) -> None:
        self._by_kind: dict[str, Trouble] = {}
        self.changes = 0
        """How often something came, went, or got another sentence."""

    def put(self, kind: str, message: str, now: datetime, pauses_dispatch: bool = True) -> bool:
        """Note that something is wrong; True if it was not known. What is known keeps its ``since``."""
        known = self._by_kind.get(kind)
        trouble = Trouble(kind, known.since if known else now, message, pauses_dispatch)
        if trouble != known:
            self._by_kind[kind] = trouble
            self.changes += 1
        return known is None

    def clear(self, *kinds: str) -> list[Trouble]:
        """Note that these are mended; returns those that were there."""
        gone = [self._by_kind.pop(kind) for kind in kinds if kind in self._by_kind]
        self.changes += bool(gone)
        return gone

    def __contains__(self, kind: str) -> bool:
        return kind in self._by_kind

    def list(self) -> list[Trouble]:
        """Return all, the most important first."""
        return sorted(self._by_kind.values(), key=lambda item: (not item.pauses_dispatch, item.since))

    @property
    def pauses_dispatch(self) -> bool:
        """Tell whether nothing new may start."""
        return any(item.pauses_dispatch for item in self._by_kind.values())


def disk_sentence(config: FlowConfig, level: Level, space: Space) -> str:
    """Return what is said of the disk of the home."""
    if level == "low":
        return f"the disk of {config.home} is almost full ({space}): free space before nothing new can start"
    return f"the disk of {config.home} is full ({space}): free space; running tasks go on, nothing new starts"


def database_sentence(name: str, kind: Failure, text: str, since: datetime, running: int) -> str:
    """Return what is said of the database ``name``. ``text``: the driver's words, ``running``: tasks that go on."""
    goes_on = _goes_on(running)
    at = f"{since:%Y-%m-%d %H:%M:%S} UTC"
    words: Mapping[Failure, str] = {
        "full": f"database {name} cannot grow, its disk is full: free space; {goes_on}",
        "locked": f"database {name} is locked by another program since {at}: close that program; {goes_on}",
        "unwritable": f"database {name} cannot be written ({text}): make it writable for this user; {goes_on}",
        "broken": f"database {name} is damaged ({text}): stop the host and put a copy back; {goes_on}",
    }
    default = f"database {name} does not answer since {at} ({text}): start it, or mend the way to it; {goes_on}"
    return words.get(kind, default)


def removed_sentence(name: str, is_replaced: bool, running: int) -> str:
    """Return what is said of a database file that is no longer the one that was opened."""
    what, cure = "removed or renamed", "put it back"
    if is_replaced:
        what, cure = "replaced", "end the host (`jupyter flow stop`) and start it again"
    return f"database {name} was {what} while the host runs: {cure}; {_goes_on(running)}"


def _goes_on(running: int) -> str:
    return f"dispatch pauses, {running} {'task runs' if running == 1 else 'tasks run'} on"


def first_message(troubles: Iterable[Trouble]) -> str:
    """Return the sentence that stands for all; '' if nothing is wrong."""
    return next((item.message for item in troubles), "")
