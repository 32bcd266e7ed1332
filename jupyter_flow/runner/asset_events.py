"""Assets in the context: what triggered the run, what the task says of its outlets, what happened to its inlets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, NamedTuple

from ..authoring.checks import suggestion
from ..authoring.runtime import Runtime
from ..model.instants import from_iso_or_none
from ..model.records import Workload


class AssetKey(NamedTuple):
    """An asset as its events name it."""

    name: str
    uri: str


class OutletEvent:
    """What the task says of one outlet: ``extra`` goes into the event; ``add`` names assets behind an alias."""

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.key = _key_of_spec(spec)
        self.extra: dict[str, Any] = {}
        self.asset_alias_events: list[dict[str, Any]] = []
        self._spec = spec

    def add(self, asset: Any, extra: Mapping[str, Any] | None = None) -> None:
        """Record an event of ``asset`` (an Asset, or its uri) through this alias."""
        if "alias" not in self._spec:
            raise TypeError(f"outlet_events: {_words(self.key)} is no alias: set its extra, add() is for an AssetAlias")
        name, uri = getattr(asset, "name", None), getattr(asset, "uri", None)
        if isinstance(asset, str):
            name = uri = asset
        if not isinstance(name, str):
            raise TypeError(f"outlet_events: add() takes an Asset, not {asset!r}")
        self.asset_alias_events.append({"asset": {"name": name, "uri": uri or name}, "extra": dict(extra or {})})

    def reports(self) -> Iterator[dict[str, Any]]:
        """Yield the events as the report has them."""
        if alias := self._spec.get("alias"):
            for event in self.asset_alias_events:
                yield {**event, "extra": {**self.extra, **event["extra"]}, "alias": alias}
        else:
            asset = {"name": self._spec["name"], "uri": self._spec.get("uri") or self._spec["name"]}
            yield {"asset": asset, "extra": dict(self.extra)}


class OutletEvents(Mapping[Any, OutletEvent]):
    """``outlet_events``: by outlet of the task (an Asset, an AssetAlias, a name or a uri)."""

    def __init__(self, workload: Workload) -> None:
        self._events = {_key_of_spec(spec): OutletEvent(spec) for spec in workload.task.outlets}

    def __getitem__(self, key: Any) -> OutletEvent:
        return self._events[_find(key, list(self._events), "outlet")]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def reports(self) -> list[dict[str, Any]]:
        """Return the events of all outlets, as the report of a successful attempt has them.

        TypeError for an ``extra`` that is no JSON.
        """
        return [_checked(report) for event in self._events.values() for report in event.reports()]


class InletEvents(Mapping[Any, Sequence[SimpleNamespace]]):
    """``inlet_events``: past events of each inlet of the task, the oldest first; the house is asked when it is used."""

    def __init__(self, workload: Workload, runtime: Runtime) -> None:
        self._inlets = [_key_of_spec(spec) for spec in workload.task.inlets]
        self._runtime = runtime
        self._known: dict[Any, list[SimpleNamespace]] = {}

    def __getitem__(self, key: Any) -> Sequence[SimpleNamespace]:
        inlet = _find(key, self._inlets, "inlet")
        if inlet not in self._known:
            which = {"name": inlet.name, "uri": inlet.uri} if isinstance(inlet, AssetKey) else {"alias": inlet}
            self._known[inlet] = [_event(row) for row in self._runtime.ask("ask.asset_events", **which)["events"]]
        return self._known[inlet]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._inlets)

    def __len__(self) -> int:
        return len(self._inlets)


class TriggeringAssetEvents(Mapping[Any, Sequence[SimpleNamespace]]):
    """``triggering_asset_events``: the events that triggered the run, by asset."""

    def __init__(self, events: Sequence[Mapping[str, Any]]) -> None:
        self._events: dict[AssetKey, list[SimpleNamespace]] = {}
        for row in events:
            event = _event(row)
            self._events.setdefault(event.asset, []).append(event)

    def __getitem__(self, key: Any) -> Sequence[SimpleNamespace]:
        return self._events[_find(key, list(self._events), "triggering asset")]

    def __iter__(self) -> Iterator[AssetKey]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)


def _checked(report: dict[str, Any]) -> dict[str, Any]:
    try:
        json.dumps(report["extra"], allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        name = report["asset"]["name"]
        raise TypeError(f"outlet_events: the extra of asset {name!r} must be plain JSON: {error}") from None
    return report


def _event(row: Mapping[str, Any]) -> SimpleNamespace:
    asset = row["asset"]
    key = AssetKey(asset["name"], asset.get("uri") or asset["name"])
    return SimpleNamespace(
        asset=key,
        name=key.name,
        uri=key.uri,
        timestamp=from_iso_or_none(row.get("at")),
        extra=dict(row.get("extra") or {}),
        source_dag_id=row.get("source_dag_id"),
        source_task_id=row.get("source_task_id"),
        source_run_id=row.get("source_run_id"),
        source_map_index=row.get("source_map_index"),
    )


def _key_of_spec(spec: Mapping[str, Any]) -> Any:
    return spec["alias"] if "alias" in spec else AssetKey(spec["name"], spec.get("uri") or spec["name"])


def _find(key: Any, known: Sequence[Any], what: str) -> Any:
    """Return which of ``known`` is meant by ``key``. KeyError is one sentence."""
    name, uri = getattr(key, "name", key), getattr(key, "uri", None)
    for item in known:
        if isinstance(item, AssetKey):
            # an inlet that is written by its name only has that for its uri, whatever the asset's own is
            if item == key or (name == item.name and (uri in (None, item.uri) or item.uri == name)) or key == item.uri:
                return item
        elif uri is None and name == item:
            return item
    names = [_words(item) for item in known]
    there = f"; there are: {', '.join(names)}" if names else "; it has none"
    raise KeyError(f"{name!r} is no {what} of this task{suggestion(str(name), names)}{there}")


def _words(key: Any) -> str:
    return key.name if isinstance(key, AssetKey) else str(key)
