"""RunBus: run-level changes on Jupyter's own event bus, and the sign of life that keeps a busy server from culling."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import MutableMapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jupyter_events import EventLogger

from ..model.errors import FlowError
from ..model.instants import from_iso_or_none
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
_KINDS = ("run_created", "run_state")


class RunBus:
    """Emits one event per change of a run and keeps ``jupyter_flow_last_activity`` young while work runs or is due.

    ``look``: seconds between two looks at whether there is work. JupyterHub culls servers that seem idle.
    """

    def __init__(
        self, logger: EventLogger, settings: MutableMapping[str, Any], door: HouseDoor, look: float = LOOK
    ) -> None:
        self._logger = logger
        self._settings = settings
        self._door = door
        self._look = look
        self._is_working = False
        self._next_due: datetime | None = None
        self._is_known = False  # what stands in the two fields above: true until the next event
        if SCHEMA_ID not in logger.schemas:
            logger.register_event_schema(SCHEMA)

    async def on_events(self, page: list[dict[str, Any]]) -> None:
        """Tell the bus each change of a run in ``page``, in order (a hint to look again; REST is the truth)."""
        self._is_known = False
        self._settings[SETTING] = SystemClock().wall()
        for event in page:
            if event["kind"] in _KINDS:
                names = ("dag_id", "run_id", "state_from", "state_to", "at")
                self._logger.emit(schema_id=SCHEMA_ID, data={name: event[name] for name in names})

    async def keep_activity(self) -> None:
        """Look again and again whether a run is running or due soon; the house is asked only after an event."""
        while True:
            await asyncio.sleep(self._look)
            try:
                if not self._is_known:
                    await self._ask()
            except FlowError as error:
                log.debug("Jupyter Flow: activity unknown: %s", error)
                continue
            now = SystemClock().wall()
            if self._is_working or (self._next_due is not None and self._next_due <= now + DUE_SOON):
                self._settings[SETTING] = now

    async def _ask(self) -> None:
        self._is_known = True  # before the question: an event during it makes the answer old
        try:
            activity = await self._door.view(_ACTOR, "activity")
        except FlowError:
            self._is_known = False
            raise
        self._is_working = activity["running_runs"] > 0
        self._next_due = from_iso_or_none(activity["next_due"])
