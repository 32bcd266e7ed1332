"""Assets as the house knows them: how DAGs name them, and events about to be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .spec import DagSpec, TaskSpec

Role = Literal["schedule", "inlet", "outlet"]
DEFAULT_GROUP = "asset"


@dataclass(frozen=True)
class AssetFacts:
    """An asset as a DAG describes it. ``uri`` None: only its name is said (a reference)."""

    name: str
    uri: str | None = None
    group: str = DEFAULT_GROUP
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """How much is said of the asset: the fullest description counts."""
        return (self.uri is not None) + (self.group != DEFAULT_GROUP) + 2 * bool(self.extra)


@dataclass(frozen=True)
class AssetUse:
    """Where a DAG names an asset; ``task_id`` is empty for its schedule."""

    asset: AssetFacts
    role: Role
    task_id: str = ""


@dataclass(frozen=True)
class NewAssetEvent:
    """An event to be written. ``alias``: through which alias a task named the asset; ``actor``: who said it by hand."""

    name: str
    uri: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    alias: str | None = None
    source_dag_id: str | None = None
    source_run_id: str | None = None
    source_task_id: str | None = None
    source_map_index: int | None = None
    attempt_id: str | None = None
    actor: str | None = None


def uses_in(spec: DagSpec) -> list[AssetUse]:
    """Return where a DAG names assets: in its schedule, as inlets and outlets of its tasks (aliases left out)."""
    found: list[AssetUse] = []
    if spec.schedule.assets is not None:
        found += [AssetUse(_facts(item), "schedule") for item in leaves(spec.schedule.assets) if "name" in item]
    for task in spec.tasks:
        found += [AssetUse(_facts(item), "inlet", task.task_id) for item in task.inlets if "name" in item]
        found += [AssetUse(_facts(item), "outlet", task.task_id) for item in task.outlets if "name" in item]
    return found


def leaves(condition: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the assets (``{"name", "uri", …}``) and aliases (``{"alias": name}``) of a condition."""
    if "asset" in condition:
        yield condition["asset"]
    elif "alias" in condition:
        yield condition
    else:
        for item in condition.get("all") or condition.get("any") or ():
            yield from leaves(item)


def contradiction(specs: list[DagSpec]) -> str | None:
    """Return which asset of these DAGs has two uris, or which uri two names; None if none has."""
    uris: dict[str, tuple[str, str]] = {}
    names: dict[str, tuple[str, str]] = {}
    for spec in specs:
        for use in uses_in(spec):
            name, uri = use.asset.name, use.asset.uri
            if uri is None:
                continue
            other, where = uris.setdefault(name, (uri, spec.dag_id))
            if other != uri:
                return (
                    f"asset {name!r} has the uri {other!r} in DAG {where!r} and {uri!r} in DAG {spec.dag_id!r}: "
                    "an asset has one uri"
                )
            other, where = names.setdefault(uri, (name, spec.dag_id))
            if other != name:
                return (
                    f"the uri {uri!r} is asset {other!r} in DAG {where!r} and {name!r} in DAG {spec.dag_id!r}: "
                    "give it one name"
                )
    return None


def is_outlet(task: TaskSpec, name: str, uri: str) -> bool:
    """Tell whether ``task`` declares this asset as an outlet."""
    return any(item.get("name") == name and item.get("uri", name) == uri for item in task.outlets)


def _facts(item: Mapping[str, Any]) -> AssetFacts:
    return AssetFacts(item["name"], item.get("uri"), item.get("group") or DEFAULT_GROUP, item.get("extra") or {})
