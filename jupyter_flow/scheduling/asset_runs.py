"""Runs that assets make: what a task's report says of its outlets, and when the events of a DAG's assets are enough."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model.assets import NewAssetEvent, is_outlet, leaves
from ..model.records import Report
from ..model.rows import AssetEvent, TaskInstance
from ..model.spec import TaskSpec


@dataclass(frozen=True)
class Wanted:
    """What a condition looks at: names of assets, names of aliases."""

    names: frozenset[str]
    aliases: frozenset[str]


@dataclass(frozen=True)
class EventSet:
    """The events that one run is made for: their ids, and the text that makes the set unique within its DAG."""

    ids: tuple[int, ...]
    key: str


def wanted_by(condition: Mapping[str, Any]) -> Wanted:
    """Return which assets and aliases a condition names."""
    items = list(leaves(condition))
    return Wanted(
        frozenset(item["name"] for item in items if "name" in item),
        frozenset(item["alias"] for item in items if "alias" in item),
    )


def is_met(condition: Mapping[str, Any], names: Collection[str], aliases: Collection[str]) -> bool:
    """Tell whether a condition holds when these assets had events, and events came through these aliases."""
    if "asset" in condition:
        return condition["asset"]["name"] in names
    if "alias" in condition:
        return condition["alias"] in aliases
    if "all" in condition:
        return all(is_met(item, names, aliases) for item in condition["all"])
    return any(is_met(item, names, aliases) for item in condition["any"])


def event_set(condition: Mapping[str, Any], events: Sequence[AssetEvent]) -> EventSet | None:
    """Return the events that a run is to be made for: all pending ``events``, once they meet the condition."""
    names = {event.name for event in events}
    aliases = {event.alias for event in events if event.alias is not None}
    if not events or not is_met(condition, names, aliases):
        return None
    ids = tuple(sorted(event.id for event in events))
    return EventSet(ids, hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest())


def outlet_events(row: TaskInstance, task: TaskSpec, report: Report) -> list[NewAssetEvent]:
    """Return the events that follow from the success of a task instance: one of each outlet, and those by alias.

    What a report says of assets that are no outlets of the task does not count.
    """
    source: dict[str, Any] = {
        "source_dag_id": row.dag_id,
        "source_run_id": row.run_id,
        "source_task_id": row.task_id,
        "source_map_index": row.map_index,
        "attempt_id": report.attempt_id,
    }
    aliases = {item["alias"] for item in task.outlets if "alias" in item}
    said: dict[str, Mapping[str, Any]] = {}
    through: list[NewAssetEvent] = []
    for event in report.asset_events:
        name, uri, extra, alias = _read(event)
        if name is None:
            continue
        if alias is None:
            if is_outlet(task, name, uri):
                said[name] = extra
        elif alias in aliases:
            through.append(NewAssetEvent(name, uri, extra, alias, **source))
    own = [item for item in task.outlets if "name" in item]
    return [NewAssetEvent(i["name"], i.get("uri", i["name"]), said.get(i["name"], {}), **source) for i in own] + through


def _read(event: Mapping[str, Any]) -> tuple[str | None, str, Mapping[str, Any], str | None]:
    """Read one event of a report, which a child wrote: whatever is not as it should be is left out."""
    asset, extra, alias = event.get("asset"), event.get("extra"), event.get("alias")
    name = asset.get("name") if isinstance(asset, Mapping) else None
    uri = asset.get("uri") if isinstance(asset, Mapping) else None
    if not isinstance(name, str) or not 0 < len(name) <= 250 or not name.isprintable():
        return None, "", {}, None
    if not isinstance(uri, str) or not 0 < len(uri) <= 1500 or not uri.isprintable():
        uri = name
    return name, uri, extra if isinstance(extra, Mapping) else {}, alias if isinstance(alias, str) else None
