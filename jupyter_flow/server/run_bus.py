"""RunBus: run-level changes on Jupyter's own event bus, and the sign of life that keeps a busy server from culling."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from jupyter_events import EventLogger

from ..model.errors import FlowError
from ..model.instants import from_iso
from ..model.records import Actor
from ..service.clock import SystemClock
from .house_door import HouseDoor

log = logging.getLogger(__name__)

SCHEMA = Path(__file__).parent / "event_schemas" / "run_state.yaml"
SCHEMA_ID = "https://schema.jupyter-flow.org/events/run_state/v1"
SETTING = "jupyter_flow_last_activity"
LOOK = 60.0
DUE_SOON = timedelta(minutes=15)
_ACTOR = Actor(user="jupyter_server", auth="server")


class RunBus:
    """Emits one event per changed run and keeps ``jupyter_flow_last_activity`` young while work runs or is due."""

    def __init__(self, logger: EventLogger, settings: MutableMapping[str, Any], door: HouseDoor) -> None:
        self._logger = logger
        self._settings = settings
        self._door = door
        if SCHEMA_ID not in logger.schemas:
            logger.register_event_schema(SCHEMA)

    async def on_events(self, page: list[dict[str, Any]]) -> None:
        """Tell the bus the newest state of each run in ``page`` (a hint to look again; REST is the truth)."""
        self._settings[SETTING] = SystemClock().wall()
        newest = {(event["dag_id"], event["run_id"]): event for event in page if event["kind"] == "run_state"}
        for event in newest.values():
            names = ("dag_id", "run_id", "state_from", "state_to", "at")
            self._logger.emit(schema_id=SCHEMA_ID, data={name: event[name] for name in names})

    async def keep_activity(self) -> None:
        """Look once a minute whether tasks run or a run is due soon. JupyterHub culls servers that seem idle."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                if await self._is_busy():
                    self._settings[SETTING] = SystemClock().wall()
            except FlowError as error:
                log.debug("Jupyter Flow: activity unknown: %s", error)

    async def _is_busy(self) -> bool:
        health = await self._door.view(_ACTOR, "health")
        if health["running"] or health["queued"]:
            return True
        soon = SystemClock().wall() + DUE_SOON
        dags = (await self._door.view(_ACTOR, "list_dags"))["dags"]
        due = [dag["next_run"]["run_after"] for dag in dags if dag["next_run"] and not dag["is_paused"]]
        return any(from_iso(instant) <= soon for instant in due)
