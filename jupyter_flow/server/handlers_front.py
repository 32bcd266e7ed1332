"""REST of the first look: rows of DAGs, what needs attention, what runs, a day on one time axis."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.web import HTTPError

from .flow_handler import FlowHandler

MOST_ROWS = 500
MOST_RUNS = 1_000


class DagRows(FlowHandler):
    """DAGs as rows of a list."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dags")
    async def get(self) -> None:
        """A page of them by id, or those that are named."""
        limit = self.number("limit", 100, 1, MOST_ROWS)
        dag_ids = self.get_query_arguments("dag_id")
        if len(dag_ids) > MOST_ROWS:
            raise HTTPError(400, f"dag_id may be given {MOST_ROWS} times at most")
        after = self.get_query_argument("after", None)
        await self.view("list_dag_rows", limit=limit, after=after, dag_ids=dag_ids)


class Attention(FlowHandler):
    """Runs that somebody should look at."""

    @web.authenticated
    @authorized("read", "jupyter_flow:runs")
    async def get(self) -> None:
        """A page of failed runs, newest first."""
        limit = self.number("limit", 50, 1, MOST_ROWS)
        await self.view("list_attention", limit=limit, before=self.get_query_argument("before", None))


class RunningRuns(FlowHandler):
    """Runs that have not ended."""

    @web.authenticated
    @authorized("read", "jupyter_flow:runs")
    async def get(self) -> None:
        """A page of them, newest first."""
        limit = self.number("limit", 100, 1, MOST_ROWS)
        await self.view("list_running", limit=limit, before=self.get_query_argument("before", None))


class Timeline(FlowHandler):
    """Past and coming runs of all DAGs."""

    @web.authenticated
    @authorized("read", "jupyter_flow:runs")
    async def get(self) -> None:
        """Those between two instants."""
        limit = self.number("limit", 500, 1, MOST_RUNS)
        start, end = self.get_query_argument("start", None), self.get_query_argument("end", None)
        before = self.get_query_argument("before", None)
        await self.view("timeline", start=start, end=end, limit=limit, before=before)
