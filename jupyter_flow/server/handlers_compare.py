"""REST of runs side by side."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.web import HTTPError

from .flow_handler import FlowHandler

MOST_OTHERS = 4


class CompareRuns(FlowHandler):
    """Some runs of one DAG side by side."""

    @web.authenticated
    @authorized("read", "jupyter_flow:tasks")
    async def get(self, dag_id: str, run_id: str) -> None:
        """Their params, tasks and values, the oldest first."""
        others = self.get_query_arguments("other")
        if len(others) > MOST_OTHERS:
            raise HTTPError(400, f"other may be given {MOST_OTHERS} times at most")
        await self.view("runs.compare", dag_id=dag_id, run_id=run_id, others=others)
