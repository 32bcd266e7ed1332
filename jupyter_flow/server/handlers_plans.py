"""REST of what makes runs besides the clock, and of what holds them up: backfills, pools, assets, reasons."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.web import HTTPError

from .flow_handler import FlowHandler

MOST = 1000
MOST_MAPPED = 10**6
LARGEST = 2**31 - 1
_PLAN = ("from_date", "to_date", "reprocess_behavior", "max_active_runs", "run_backwards", "conf")


class Backfills(FlowHandler):
    """The backfills of all DAGs."""

    @web.authenticated
    @authorized("read", "jupyter_flow:backfills")
    async def get(self) -> None:
        """List them, newest first."""
        await self.view("backfills.list", limit=self.number("limit", 100, 1, MOST))


class DagBackfills(FlowHandler):
    """The backfills of one DAG."""

    @web.authenticated
    @authorized("read", "jupyter_flow:backfills")
    async def get(self, dag_id: str) -> None:
        """List them, newest first."""
        await self.view("backfills.list", dag_id=dag_id, limit=self.number("limit", 100, 1, MOST))

    @web.authenticated
    @authorized("execute", "jupyter_flow:backfills")
    async def post(self, dag_id: str) -> None:
        """Create one; with ``dry_run`` only say what it would do."""
        body = self.body(*_PLAN, "dry_run")
        dry_run = body.pop("dry_run", False)
        if not isinstance(dry_run, bool) or not isinstance(body.get("run_backwards", False), bool):
            raise HTTPError(400, "dry_run and run_backwards must be true or false")
        if not all(isinstance(body.get(name), str) for name in ("from_date", "to_date")):
            raise HTTPError(400, "from_date and to_date must be ISO 8601 texts")
        if dry_run:
            await self.view("backfills.preview", **body, dag_id=dag_id)
        else:
            await self.command("backfills.create", **body, dag_id=dag_id)


class OneBackfill(FlowHandler):
    """One backfill."""

    @web.authenticated
    @authorized("read", "jupyter_flow:backfills")
    async def get(self, backfill_id: str) -> None:
        """How far it is, date by date."""
        await self.view("backfills.show", backfill_id=_backfill(backfill_id))


class CancelBackfill(FlowHandler):
    """Ends a backfill."""

    @web.authenticated
    @authorized("write", "jupyter_flow:backfills")
    async def post(self, backfill_id: str) -> None:
        """Start no further date."""
        self.body()
        await self.command("backfills.cancel", backfill_id=_backfill(backfill_id))


class PauseBackfill(FlowHandler):
    """Holds a backfill."""

    @web.authenticated
    @authorized("write", "jupyter_flow:backfills")
    async def post(self, backfill_id: str) -> None:
        """Start no further date for now."""
        self.body()
        await self.command("backfills.pause", backfill_id=_backfill(backfill_id))


class UnpauseBackfill(FlowHandler):
    """Lets a backfill go on."""

    @web.authenticated
    @authorized("write", "jupyter_flow:backfills")
    async def post(self, backfill_id: str) -> None:
        """Go on."""
        self.body()
        await self.command("backfills.unpause", backfill_id=_backfill(backfill_id))


class Pools(FlowHandler):
    """All pools."""

    @web.authenticated
    @authorized("read", "jupyter_flow:pools")
    async def get(self) -> None:
        """List them with the slots in use."""
        await self.view("pools.list")

    @web.authenticated
    @authorized("write", "jupyter_flow:pools")
    async def post(self) -> None:
        """Create one."""
        body = self.body("name", "slots", "description")
        if "name" not in body or "slots" not in body:
            raise HTTPError(400, "a pool has name and slots")
        await self.command("pools.set", **body, new=True)


class OnePool(FlowHandler):
    """One pool."""

    @web.authenticated
    @authorized("read", "jupyter_flow:pools")
    async def get(self, pool_name: str) -> None:
        """The pool with the slots in use."""
        await self.view("pools.show", name=pool_name)

    @web.authenticated
    @authorized("write", "jupyter_flow:pools")
    async def patch(self, pool_name: str) -> None:
        """Change slots or description."""
        await self.command("pools.change", **self.body("slots", "description"), name=pool_name)

    @web.authenticated
    @authorized("write", "jupyter_flow:pools")
    async def delete(self, pool_name: str) -> None:
        """Delete it."""
        await self.command("pools.delete", name=pool_name)


class Assets(FlowHandler):
    """All assets."""

    @web.authenticated
    @authorized("read", "jupyter_flow:assets")
    async def get(self) -> None:
        """List them with their lineage."""
        await self.view("assets.list")


class OneAsset(FlowHandler):
    """One asset."""

    @web.authenticated
    @authorized("read", "jupyter_flow:assets")
    async def get(self, asset_name: str) -> None:
        """The asset with its lineage and latest events."""
        await self.view("assets.show", name=asset_name)


class EmitEvent(FlowHandler):
    """Events of one asset."""

    @web.authenticated
    @authorized("execute", "jupyter_flow:assets")
    async def post(self, asset_name: str) -> None:
        """Say that something outside has changed it."""
        await self.command("assets.emit", **self.body("extra"), name=asset_name)


class MaterializeAsset(FlowHandler):
    """Makes one asset anew."""

    @web.authenticated
    @authorized("execute", "jupyter_flow:assets")
    async def post(self, asset_name: str) -> None:
        """Trigger the DAG that makes it."""
        await self.command("assets.materialize", **self.body("conf", "unpause"), name=asset_name)


class AssetEvents(FlowHandler):
    """The event log of assets."""

    @web.authenticated
    @authorized("read", "jupyter_flow:assets")
    async def get(self) -> None:
        """A page of events, newest first."""
        names = {"name": self.get_query_argument("asset", None), "alias": self.get_query_argument("alias", None)}
        before = self.number("before", None, 1, 2**62)
        await self.view("assets.events", **names, limit=self.number("limit", 50, 1, MOST), before=before)


class DagAssets(FlowHandler):
    """The assets that a DAG waits for."""

    @web.authenticated
    @authorized("read", "jupyter_flow:assets")
    async def get(self, dag_id: str) -> None:
        """Its condition, and the events since its last run."""
        await self.view("assets.waiting", dag_id=dag_id)


class WhyTask(FlowHandler):
    """Why a task instance is in its state."""

    @web.authenticated
    @authorized("read", "jupyter_flow:tasks")
    async def get(self, dag_id: str, run_id: str, task_id: str) -> None:
        """All reasons, the nearest first."""
        index: Any = self.number("map_index", -1, -1, MOST_MAPPED)
        await self.view("tasks.why", dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=index)


def _backfill(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:20]) <= LARGEST:
        raise HTTPError(400, "a backfill is named by its number")
    return int(text)
