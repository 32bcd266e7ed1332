"""Assets: which DAGs name them, what happened to them, and which of it runs were made for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, Text, delete, func, insert, or_, select, type_coerce, update

from ..model.assets import AssetFacts, AssetUse, NewAssetEvent
from ..model.errors import Conflict, NotFound
from ..model.rows import Asset, AssetEvent, Dag, DagRun
from .mapping import to_dag, to_run
from .schema import dag, dag_run, import_problem
from .schema_plans import asset, asset_event, asset_use, run_asset_event

_NAMESPACE = "default"
_HERE = asset.c.namespace == _NAMESPACE
_EVENTS = select(asset_event, asset.c.name, asset.c.uri).join_from(
    asset_event, asset, asset.c.id == asset_event.c.asset_id
)
_LAST = select(func.max(asset_event.c.id))


def check_names(connection: Connection, dag_folder: str, dag_file: str, dag_id: str, uses: Sequence[AssetUse]) -> None:
    """Raise :class:`Conflict` where a DAG of another file has one of these names with another uri, or vice versa.

    DAGs whose file does not load do not count: otherwise two files that rename an asset would block each other.
    """
    wanted = {use.asset.name: use.asset.uri for use in uses if use.asset.uri is not None}
    if not wanted:
        return
    broken = select(import_problem.c.id).where(
        import_problem.c.dag_folder == dag.c.dag_folder,
        import_problem.c.dag_file == dag.c.dag_file,
        import_problem.c.kind == "error",
    )
    query = (
        select(asset.c.name, asset.c.uri, asset_use.c.dag_id)
        .join_from(asset, asset_use, asset_use.c.asset_id == asset.c.id)
        .join(dag, dag.c.dag_id == asset_use.c.dag_id)
        .where(_HERE, asset.c.is_active, dag.c.is_active, ~broken.exists())
        .where(or_(dag.c.dag_folder != dag_folder, dag.c.dag_file != dag_file))
        .where(or_(asset.c.name.in_(list(wanted)), asset.c.uri.in_(list(wanted.values()))))
        .order_by(asset_use.c.dag_id)
    )
    names = {uri: name for name, uri in wanted.items()}
    for row in connection.execute(query):
        if wanted.get(row.name, row.uri) != row.uri:
            raise Conflict(
                f"asset {row.name!r} has the uri {wanted[row.name]!r} in DAG {dag_id!r} and {row.uri!r} in DAG "
                f"{row.dag_id!r}: an asset has one uri"
            )
        if names.get(row.uri, row.name) != row.name:
            raise Conflict(
                f"the uri {row.uri!r} is asset {names[row.uri]!r} in DAG {dag_id!r} and {row.name!r} in DAG "
                f"{row.dag_id!r}: give it one name"
            )


def store_uses(connection: Connection, dag_id: str, uses: Sequence[AssetUse], now: datetime) -> bool:
    """Write which assets a DAG names, where, and what it says of them; True if any of it is news.

    Assets that nobody names any more become inactive.
    """
    before = {
        (row.name, row.task_id, row.role): row.asset_id
        for row in connection.execute(
            select(asset_use, asset.c.name)
            .join_from(asset_use, asset, asset.c.id == asset_use.c.asset_id)
            .where(asset_use.c.dag_id == dag_id)
        )
    }
    if not uses and not before:
        return False
    ids, is_news = _store_assets(connection, _facts(uses), now)
    keys = {(use.asset.name, use.task_id, use.role) for use in uses}
    for name, task_id, role in sorted(keys - set(before)):
        values = {"asset_id": ids[name], "dag_id": dag_id, "task_id": task_id, "role": role}
        connection.execute(insert(asset_use), [values])
    gone = sorted(set(before) - keys)
    for key in gone:
        mine = (asset_use.c.asset_id == before[key]) & (asset_use.c.dag_id == dag_id)
        connection.execute(delete(asset_use).where(mine, asset_use.c.task_id == key[1], asset_use.c.role == key[2]))
    if gone:
        used = select(asset_use.c.id).where(asset_use.c.asset_id == asset.c.id)
        left = update(asset).where(asset.c.id.in_([before[key] for key in gone]), ~used.exists())
        connection.execute(left.values(is_active=False, updated_at=now))
    return is_news or keys != set(before)


def _facts(uses: Sequence[AssetUse]) -> dict[str, AssetFacts]:
    """Return one description of each asset: the fullest one (an inlet may say less of it than an outlet)."""
    found: dict[str, AssetFacts] = {}
    for use in uses:
        known = found.get(use.asset.name)
        if known is None or known.weight < use.asset.weight:
            found[use.asset.name] = use.asset
    return found


def _store_assets(
    connection: Connection, facts: Mapping[str, AssetFacts], now: datetime
) -> tuple[dict[str, int], bool]:
    """Write what is said of assets; return their keys, and whether an asset changed that was there before."""
    known = {row.name: row for row in connection.execute(select(asset).where(_HERE, asset.c.name.in_(list(facts))))}
    ids: dict[str, int] = {}
    changed = False
    for name, item in facts.items():
        row = known.get(name)
        if row is None:
            ids[name] = _insert(connection, item, now)
            continue
        ids[name] = row.id
        values: dict[str, Any] = {}
        if item.uri is not None:  # a name alone, of an inlet, says nothing about the asset
            values = {"uri": item.uri, "is_active": True}
            if item.weight > AssetFacts(name, item.uri).weight or not row.is_active:
                values |= {"group": item.group, "extra": dict(item.extra)}
        if any(getattr(row, column) != value for column, value in values.items()):
            connection.execute(update(asset).where(asset.c.id == row.id).values(values | {"updated_at": now}))
            changed = True
    return ids, changed


def _insert(connection: Connection, item: AssetFacts, now: datetime) -> int:
    values = {
        "namespace": _NAMESPACE,
        "name": item.name,
        "uri": item.uri or item.name,
        "group": item.group,
        "extra": dict(item.extra),
        "is_active": item.uri is not None,
        "created_at": now,
        "updated_at": now,
    }
    number: int = connection.execute(insert(asset).returning(asset.c.id), values).scalar_one()
    return number


def append_events(connection: Connection, events: Sequence[NewAssetEvent], now: datetime) -> list[int]:
    """Write events in their order and return their ids; assets that are not known yet come into being."""
    ids: list[int] = []
    for event in events:
        row = connection.execute(select(asset.c.id).where(_HERE, asset.c.name == event.name)).one_or_none()
        number = row.id if row is not None else _insert(connection, AssetFacts(event.name, event.uri), now)
        values = {
            "asset_id": number,
            "at": now,
            "extra": dict(event.extra),
            "alias": event.alias,
            "source_dag_id": event.source_dag_id,
            "source_run_id": event.source_run_id,
            "source_task_id": event.source_task_id,
            "source_map_index": event.source_map_index,
            "attempt_id": event.attempt_id,
            "actor": event.actor,
        }
        ids.append(connection.execute(insert(asset_event).returning(asset_event.c.id), values).scalar_one())
    return ids


def last_event_id(connection: Connection) -> int:
    """Return the id of the newest event, 0 if there is none."""
    newest: int | None = connection.execute(_LAST).scalar_one()
    return newest or 0


def get_asset(connection: Connection, name: str) -> Asset:
    """Return the asset of that name, else the one with that uri; raises :class:`NotFound`."""
    query = select(asset).where(_HERE, or_(asset.c.name == name, asset.c.uri == name))
    rows = sorted(connection.execute(query), key=lambda row: (row.name != name, not row.is_active))
    if not rows:
        raise NotFound(f"asset {name!r} does not exist: `jupyter flow assets list`")
    return _to_asset(rows[0])


def list_assets(connection: Connection, *, active_only: bool = True) -> list[Asset]:
    """Return assets by name; those that no DAG names any more only on request."""
    query = select(asset).where(_HERE).order_by(asset.c.name)
    return [_to_asset(row) for row in connection.execute(query.where(asset.c.is_active) if active_only else query)]


def uses_of(connection: Connection, asset_ids: Collection[int]) -> dict[int, list[tuple[str, str, str]]]:
    """Return asset id -> ``(role, dag_id, task_id)`` of where active DAGs name it."""
    query = (
        select(asset_use)
        .join_from(asset_use, dag, dag.c.dag_id == asset_use.c.dag_id)
        .where(asset_use.c.asset_id.in_(list(asset_ids)), dag.c.is_active)
        .order_by(asset_use.c.role, asset_use.c.dag_id, asset_use.c.task_id)
    )
    found: dict[int, list[tuple[str, str, str]]] = {number: [] for number in asset_ids}
    for row in connection.execute(query):
        found[row.asset_id].append((row.role, row.dag_id, row.task_id))
    return found


def last_events(connection: Connection, asset_ids: Collection[int]) -> dict[int, tuple[int, datetime]]:
    """Return asset id -> number of its events and the instant of the last one."""
    query = (
        select(asset_event.c.asset_id, func.count().label("events"), func.max(asset_event.c.at).label("at"))
        .where(asset_event.c.asset_id.in_(list(asset_ids)))
        .group_by(asset_event.c.asset_id)
    )
    return {row.asset_id: (row.events, row.at) for row in connection.execute(query)}


def list_events(
    connection: Connection, *, asset_id: int | None = None, alias: str | None = None, limit: int = 50, before: int = 0
) -> list[AssetEvent]:
    """Return up to ``limit`` events, newest first, with an id under ``before`` (0: from the newest on)."""
    query = _EVENTS.order_by(asset_event.c.id.desc()).limit(limit)
    if asset_id is not None:
        query = query.where(asset_event.c.asset_id == asset_id)
    if alias is not None:
        query = query.where(asset_event.c.alias == alias)
    return _events(connection, query.where(asset_event.c.id < before) if before else query)


def events_after(
    connection: Connection, cursor: int, names: Collection[str], aliases: Collection[str]
) -> list[AssetEvent]:
    """Return the events with an id over ``cursor`` of these assets or through these aliases, oldest first."""
    wanted = or_(asset.c.name.in_(list(names)), asset_event.c.alias.in_(list(aliases)))
    return _events(connection, _EVENTS.where(asset_event.c.id > cursor, wanted).order_by(asset_event.c.id))


def waiting_dags(connection: Connection, newest: int) -> list[Dag]:
    """Return active, unpaused DAGs with assets in their schedule that have not looked at the event ``newest`` yet."""
    query = select(dag).where(
        dag.c.is_active,
        dag.c.is_paused.is_(False),
        dag.c.asset_cursor < newest,
        type_coerce(dag.c.schedule, Text).contains('"assets":{'),
    )
    return [to_dag(row) for row in connection.execute(query.order_by(dag.c.dag_id))]


def set_cursor(connection: Connection, dag_id: str, cursor: int) -> None:
    """Write up to which event a DAG has looked."""
    connection.execute(update(dag).where(dag.c.dag_id == dag_id).values(asset_cursor=cursor))


def link(connection: Connection, dag_run_id: int, event_ids: Sequence[int]) -> None:
    """Write which events a run was made for."""
    values = [{"dag_run_id": dag_run_id, "asset_event_id": number} for number in event_ids]
    connection.execute(insert(run_asset_event), values)


def events_of_run(connection: Connection, dag_run_id: int) -> list[AssetEvent]:
    """Return the events that a run was made for, oldest first."""
    query = _EVENTS.join(run_asset_event, run_asset_event.c.asset_event_id == asset_event.c.id)
    return _events(connection, query.where(run_asset_event.c.dag_run_id == dag_run_id).order_by(asset_event.c.id))


def runs_of_events(connection: Connection, event_ids: Collection[int]) -> dict[int, list[DagRun]]:
    """Return event id -> runs that were made for it (and others)."""
    query = (
        select(dag_run, run_asset_event.c.asset_event_id)
        .join_from(run_asset_event, dag_run, dag_run.c.id == run_asset_event.c.dag_run_id)
        .where(run_asset_event.c.asset_event_id.in_(list(event_ids)))
        .order_by(dag_run.c.id)
    )
    found: dict[int, list[DagRun]] = {number: [] for number in event_ids}
    for row in connection.execute(query):
        found[row.asset_event_id].append(to_run(row))
    return found


def _events(connection: Connection, query: Select[Any]) -> list[AssetEvent]:
    return [
        AssetEvent(
            id=row.id,
            name=row.name,
            uri=row.uri,
            at=row.at,
            extra=row.extra or {},
            alias=row.alias,
            source_dag_id=row.source_dag_id,
            source_run_id=row.source_run_id,
            source_task_id=row.source_task_id,
            source_map_index=row.source_map_index,
            actor=row.actor,
        )
        for row in connection.execute(query)
    ]


def _to_asset(row: Row[Any]) -> Asset:
    return Asset(row.id, row.name, row.uri, row.group, row.extra or {}, row.is_active, row.created_at, row.updated_at)
