"""REST about notebooks: which DAGs have to do with one, and drafts of DAG files that run some."""

from __future__ import annotations

import os

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.web import HTTPError

from .flow_handler import FlowHandler


class _NotebookHandler(FlowHandler):
    def absolute(self, path: str) -> str:
        """Return the path on this machine of what the contents API calls ``path``."""
        root = os.path.abspath(os.path.expanduser(self.settings.get("server_root_dir", ".")))
        return os.path.join(root, path.strip("/"))

    @property
    def notebooks(self) -> list[str]:
        """The notebooks that are asked about, in their order."""
        return [self.absolute(path) for path in self.get_query_arguments("path")]


class NotebookUses(_NotebookHandler):
    """What a notebook has to do with DAGs."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dags")
    async def get(self) -> None:
        """The DAGs that it defines or that run it; its path is that of the contents API."""
        await self.view("notebooks.uses", path=self.absolute(self.get_query_argument("path", "")))


class DagDraft(_NotebookHandler):
    """A DAG file that is not written yet."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dag_files")
    async def get(self) -> None:
        """One that runs notebooks."""
        chain = self.get_query_argument("chain", "true")
        if chain not in ("true", "false"):
            raise HTTPError(400, "chain must be true or false")
        dag_id = self.get_query_argument("dag_id", None)
        schedule = self.get_query_argument("schedule", None)
        given = {"paths": self.notebooks, "schedule": schedule, "is_chain": chain == "true"}
        await self.view("files.draft", dag_id=dag_id, **given)


class TasksDraft(_NotebookHandler):
    """A DAG file with more tasks, not written yet."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dag_files")
    async def get(self, dag_id: str) -> None:
        """With tasks that run notebooks."""
        after = self.get_query_argument("after", None)
        await self.view("files.draft_tasks", dag_id=dag_id, paths=self.notebooks, after=after)
