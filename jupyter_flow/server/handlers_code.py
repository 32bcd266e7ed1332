"""REST of the code that runs used: versions of a DAG and their files."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.web import HTTPError

from .flow_handler import FlowHandler

MOST_VERSIONS = 500
LARGEST = 2**31 - 1


class DagVersions(FlowHandler):
    """The versions of one DAG."""

    @web.authenticated
    @authorized("read", "jupyter_flow:code")
    async def get(self, dag_id: str) -> None:
        """A page of them, newest first."""
        limit = self.number("limit", 100, 1, MOST_VERSIONS)
        before = self.number("before", None, 1, LARGEST)
        await self.view("dags.versions", dag_id=dag_id, limit=limit, before=before)


class VersionSource(FlowHandler):
    """The files of one version."""

    @web.authenticated
    @authorized("read", "jupyter_flow:code")
    async def get(self, dag_id: str, number: str) -> None:
        """One file as it was."""
        if not number.isascii() or not number.isdigit() or not 0 < int(number[:20]) <= LARGEST:
            raise HTTPError(400, "a version is named by its number")
        file = self.get_query_argument("file", None)
        await self.view("dags.source", dag_id=dag_id, number=int(number), file=file)
