"""Tasks that run on without a host: which they are, and how they are ended all the same."""

from __future__ import annotations

from contextlib import ExitStack

from ..execution import census, identity
from ..model.config import FlowConfig
from ..model.errors import NoHost
from ..model.instants import iso_or_none
from ..model.records import Actor
from ..model.rows import Attempt
from ..storage import attempts
from .documents import Document
from .house import House, open_house


def list_detached(config: FlowConfig) -> list[Document]:
    """Return the tasks of this home that have a living process: ``dag_id run_id task_id map_index … pid since``.

    Meant for a home without a host. By the rows and the identity of the processes; nothing is changed. Raises
    FlowError if the database is of no use.
    """
    try:
        with open_house(config) as house:
            return _living(house)
    except NoHost:
        return []  # nothing was ever recorded


def _living(house: House) -> list[Document]:
    with house.reading() as connection:
        current = attempts.open_attempts(connection)
    found = []
    for attempt, row in current:
        if (house.spool / attempt.id).is_dir() and (pid := _pid(attempt)) is not None:
            found.append(
                {
                    "dag_id": row.dag_id,
                    "run_id": row.run_id,
                    "task_id": row.task_id,
                    "map_index": row.map_index,
                    "try_number": row.try_number,
                    "attempt_id": attempt.id,
                    "pid": pid,
                    "since": iso_or_none(attempt.started_at or attempt.claimed_at),
                }
            )
    return found


def _pid(attempt: Attempt) -> int | None:
    """Return the pid of the attempt's runner if it lives; one whose start was never recorded is found by its tag."""
    if attempt.pid is not None and attempt.start_ticks is not None:
        alive = identity.is_running(attempt.pid, attempt.start_ticks, attempt.boot_id)
        return attempt.pid if alive else None
    runner = census.runner_of(attempt.id)
    return None if runner is None else runner.pid


def end_detached(config: FlowConfig, actor: Actor) -> int:
    """Be the host of this home for as long as it takes to cancel what runs detached; return how many tasks ran.

    Nothing new starts, no DAG file is parsed. Results that wait are recorded, too. Raises Conflict if a host lives.
    """
    from .host import Host

    with ExitStack() as stack:
        host = Host(config, stack)
        count = host.begin_to_end(actor)
        host.run()
    return count
