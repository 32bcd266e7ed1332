"""What this host may do beside others: which runs it may take, who else lives, and whether it is a host still.

On a database of one host it is always the only one, and takes everything.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Collection
from pathlib import Path

from sqlalchemy import Connection

from ..execution.identity import boot_id, facts
from ..model.rows import DagRun, Host
from ..model.slots import DEFAULT_QUEUE
from ..parsing.bundles import has_bundle
from ..storage import dags, holding, host
from ..storage.database import is_shared
from .host_watch import HostWatch
from .house import House
from .lease import place

log = logging.getLogger(__name__)

SHARED_HEARTBEAT = 2.0
"""Seconds between two signs of life where hosts share a database."""
SHARED_TTL = 8.0
"""Seconds without one after which another host takes over."""


class HostEnded(Exception):
    """Another host has declared this one ended: what it held is another's."""


def machine() -> str:
    """Return what is the same for two processes that can see each other: the boot, and the space of pids."""
    try:
        return f"{boot_id()}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return boot_id()


class Holding:
    """``others``: the other living hosts as of the last look. ``is_shared``: there may be some.

    ``has_missed``: runs are free that this host could not take for now (it has not parsed their DAG yet).
    ``own_home_only``: it takes over from earlier hosts of its own home, not from others.
    """

    def __init__(self, house: House, host_id: str) -> None:
        self.house = house
        self.host_id = host_id
        self.is_shared = house.engine is not None and is_shared(house.engine)
        self.others: list[Host] = []
        self._watch = HostWatch(SHARED_TTL)
        self._known: set[str] | None = None
        self.has_missed = self.own_home_only = False
        self._served: dict[int, bool] = {}

    # --- am I?

    def check(self, connection: Connection) -> None:
        """Raise :class:`HostEnded` if this transaction must not write as this host."""
        if self.is_shared and not holding.is_alive(connection, self.host_id):
            raise HostEnded(f"host {self.host_id} was declared ended")

    def check_since(self, began: float) -> None:
        """:meth:`check` if this process may have stood still since the monotonic instant ``began``."""
        if self.is_shared and self.house.clock.monotonic() - began > SHARED_TTL / 2:
            with self.house.reading() as connection:
                self.check(connection)

    # --- who else?

    def look(self) -> bool:
        """Look at the other hosts, end those that stand still; True if runs may be free that were not before."""
        if not self.is_shared:
            return False
        with self.house.reading() as connection:
            others = [item for item in host.open_hosts(connection) if item.host_id != self.host_id]
        gone = self._watch.standing_still(others, self.house.clock.monotonic())
        gone += [item for item in others if item not in gone and _is_dead(item)]
        ended = {item.host_id for item in gone if self._declare(item)}
        self.others = [item for item in others if item.host_id not in ended]
        known, self._known = self._known, {item.host_id for item in self.others}
        return known is None or bool(ended) or not known <= self._known

    def next_look(self) -> float | None:
        """Return the monotonic instant of the next :meth:`look` that may find a host standing still."""
        return self._watch.next_instant()

    def _declare(self, item: Host) -> bool:
        with self.house.writing("declare") as connection:
            self.check(connection)
            if not holding.declare_ended(connection, item, self.house.clock.wall()):
                return False
        log.warning("host %s (pid %d on %s, %s) stands still: declared ended", *_words(item))
        return True

    # --- what may I take?

    def may_take(self, connection: Connection, run: DagRun) -> bool:
        """Tell whether this host serves the queues of a run and has the files of its DAG."""
        if not self.is_shared:
            return True
        known = self._served.get(run.dag_version_id)
        if not known:
            version = dags.get_version(connection, run.dag_version_id)
            folder = Path(dags.get_dag(connection, run.dag_id).dag_folder)
            queues = queues_of(connection, run)
            known = (
                self.serves(queues, self.house.config.queues)
                and folder.is_dir()
                and has_bundle(self.house.bundles, version.bundle_hash, self._other_bundles(connection))
            )
            self._served[run.dag_version_id] = known
        return known

    @staticmethod
    def serves(wanted: Collection[str], queues: Collection[str]) -> bool:
        """Tell whether a host with ``queues`` runs tasks of all ``wanted`` ones."""
        return all(name == DEFAULT_QUEUE or name in queues for name in wanted)

    def is_served_by_other(self, queues: Collection[str]) -> bool:
        """Tell whether another living host serves these queues."""
        return any(self.serves(queues, item.queues) for item in self.others)

    def _other_bundles(self, connection: Connection) -> list[Path]:
        """Return where hosts of this machine keep their bundles, living and ended ones."""
        return [Path(home) / "bundles" for home in host.homes_on(connection, machine())]

    def take_free_runs(self) -> list[DagRun]:
        """Hold the runs that no living host holds, as far as this one serves them."""
        refused: list[int] = []

        def may_take(run: DagRun) -> bool:
            if self.own_home_only and not self._was_held_here(connection, run):
                return False
            is_mine = self.may_take(connection, run)
            if not is_mine:
                refused.append(run.id)
            return is_mine

        with self.house.writing("takeover") as connection:
            self.check(connection)
            taken = holding.take_free_runs(connection, self.host_id, self.house.clock.wall(), may_take)
        self.has_missed = bool(refused)
        return taken

    def _was_held_here(self, connection: Connection, run: DagRun) -> bool:
        holder = host.by_ids(connection, [run.held_by]).get(run.held_by)
        return not self.is_shared or (holder is not None and self.is_own_home(holder))

    # --- whose attempts are these?

    def is_own_home(self, item: Host) -> bool:
        """Tell whether ``item`` is, or was, the host of this home."""
        here = place(self.house.config.home)
        return (item.home, item.hostname) == (here["home"], here["hostname"])

    def is_near(self, item: Host | None) -> bool:
        """Tell whether the processes and the spool of that host can be seen from here."""
        return item is not None and item.boot_id == machine() and (Path(item.home) / "spool").is_dir()

    def may_adopt(self, owner: Host | None, holder: Host | None, owner_id: str, holder_id: str) -> bool:
        """Tell whether this host looks after an attempt of ``owner`` in a run that ``holder`` holds."""
        if not self.is_shared or owner_id == self.host_id:
            return True
        if owner is None:
            return holder_id == self.host_id
        if owner.ended_at is None:
            return False
        if self.own_home_only or self.is_own_home(owner):
            return self.is_own_home(owner)
        return self.is_near(owner) and (holder_id == self.host_id or not self.is_near(holder))

    def spool_of(self, owner: Host | None) -> Path:
        """Return the folder of the spools of attempts of ``owner``."""
        if owner is None or not owner.home or self.is_own_home(owner):
            return self.house.spool
        return Path(owner.home) / "spool"


def queues_of(connection: Connection, run: DagRun) -> frozenset[str]:
    """Return the queues of all tasks of a run."""
    spec = dags.load_spec(dags.get_version(connection, run.dag_version_id))
    return frozenset(task.queue for task in spec.tasks)


def _is_dead(item: Host) -> bool:
    """Tell whether that host is of this machine and its process is gone: nobody has to wait for that."""
    if item.boot_id != machine() or item.hostname != socket.gethostname():
        return False
    found = facts(item.pid)
    return found is None or found.state in "ZX"


def _words(item: Host) -> tuple[str, int, str, str]:
    return item.host_id, item.pid, item.hostname, item.home
