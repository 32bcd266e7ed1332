"""REST of the house itself: health, import errors, reload, the API's own description."""

from __future__ import annotations

import json

from jupyter_server.auth.decorator import authorized
from tornado import web

from .flow_handler import FlowHandler
from .openapi import document


class Health(FlowHandler):
    """How the house is."""

    _track_activity = False

    @web.authenticated
    @authorized("read", "jupyter_flow:health")
    async def get(self) -> None:
        """State of the host, running and queued tasks, number of import errors."""
        await self.view("health")


class ImportErrors(FlowHandler):
    """DAG files that do not load."""

    @web.authenticated
    @authorized("read", "jupyter_flow:import_errors")
    async def get(self) -> None:
        """List file, line and message of each."""
        await self.view("list_errors")


class Reload(FlowHandler):
    """Looks at all DAG files again."""

    @web.authenticated
    @authorized("execute", "jupyter_flow:dags")
    async def post(self) -> None:
        """Ask for a pass over the DAG folders."""
        self.body()
        await self.command("dags.reload")


class OpenApi(FlowHandler):
    """The API's description."""

    @web.authenticated
    @authorized("read", "jupyter_flow:openapi")
    async def get(self) -> None:
        """The OpenAPI 3.1 document."""
        self.finish(json.dumps(document(self.base_url)))
