"""Makes what deciding and picking ask from the database: the snapshot of a run, and the limits of this host."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection

from ..model.config import FlowConfig
from ..model.rows import DagRun, TaskInstance
from ..model.slots import SlotLimits, Usage
from ..model.spec import DagSpec
from ..scheduling.lengths import XComLength
from ..scheduling.past import PastRun
from ..scheduling.snapshot import RunSnapshot
from ..scheduling.topology import Topology
from ..storage import decision_facts, queries
from ..storage.group_usage import add_group_usage


def make_snapshot(
    connection: Connection, run: DagRun, spec: DagSpec, tasks: Iterable[TaskInstance], max_map_length: int
) -> RunSnapshot:
    """Return the snapshot of ``run`` with all that deciding asks of the database."""
    snapshot = RunSnapshot(run, spec, (), max_map_length=max_map_length)
    sources = snapshot.topology.length_sources
    snapshot.update_lengths(lengths_of(connection, snapshot, sources))
    snapshot.update_tasks(tasks)
    snapshot.past = read_past(connection, run, snapshot.topology)
    return snapshot


def lengths_of(connection: Connection, snapshot: RunSnapshot, task_ids: Iterable[str]) -> list[XComLength]:
    """Return the lengths that mapped tasks need of what ``task_ids`` pushed."""
    sources = snapshot.topology.length_sources
    pairs = [(task_id, key) for task_id in task_ids for key in sources.get(task_id, ())]
    return [XComLength(*row) for row in decision_facts.xcom_lengths(connection, snapshot.run.id, pairs)]


def read_past(connection: Connection, run: DagRun, topology: Topology) -> PastRun | None:
    """Return what tasks ask of the run before; None if none asks, or if there is none."""
    asked = topology.asked_of_past
    if not asked:
        return None
    before = decision_facts.run_before(connection, run, topology.spec.catchup)
    if before is None:
        return None
    states = decision_facts.task_states(connection, before.id, asked)
    missing = sorted(asked - states.keys())
    return PastRun(before.id, before.run_id, states, decision_facts.known_before(connection, run, missing))


def slot_limits(connection: Connection, config: FlowConfig) -> SlotLimits:
    """Return how many tasks may be active on this host."""
    return SlotLimits(
        config.parallelism,
        config.notebook_parallelism,
        queries.pools(connection),
        config.queues,
        config.resource_groups,
    )


def slots_in_use(connection: Connection, config: FlowConfig, host_id: str | None = None) -> Usage:
    """Return the slots in use, with what resource groups hold; what counts per host only on ``host_id``, if given."""
    used = queries.usage(connection, host_id)
    if config.resource_groups:
        add_group_usage(connection, used, host_id)
    return used
