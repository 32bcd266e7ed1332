"""REST of DAGs and of the runs of one DAG."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.web import HTTPError

from .flow_handler import FlowHandler

MOST_RUNS = 500
MOST_NEXT = 100
RUN_FILTERS = ("before", "state", "run_type", "since", "until", "logical_since", "logical_until")


class Dags(FlowHandler):
    """All DAGs."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dags")
    async def get(self) -> None:
        """List them."""
        await self.view("list_dags")


class OneDag(FlowHandler):
    """One DAG."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dags")
    async def get(self, dag_id: str) -> None:
        """The DAG with its tasks."""
        await self.view("show_dag", dag_id=dag_id)

    @web.authenticated
    @authorized("write", "jupyter_flow:dags")
    async def patch(self, dag_id: str) -> None:
        """Pause or unpause it."""
        is_paused = self.body("is_paused").get("is_paused")
        if not isinstance(is_paused, bool):
            raise HTTPError(400, "is_paused must be true or false")
        await self.command("dags.pause" if is_paused else "dags.unpause", dag_id=dag_id)

    @web.authenticated
    @authorized("write", "jupyter_flow:dags")
    async def delete(self, dag_id: str) -> None:
        """Forget it and its runs."""
        await self.command("dags.delete", dag_id=dag_id)


class NextRuns(FlowHandler):
    """What the schedule brings."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dags")
    async def get(self, dag_id: str) -> None:
        """List the next runs."""
        after = self.get_query_argument("after", None)
        await self.view("next_runs", dag_id=dag_id, count=self.number("count", 1, 1, MOST_NEXT), after=after)


class MissedDates(FlowHandler):
    """What the schedule brought, and no run was made for."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dags")
    async def get(self, dag_id: str) -> None:
        """List dates that got no run."""
        await self.view("missed_dates", dag_id=dag_id, limit=self.number("limit", 100, 1, MOST_RUNS))


class Grid(FlowHandler):
    """The tasks of one DAG against its runs."""

    @web.authenticated
    @authorized("read", "jupyter_flow:runs")
    async def get(self, dag_id: str) -> None:
        """The states of all tasks in a page of runs, newest first."""
        limit = self.number("limit", 100, 1, MOST_RUNS)
        await self.view("dag_grid", dag_id=dag_id, limit=limit, before=self.get_query_argument("before", None))


class Calendar(FlowHandler):
    """The runs of one DAG by day."""

    @web.authenticated
    @authorized("read", "jupyter_flow:runs")
    async def get(self, dag_id: str) -> None:
        """How many were in which state, and how many are to come."""
        start, end = self.get_query_argument("start", None), self.get_query_argument("end", None)
        await self.view("dags.calendar", dag_id=dag_id, start=start, end=end)


class Durations(FlowHandler):
    """How long the runs of one DAG take."""

    @web.authenticated
    @authorized("read", "jupyter_flow:runs")
    async def get(self, dag_id: str) -> None:
        """The last ended runs, or a task in them, with what is usual."""
        limit = self.number("limit", 60, 1, MOST_RUNS)
        task_id = self.get_query_argument("task_id", None)
        await self.view("dags.durations", dag_id=dag_id, limit=limit, task_id=task_id)


class DagRuns(FlowHandler):
    """The runs of one DAG."""

    @web.authenticated
    @authorized("read", "jupyter_flow:runs")
    async def get(self, dag_id: str) -> None:
        """A page of runs, newest first; by state, type or time where that is asked for."""
        limit = self.number("limit", 25, 1, MOST_RUNS)
        asked = {name: self.get_query_argument(name, None) for name in RUN_FILTERS}
        await self.view("list_runs", dag_id=dag_id, limit=limit, **asked)

    @web.authenticated
    @authorized("execute", "jupyter_flow:runs")
    async def post(self, dag_id: str) -> None:
        """Trigger a run."""
        body = self.body("conf", "logical_date", "run_id", "unpause", "idempotency_key")
        await self.command("dags.trigger", **body, dag_id=dag_id)
