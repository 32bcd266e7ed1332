"""REST of one DAG run and its task instances."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.web import HTTPError

from .flow_handler import FlowHandler

MOST_MAPPED = 10**6
MOST_LINES = 10**12
MOST_XCOMS = 1000


class OneRun(FlowHandler):
    """One DAG run."""

    @web.authenticated
    @authorized("read", "jupyter_flow:runs")
    async def get(self, dag_id: str, run_id: str) -> None:
        """The run with its task instances."""
        await self.view("show_run", dag_id=dag_id, run_id=run_id)

    @web.authenticated
    @authorized("write", "jupyter_flow:runs")
    async def delete(self, dag_id: str, run_id: str) -> None:
        """Delete the finished run with its logs and notebooks."""
        await self.command("runs.delete", dag_id=dag_id, run_id=run_id)


class CancelRun(FlowHandler):
    """Asks a run to stop."""

    @web.authenticated
    @authorized("write", "jupyter_flow:runs")
    async def post(self, dag_id: str, run_id: str) -> None:
        """Cancel it."""
        self.body()
        await self.command("runs.cancel", dag_id=dag_id, run_id=run_id)


class ClearRun(FlowHandler):
    """Lets tasks of a run run again."""

    @web.authenticated
    @authorized("execute", "jupyter_flow:runs")
    async def post(self, dag_id: str, run_id: str) -> None:
        """Clear all tasks, or those that failed; with ``dry_run`` only say which."""
        wish = flags(self, only_failed=False, dry_run=False)
        if wish.pop("dry_run"):
            await self.view("runs.clear_preview", dag_id=dag_id, run_id=run_id, **wish)
        else:
            await self.command("runs.clear", dag_id=dag_id, run_id=run_id, **wish)


class MarkRun(FlowHandler):
    """Forces a state of a run."""

    @web.authenticated
    @authorized("write", "jupyter_flow:runs")
    async def post(self, dag_id: str, run_id: str) -> None:
        """Mark it as success or failed."""
        await self.command("runs.mark", dag_id=dag_id, run_id=run_id, state=_state(self))


class OneTask(FlowHandler):
    """One task instance."""

    @web.authenticated
    @authorized("read", "jupyter_flow:tasks")
    async def get(self, dag_id: str, run_id: str, task_id: str) -> None:
        """The task instance with its attempts, rendered fields and XComs."""
        await self.view("show_task", dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index_of(self))


class RunXComs(FlowHandler):
    """The XComs of a run."""

    @web.authenticated
    @authorized("read", "jupyter_flow:tasks")
    async def get(self, dag_id: str, run_id: str) -> None:
        """List them without their values."""
        limit = self.number("limit", 100, 1, MOST_XCOMS)
        await self.view("list_xcoms", dag_id=dag_id, run_id=run_id, limit=limit)


class TaskXComs(FlowHandler):
    """The XComs of a task instance."""

    @web.authenticated
    @authorized("read", "jupyter_flow:tasks")
    async def get(self, dag_id: str, run_id: str, task_id: str) -> None:
        """List them with their values."""
        await self.view("task_xcoms", dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index_of(self))


class OneXCom(FlowHandler):
    """One XCom of a task instance."""

    @web.authenticated
    @authorized("write", "jupyter_flow:tasks")
    async def delete(self, dag_id: str, run_id: str, task_id: str, key: str) -> None:
        """Delete it."""
        ids = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index_of(self)}
        await self.command("xcoms.delete", **ids, key=key)


class TaskRendered(FlowHandler):
    """The rendered template fields of an attempt."""

    @web.authenticated
    @authorized("read", "jupyter_flow:tasks")
    async def get(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Of the latest attempt, or the one that is named."""
        ids = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index_of(self)}
        await self.view("task_rendered", **ids, attempt=attempt_of(self))


class ClearTask(FlowHandler):
    """Lets a task run again."""

    @web.authenticated
    @authorized("execute", "jupyter_flow:tasks")
    async def post(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear it, and what is downstream of it unless told otherwise; with ``dry_run`` only say what that is."""
        around = {"upstream": False, "past": False, "future": False, "only_failed": False}
        wish = flags(self, downstream=True, **around, dry_run=False)
        ids = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index_of(self)}
        if wish.pop("dry_run"):
            await self.view("tasks.clear_preview", **ids, **wish)
        else:
            await self.command("tasks.clear", **ids, **wish)


class MarkTask(FlowHandler):
    """Forces a state of a task instance."""

    @web.authenticated
    @authorized("write", "jupyter_flow:tasks")
    async def post(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Mark it as success, failed or skipped."""
        ids = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index_of(self)}
        await self.command("tasks.mark", **ids, state=_state(self))


class TaskLog(FlowHandler):
    """The log of one attempt."""

    @web.authenticated
    @authorized("read", "jupyter_flow:logs")
    async def get(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Lines after a sequence number."""
        ids = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index_of(self)}
        after = self.number("after", 0, 0, MOST_LINES)
        await self.view("task_log", **ids, attempt=attempt_of(self), after=after)


class TaskNotebook(FlowHandler):
    """The executed notebook of one attempt."""

    @web.authenticated
    @authorized("read", "jupyter_flow:notebooks")
    async def get(self, dag_id: str, run_id: str, task_id: str) -> None:
        """The notebook as JSON and which cell failed."""
        ids = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index_of(self)}
        await self.view("task_notebook", **ids, attempt=attempt_of(self))


def map_index_of(handler: FlowHandler) -> int | None:
    """Return the query argument ``map_index``."""
    return handler.number("map_index", -1, -1, MOST_MAPPED)


def attempt_of(handler: FlowHandler) -> int | None:
    """Return the query argument ``attempt``."""
    return handler.number("attempt", None, 1, MOST_MAPPED)


def flags(handler: FlowHandler, **defaults: bool) -> dict[str, bool]:
    """Return the fields of the body, which are true or false. Raises HTTPError 400."""
    body = handler.body(*defaults)
    if wrong := [name for name, value in body.items() if not isinstance(value, bool)]:
        raise HTTPError(400, f"{wrong[0]} must be true or false")
    return {**defaults, **body}


def _state(handler: FlowHandler) -> str:
    state = handler.body("state").get("state")
    if not isinstance(state, str):
        raise HTTPError(400, "state must be a text, e.g. success")
    return state
