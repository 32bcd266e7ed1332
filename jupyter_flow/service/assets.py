"""Assets: views (lineage, event log, what a DAG waits for) and commands (an event from outside, materialise)."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection

from ..model.assets import NewAssetEvent, leaves
from ..model.errors import Conflict, InvalidInput, NotFound
from ..model.instants import iso_or_none
from ..model.records import Actor
from ..model.rows import Asset
from ..scheduling.asset_runs import is_met, wanted_by
from ..storage import assets, dags
from ..storage.events import append
from .authorize import authorize
from .commanding import command
from .commands import trigger_dag
from .documents import Document, asset_event_document
from .house import House
from .page_limit import check_limit

MOST_EXTRA = 65_536
"""Bytes of the ``extra`` of an event, as JSON."""
MOST_EVENTS = 1000
_PLACES = {"outlet": "producing_tasks", "inlet": "consuming_tasks", "schedule": "scheduled_dags"}


def list_assets(house: House, actor: Actor) -> Document:
    """All assets that DAGs name, with their lineage: which tasks make and read them, which DAGs wait for them."""
    authorize(house.policy, actor, "read")
    with house.reading() as connection:
        return {"assets": _documents(house, actor, connection, assets.list_assets(connection))}


def show_asset(house: House, actor: Actor, name: str) -> Document:
    """One asset (by name, or by uri) with its lineage and its latest ``events``."""
    authorize(house.policy, actor, "read")
    with house.reading() as connection:
        found = assets.get_asset(connection, name)
        (document,) = _documents(house, actor, connection, [found])
        return {**document, "events": _event_documents(connection, assets.list_events(connection, asset_id=found.id))}


def list_asset_events(
    house: House,
    actor: Actor,
    name: str | None = None,
    alias: str | None = None,
    limit: int = 50,
    before: int | None = None,
) -> Document:
    """The event log, newest first; ``next`` is the ``before`` of the following page (None at its end)."""
    authorize(house.policy, actor, "read")
    check_limit(limit, MOST_EVENTS)
    if before is not None and (type(before) is not int or before < 1):
        raise InvalidInput(f"before {before!r} must be the id of an event")
    with house.reading() as connection:
        number = assets.get_asset(connection, name).id if name is not None else None
        found = assets.list_events(connection, asset_id=number, alias=alias, limit=limit + 1, before=before or 0)
        shown = _event_documents(connection, found[:limit])
    return {"events": shown, "next": found[limit - 1].id if len(found) > limit else None}


def waiting_for(house: House, actor: Actor, dag_id: str) -> Document:
    """What the schedule of a DAG waits for: its condition, and how many events each asset had since its last run."""
    authorize(house.policy, actor, "read", dag_id)
    with house.reading() as connection:
        dag = dags.get_dag(connection, dag_id)
        condition = dag.schedule.assets
        if condition is None:
            return {"dag_id": dag_id, "condition": None, "assets": [], "is_met": False}
        wanted = wanted_by(condition)
        pending = assets.events_after(connection, dag.asset_cursor, wanted.names, wanted.aliases)
    names, aliases = [event.name for event in pending], [event.alias for event in pending if event.alias]
    items = []
    for item in leaves(condition):
        what = {"alias": item["alias"]} if "alias" in item else {"name": item["name"], "uri": item["uri"]}
        items.append({**what, "events": aliases.count(item["alias"]) if "alias" in item else names.count(item["name"])})
    return {"dag_id": dag_id, "condition": condition, "assets": items, "is_met": is_met(condition, names, aliases)}


def emit_event(house: House, actor: Actor, name: str, extra: Any = None) -> Document:
    """Record that something outside changed an asset: DAGs that wait for it run. Returns the event."""
    with command(house, actor, "assets.emit", "trigger", arguments={"name": name}) as (connection, now):
        found = assets.get_asset(connection, name)
        if not found.is_active:
            raise Conflict(f"no DAG names asset {found.name!r} any more: nothing waits for it")
        new = NewAssetEvent(found.name, found.uri, _extra(extra), actor=actor.user)
        (number,) = assets.append_events(connection, [new], now)
        append(connection, "asset_event", now, actor=actor)
        (event,) = assets.list_events(connection, asset_id=found.id, limit=1, before=number + 1)
    house.effects.look_again()
    return asset_event_document(event)


def materialize_asset(house: House, actor: Actor, name: str, conf: Any = None, unpause: bool = False) -> Document:
    """Trigger the DAG that has a task with this asset as an outlet, and return the run.

    Raises :class:`Conflict` unless there is exactly one such DAG.
    """
    authorize(house.policy, actor, "read")
    with house.reading() as connection:
        found = assets.get_asset(connection, name)
        makers = sorted(
            {dag_id for role, dag_id, _ in assets.uses_of(connection, [found.id])[found.id] if role == "outlet"}
        )
    if not makers:
        raise NotFound(f"no DAG makes asset {found.name!r}: it is the outlet of no task")
    if len(makers) > 1:
        raise Conflict(f"asset {found.name!r} is made by several DAGs: trigger one of {', '.join(makers)}")
    return trigger_dag(house, actor, makers[0], conf=conf, unpause=unpause)


def _documents(house: House, actor: Actor, connection: Connection, rows: list[Asset]) -> list[Document]:
    ids = [row.id for row in rows]
    uses, last = assets.uses_of(connection, ids), assets.last_events(connection, ids)
    result = []
    for row in rows:
        document: Document = {
            "name": row.name,
            "uri": row.uri,
            "group": row.group,
            "extra": dict(row.extra),
            "is_active": row.is_active,
            "event_count": last[row.id][0] if row.id in last else 0,
            "last_event_at": iso_or_none(last[row.id][1]) if row.id in last else None,
            **{place: [] for place in _PLACES.values()},
        }
        for role, dag_id, task_id in uses[row.id]:
            if house.policy(actor, "read", dag_id):
                place = {"dag_id": dag_id} if role == "schedule" else {"dag_id": dag_id, "task_id": task_id}
                document[_PLACES[role]].append(place)
        result.append(document)
    return result


def _event_documents(connection: Connection, events: list[Any]) -> list[Document]:
    runs = assets.runs_of_events(connection, [event.id for event in events])
    return [
        {
            **asset_event_document(event),
            "created_runs": [
                {"dag_id": run.dag_id, "run_id": run.run_id, "state": str(run.state)} for run in runs[event.id]
            ],
        }
        for event in events
    ]


def _extra(extra: Any) -> dict[str, Any]:
    if extra is None:
        return {}
    if not isinstance(extra, dict):
        raise InvalidInput('extra must be a JSON object, e.g. {"rows": 100}')
    size = len(json.dumps(extra).encode())
    if size > MOST_EXTRA:
        raise InvalidInput(f"extra has {size} bytes, more than {MOST_EXTRA}: write a file and name it")
    return extra
