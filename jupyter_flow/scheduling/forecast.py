"""What a simulation is asked about, and what it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from ..model.changes import RunInfo
from ..model.rows import Dag
from ..model.spec import DagSpec
from ..model.state import RunState, TaskState


@dataclass(frozen=True)
class SimulatedDag:
    """A DAG to be simulated: its row (schedule, limits, zone), its spec, and what its custom timetable has said."""

    dag: Dag
    spec: DagSpec
    known: Sequence[RunInfo] = ()


@dataclass(frozen=True)
class SimulatedRun:
    """A run as it would go. ``waited``: seconds from ``run_after`` to its start."""

    dag_id: str
    run_id: str
    logical_date: datetime
    run_after: datetime
    start_date: datetime | None
    end_date: datetime | None
    state: RunState
    waited: float | None


@dataclass(frozen=True)
class SimulatedTask:
    """A task instance as it would go. ``waited``: seconds that it was ready and had no slot."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int
    state: TaskState
    start_date: datetime | None
    end_date: datetime | None
    waited: float


@dataclass
class Wait:
    """How long tasks waited for one thing: ``code`` and ``name`` (of a pool or DAG), ``text`` as the reason says it.

    ``seconds`` is the sum over tasks or runs, ``most`` the most that waited at once, first at ``since``.
    """

    code: str
    name: str
    text: str
    since: datetime
    seconds: float = 0.0
    most: int = 0


@dataclass(frozen=True)
class Late:
    """Something that was promised for ``due_at`` and was not done then.

    ``what``: ``sla`` (of ``name``, a task), ``deadline`` (its name) or ``dagrun_timeout``. ``done_at``: when the run
    ended, None if it did not succeed.
    """

    what: Literal["sla", "deadline", "dagrun_timeout"]
    dag_id: str
    run_id: str
    name: str
    due_at: datetime
    done_at: datetime | None


@dataclass
class Forecast:
    """What a simulation found. ``peaks``: slots in use at once, by pool and for ``parallelism``, ``notebooks``.

    ``truncated``: the window holds more than ``simulation.MAX_RUNS`` runs.
    """

    runs: list[SimulatedRun] = field(default_factory=list)
    tasks: list[SimulatedTask] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    peaks: dict[str, int] = field(default_factory=dict)
    truncated: bool = False
