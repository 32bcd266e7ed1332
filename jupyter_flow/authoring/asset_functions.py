"""``@asset``: a function that makes one asset becomes a DAG of one task."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .assets import Asset, AssetAlias, BaseAsset
from .dag import DAG
from .exceptions import DagError
from .task_kinds import find_kind

RESERVED = ("self", "context")
"""Parameters of an asset function that are no assets: the asset itself, the context of the task."""


class AssetFunction(Asset):
    """What ``@asset`` makes of a function: an asset (name it in ``schedule=``), and a DAG whose one task updates it."""

    def __init__(
        self, function: Callable[..., Any], facts: Mapping[str, Any], dag_arguments: Mapping[str, Any]
    ) -> None:
        name = facts.get("name") or function.__name__
        if name in RESERVED:
            raise DagError(f"@asset: {name!r} means something else in asset functions: choose another name")
        super().__init__(**{**facts, "name": name})
        self.__doc__ = function.__doc__
        self.function = function
        self.dag = make_dag(function, name, [self], dag_arguments)


class AssetsFunction:
    """What ``@asset.multi`` makes of a function: a DAG whose one task updates several assets."""

    def __init__(
        self, function: Callable[..., Any], outlets: Sequence[BaseAsset], dag_arguments: Mapping[str, Any]
    ) -> None:
        self.function = function
        self.outlets = list(outlets)
        self.dag = make_dag(function, function.__name__, self.outlets, dag_arguments)


class AssetDecorator:
    """``@asset(schedule=…, uri=…)`` and ``@asset.multi(schedule=…, outlets=[…])``."""

    def __call__(
        self,
        function: Any = None,
        /,
        *,
        name: str | None = None,
        uri: Any = None,
        group: str | None = None,
        extra: Mapping[str, Any] | None = None,
        watchers: Any = None,
        **dag_arguments: Any,
    ) -> Any:
        """Make an asset of a function, with a DAG and a task of its name that update it.

        ``dag_arguments`` are those of :class:`DAG`; ``schedule`` must be given. Parameters of the function are names of
        assets that it reads (its inlets), ``self`` is the asset itself, ``context`` that of the task.
        """
        facts = {"name": name, "uri": uri, "group": group, "extra": extra, "watchers": watchers}
        if function is not None:
            raise DagError("@asset needs a schedule: write @asset(schedule=None) for an asset that is made by hand")
        _check_schedule("asset", dag_arguments)
        return lambda found: AssetFunction(_checked(found), facts, dag_arguments)

    def multi(self, *, outlets: Sequence[BaseAsset], **dag_arguments: Any) -> Any:
        """Make a DAG of a function that updates several assets (its ``outlets``)."""
        _check_schedule("asset.multi", dag_arguments)
        if not outlets or not all(isinstance(item, (Asset, AssetAlias)) for item in outlets):
            raise DagError("@asset.multi needs outlets: a list of at least one Asset or AssetAlias")
        return lambda found: AssetsFunction(_checked(found), outlets, dag_arguments)


asset = AssetDecorator()


def make_dag(
    function: Callable[..., Any], name: str, outlets: Sequence[BaseAsset], dag_arguments: Mapping[str, Any]
) -> DAG:
    """Make the DAG ``name`` (or of the given ``dag_id``) with the one task that calls ``function``."""
    inlets = [
        Asset.ref(name=item.name)
        for item in inspect.signature(function).parameters.values()
        if item.name not in RESERVED and item.default is item.empty
    ]
    arguments = {"dag_id": name, "doc_md": inspect.getdoc(function), **dag_arguments}
    with DAG(**arguments) as made:
        find_kind("asset")(task_id=name, python_callable=function, inlets=inlets, outlets=list(outlets))
    return made


def _check_schedule(what: str, dag_arguments: Mapping[str, Any]) -> None:
    if "schedule" not in dag_arguments:
        raise DagError(f"@{what} needs a schedule: write @{what}(schedule=None) for one that is run by hand")


def _checked(function: Any) -> Callable[..., Any]:
    if not inspect.isfunction(function):
        raise DagError(f"@asset decorates functions, not {function!r}")
    for item in inspect.signature(function).parameters.values():
        if item.kind in (item.VAR_POSITIONAL, item.VAR_KEYWORD):
            raise DagError(f"@asset: {function.__name__}() takes *{item.name}: its parameters are names of assets")
    return function
