"""DAGs and their versions: what the parser stores, what the due loop reads."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from ..model.changes import RunInfo
from ..model.errors import Conflict, NotFound
from ..model.instants import from_iso_or_none
from ..model.reason import Reason
from ..model.records import Actor
from ..model.rows import Dag, DagVersion
from ..model.spec import DagSpec, canonical, dag_from_json, text_hash, to_json
from ..model.state import TASK_ACTIVE
from .assets import last_event_id, store_uses
from .events import append
from .mapping import to_dag, to_version
from .schema import bundle, dag, dag_run, dag_version, task_instance
from .schema_plans import backfill
from .timetables import forget_missed

_BY_DAG_ID = select(dag).where(dag.c.dag_id == bindparam("b_dag_id"))
_UPDATE = update(dag).where(dag.c.dag_id == bindparam("b_dag_id"))
_UPDATE_RETURNING = _UPDATE.returning(dag)
_INSERT_RETURNING = insert(dag).returning(dag)
_OF_FILE = select(dag.c.dag_id).where(
    dag.c.dag_folder == bindparam("b_folder"), dag.c.dag_file == bindparam("b_file"), dag.c.is_active
)
_DUE = (
    select(dag)
    .where(dag.c.next_run_after <= bindparam("b_now"), dag.c.is_active, dag.c.is_paused.is_(False))
    .order_by(dag.c.next_run_after)
)
_NEXT_DUE = select(func.min(dag.c.next_run_after)).where(
    dag.c.next_run_after > bindparam("b_now"), dag.c.is_active, dag.c.is_paused.is_(False)
)
_VERSION = select(dag_version).where(dag_version.c.id == bindparam("b_id"))
_NUMBERS = select(dag_version.c.id, dag_version.c.number).where(
    dag_version.c.id.in_(bindparam("b_ids", expanding=True))
)
_LATEST_VERSION = (
    select(dag_version)
    .where(dag_version.c.dag_id == bindparam("b_dag_id"))
    .order_by(dag_version.c.number.desc())
    .limit(1)
)
_UPDATE_VERSION = update(dag_version).where(dag_version.c.id == bindparam("b_id"))
_INSERT_VERSION = insert(dag_version).returning(dag_version.c.id)
_RUN_OF_VERSION = select(dag_run.c.id).where(dag_run.c.dag_version_id == bindparam("b_id")).limit(1)
_BUNDLE = select(bundle.c.id).where(bundle.c.bundle_hash == bindparam("b_hash"))


@dataclass(frozen=True)
class StoredDag:
    """A stored DAG and what was new: the DAG itself, anything in it, or what its next run depends on."""

    dag: Dag
    created: bool
    changed: bool
    schedule_changed: bool


def store_dag(
    connection: Connection, spec: DagSpec, *, dag_folder: str, bundle_hash: str, now: datetime, paused: bool = True
) -> StoredDag:
    """Store ``spec`` as the latest version of its DAG.

    A latest version that no run uses is replaced in place; a used one stays and gets a successor. ``paused``
    counts for new DAGs only. With ``schedule_changed`` the caller has to compute the next run anew. Raises
    :class:`Conflict` if an active DAG of another file has the same id.
    """
    row = connection.execute(_BY_DAG_ID, {"b_dag_id": spec.dag_id}).one_or_none()
    place = {"dag_folder": dag_folder, "dag_file": spec.dag_file}
    if row is not None and row.is_active and (row.dag_folder, row.dag_file) != (dag_folder, spec.dag_file):
        raise Conflict(f"DAG id {spec.dag_id!r} is defined in {row.dag_file} already: rename one of the two")
    version_id, number, version_changed = _store_version(connection, spec, bundle_hash, now)
    values = place | _columns(spec) | {"version_id": version_id, "version_number": number, "is_active": True}
    if spec.schedule.assets is not None and (
        row is None or not row.is_active or row.schedule.get("assets") != values["schedule"]["assets"]
    ):
        values["asset_cursor"] = last_event_id(connection)  # what happened before it waited for this does not count
    if row is None:
        values |= {"is_paused": paused, "created_at": now, "updated_at": now}
        row = connection.execute(_INSERT_RETURNING, values | {"dag_id": spec.dag_id}).one()
        append(connection, "dag_changed", now, dag_id=spec.dag_id)
        return StoredDag(to_dag(row), True, True, True)
    timing = ("schedule", "timezone", "start_date", "end_date", "catchup", "catchup_window")
    schedule_changed = not row.is_active or any(values[name] != getattr(row, name) for name in timing)
    changed = version_changed or any(value != getattr(row, name) for name, value in values.items())
    if changed:
        values |= {"updated_at": now, "b_dag_id": spec.dag_id}
        row = connection.execute(_UPDATE_RETURNING, values).one()
        append(connection, "dag_changed", now, dag_id=spec.dag_id)
    return StoredDag(to_dag(row), False, changed, schedule_changed)


def get_dag(connection: Connection, dag_id: str) -> Dag:
    """Return one DAG, active or not; raises :class:`NotFound`."""
    row = connection.execute(_BY_DAG_ID, {"b_dag_id": dag_id}).one_or_none()
    if row is None:
        raise NotFound(f"DAG {dag_id!r} does not exist")
    return to_dag(row)


def list_dags(connection: Connection, *, active_only: bool = True) -> list[Dag]:
    """Return all DAGs by id; those whose file is gone only on request."""
    query = select(dag).order_by(dag.c.dag_id)
    if active_only:
        query = query.where(dag.c.is_active)
    return [to_dag(row) for row in connection.execute(query)]


def due_dags(connection: Connection, now: datetime) -> list[Dag]:
    """Return active, unpaused DAGs whose next run is due, longest due first."""
    return [to_dag(row) for row in connection.execute(_DUE, {"b_now": now})]


def next_due(connection: Connection, after: datetime) -> datetime | None:
    """Return the earliest instant later than ``after`` at which an active, unpaused DAG has a run due."""
    at: datetime | None = connection.execute(_NEXT_DUE, {"b_now": after}).scalar_one()
    return at


def set_paused(
    connection: Connection,
    dag_id: str,
    paused: bool,
    now: datetime,
    actor: Actor | None,
    reason: Reason | None = None,
) -> Dag:
    """Pause or unpause a DAG (no event if it is so already). ``reason``: why the house itself did it."""
    known = get_dag(connection, dag_id)
    if known.is_paused == paused:
        return known
    connection.execute(_UPDATE, {"is_paused": paused, "updated_at": now, "b_dag_id": dag_id})
    append(connection, "dag_changed", now, dag_id=dag_id, actor=actor, reason=reason)
    return get_dag(connection, dag_id)


def deactivate(
    connection: Connection, dag_folder: str, dag_file: str, keep: Collection[str], now: datetime
) -> list[str]:
    """Mark the DAGs of a file that are not in ``keep`` as inactive: it no longer defines them. Return their ids."""
    found = connection.execute(_OF_FILE, {"b_folder": dag_folder, "b_file": dag_file}).scalars()
    gone = sorted(set(found) - set(keep))
    for dag_id in gone:
        connection.execute(_UPDATE, {"is_active": False, "updated_at": now, "b_dag_id": dag_id, **_next(None)})
        store_uses(connection, dag_id, (), now)
        append(connection, "dag_changed", now, dag_id=dag_id)
    return gone


def delete_dag(connection: Connection, dag_id: str, now: datetime, actor: Actor | None) -> None:
    """Forget a DAG with its versions, runs and records. Raises :class:`Conflict` while one of its tasks is active."""
    get_dag(connection, dag_id)
    active = select(task_instance.c.run_id).where(
        task_instance.c.dag_id == dag_id, task_instance.c.state.in_([str(state) for state in TASK_ACTIVE])
    )
    run_id = connection.execute(active.limit(1)).scalar_one_or_none()
    if run_id is not None:
        raise Conflict(f"DAG {dag_id!r} has active tasks in run {run_id!r}: cancel it first")
    connection.execute(delete(backfill).where(backfill.c.dag_id == dag_id))
    store_uses(connection, dag_id, (), now)
    forget_missed(connection, dag_id)
    connection.execute(delete(dag_run).where(dag_run.c.dag_id == dag_id))
    connection.execute(delete(dag_version).where(dag_version.c.dag_id == dag_id))
    connection.execute(delete(dag).where(dag.c.dag_id == dag_id))
    append(connection, "dag_changed", now, dag_id=dag_id, actor=actor)


def set_next_run(connection: Connection, dag_id: str, info: RunInfo | None) -> None:
    """Write when the next scheduled run is due (None: there is none)."""
    connection.execute(_UPDATE, {"b_dag_id": dag_id, **_next(info)})


def version_numbers(connection: Connection, version_ids: Collection[int]) -> dict[int, int]:
    """Return the numbers of DAG versions by surrogate key, without their specs."""
    return {row.id: row.number for row in connection.execute(_NUMBERS, {"b_ids": list(version_ids)})}


def get_version(connection: Connection, version_id: int) -> DagVersion:
    """Return one version; raises :class:`NotFound`."""
    row = connection.execute(_VERSION, {"b_id": version_id}).one_or_none()
    if row is None:
        raise NotFound(f"DAG version number {version_id} does not exist")
    return to_version(row)


def latest_version(connection: Connection, dag_id: str) -> DagVersion:
    """Return the newest version of a DAG; raises :class:`NotFound`."""
    return get_version(connection, get_dag(connection, dag_id).version_id)


def load_spec(version: DagVersion) -> DagSpec:
    """Return the spec of a version as a record (kept in memory for the latest ones used)."""
    return _load(version.spec_hash, version.spec)


def record_bundle(connection: Connection, bundle_hash: str, files: Sequence[str], size: int, now: datetime) -> None:
    """Remember a bundle and the files in it (once)."""
    if connection.execute(_BUNDLE, {"b_hash": bundle_hash}).scalar_one_or_none() is None:
        values = {"bundle_hash": bundle_hash, "files": list(files), "size": size, "created_at": now}
        connection.execute(insert(bundle), [values])


def bundles_in_use(connection: Connection) -> set[str]:
    """Return the hashes of all bundles that a version refers to."""
    return set(connection.execute(select(dag_version.c.bundle_hash).distinct()).scalars())


def _store_version(connection: Connection, spec: DagSpec, bundle_hash: str, now: datetime) -> tuple[int, int, bool]:
    text = canonical(spec)
    digest = text_hash(text)
    latest = connection.execute(_LATEST_VERSION, {"b_dag_id": spec.dag_id}).one_or_none()
    if latest is not None and (latest.spec_hash, latest.bundle_hash) == (digest, bundle_hash):
        return latest.id, latest.number, False
    values: dict[str, Any] = {"spec_hash": digest, "spec": text, "bundle_hash": bundle_hash, "updated_at": now}
    if latest is not None and not _is_pinned(connection, latest.id):
        connection.execute(_UPDATE_VERSION, values | {"created_at": now, "b_id": latest.id})
        return latest.id, latest.number, True
    number = 1 if latest is None else latest.number + 1
    values |= {"dag_id": spec.dag_id, "number": number, "created_at": now}
    version_id: int = connection.execute(_INSERT_VERSION, values).scalar_one()
    return version_id, number, True


def _is_pinned(connection: Connection, version_id: int) -> bool:
    return connection.execute(_RUN_OF_VERSION, {"b_id": version_id}).scalar_one_or_none() is not None


def _columns(spec: DagSpec) -> dict[str, Any]:
    return {
        "description": spec.description,
        "owner": spec.owner,
        "tags": list(spec.tags),
        "schedule": to_json(spec.schedule),
        "timezone": spec.timezone,
        "start_date": from_iso_or_none(spec.start_date),
        "end_date": from_iso_or_none(spec.end_date),
        "catchup": spec.catchup,
        "max_active_runs": spec.max_active_runs,
        "max_active_tasks": spec.max_active_tasks,
        "catchup_window": spec.catchup_window,
        "max_consecutive_failed_dag_runs": spec.max_consecutive_failed_dag_runs,
    }


def _next(info: RunInfo | None) -> dict[str, datetime | None]:
    return {
        "next_logical_date": info.logical_date if info else None,
        "next_interval_start": info.data_interval_start if info else None,
        "next_interval_end": info.data_interval_end if info else None,
        "next_run_after": info.run_after if info else None,
    }


@lru_cache(maxsize=64)
def _load(_digest: str, text: str) -> DagSpec:
    return dag_from_json(json.loads(text))
