"""REST of what a run page tells beside its tasks: diagnosis, events, earlier attempts, cells of running notebooks."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from .flow_handler import FlowHandler
from .handlers_runs import MOST_LINES, MOST_MAPPED, attempt_of, map_index_of


class RunDiagnosis(FlowHandler):
    """The first failure of a run."""

    @web.authenticated
    @authorized("read", "jupyter_flow:notebooks")
    async def get(self, dag_id: str, run_id: str) -> None:
        """Its cell, exception, own frames and hints."""
        await self.view("runs.diagnosis", dag_id=dag_id, run_id=run_id)


class RunEvents(FlowHandler):
    """What happened in a run."""

    @web.authenticated
    @authorized("read", "jupyter_flow:events")
    async def get(self, dag_id: str, run_id: str) -> None:
        """A page of its events, or of those of one task."""
        task_id = self.get_query_argument("task_id", None)
        map_index = self.number("map_index", None, -1, MOST_MAPPED)
        after = self.number("after", 0, 0, MOST_LINES)
        limit = self.number("limit", 100, 1, 500)
        await self.view(
            "runs.events", dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index, after=after, limit=limit
        )


class EarlierAttempts(FlowHandler):
    """Attempts that were followed by others."""

    @web.authenticated
    @authorized("read", "jupyter_flow:tasks")
    async def get(self, dag_id: str, run_id: str) -> None:
        """Those of all tasks of a run."""
        limit = self.number("limit", 1000, 1, 5000)
        await self.view("runs.attempts", dag_id=dag_id, run_id=run_id, limit=limit)


class TaskCells(FlowHandler):
    """What happens to the cells of an executed notebook."""

    @web.authenticated
    @authorized("read", "jupyter_flow:notebooks")
    async def get(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Events after a sequence number, without those that later ones undo."""
        ids = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index_of(self)}
        after = self.number("after", 0, 0, MOST_LINES)
        await self.view("tasks.cells", **ids, attempt=attempt_of(self), after=after)


class UsualCells(FlowHandler):
    """How long the cells of a notebook usually take."""

    @web.authenticated
    @authorized("read", "jupyter_flow:notebooks")
    async def get(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Seconds for each cell in the last success of another run."""
        ids = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index_of(self)}
        await self.view("tasks.usual", **ids)
