"""One way to ask the house, for doors of the house side: the living host over its socket, else the drawer itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import NoHost
from ..model.records import Actor
from ..wire.client import HouseClient
from .house import open_house

ONLY_WITH_HOST = frozenset(
    {"assets.emit", "assets.materialize", "backfills.create", "dags.trigger", "dags.reload", "host.stop", "runs.cancel"}
)
"""Commands that would have no effect until a host runs: refused instead of lying in wait."""


def call(config: FlowConfig, actor: Actor, op: str, **args: Any) -> Any:
    """Perform ``op``: by the living host, else here (commands take the lease for it).

    Raises the refusal of the operation, and :class:`NoHost` where only a host can do it.
    """
    try:
        client = HouseClient(config.home, {"actor": actor.to_json()})
    except NoHost:
        if op in ONLY_WITH_HOST:
            raise
        return _call_here(config, actor, op, args)
    with client:
        return client.call(op, **args)


def is_alive(home: Path) -> bool:
    """Tell whether a host answers for ``home``."""
    try:
        HouseClient(home).close()
    except NoHost:
        return False
    return True


def _call_here(config: FlowConfig, actor: Actor, op: str, args: dict[str, Any]) -> Any:
    from .doors import OPS, perform  # imports every view and command: only when no host can answer
    from .wake_up import Telling

    write = op in OPS and OPS[op].kind == "command"
    with open_house(config, write=write) as house:
        if house.engine is not None:
            house.effects = Telling(house.engine)
        return perform(house, actor, op, args)
