"""REST of callbacks, missed SLAs and deadlines."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.web import HTTPError

from .flow_handler import FlowHandler

MOST = 500


class Callbacks(FlowHandler):
    """The callbacks of a run."""

    @web.authenticated
    @authorized("read", "jupyter_flow:callbacks")
    async def get(self, dag_id: str, run_id: str) -> None:
        """How they went, with the last lines of their logs if asked."""
        log = self.get_query_argument("log", "false")
        if log not in ("true", "false"):
            raise HTTPError(400, "log must be true or false")
        task_id = self.get_query_argument("task_id", None)
        await self.view("list_callbacks", dag_id=dag_id, run_id=run_id, task_id=task_id, log=log == "true")


class Slas(FlowHandler):
    """Missed SLAs."""

    @web.authenticated
    @authorized("read", "jupyter_flow:slas")
    async def get(self) -> None:
        """A page of them, newest first."""
        await self.view("list_slas", **_page(self))


class TaskSla(FlowHandler):
    """The missed SLA of one task."""

    @web.authenticated
    @authorized("write", "jupyter_flow:slas")
    async def patch(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Write a note on it."""
        note = _note(self, "note")
        await self.command("slas.note", dag_id=dag_id, run_id=run_id, task_id=task_id, note=note)


class Deadlines(FlowHandler):
    """Deadlines of runs."""

    @web.authenticated
    @authorized("read", "jupyter_flow:deadlines")
    async def get(self) -> None:
        """A page of them, newest first."""
        await self.view("list_deadlines", **_page(self))


class RunDeadlines(FlowHandler):
    """The deadlines of one run."""

    @web.authenticated
    @authorized("write", "jupyter_flow:deadlines")
    async def patch(self, dag_id: str, run_id: str) -> None:
        """Write a note on one of them."""
        note = _note(self, "position", "note")
        position = self.body("position", "note").get("position")
        if type(position) is not int:
            raise HTTPError(400, "position must be a number: which of the DAG's deadlines, from 0 on")
        await self.command("deadlines.note", dag_id=dag_id, run_id=run_id, position=position, note=note)


def _page(handler: FlowHandler) -> dict[str, object]:
    before = handler.get_query_argument("before", None)
    dag_id = handler.get_query_argument("dag_id", None)
    return {"dag_id": dag_id, "limit": handler.number("limit", 100, 1, MOST), "before": before}


def _note(handler: FlowHandler, *fields: str) -> str | None:
    body = handler.body(*fields)
    if "note" not in body or not (body["note"] is None or isinstance(body["note"], str)):
        raise HTTPError(400, "note must be a text or null")
    found: str | None = body["note"]
    return found
