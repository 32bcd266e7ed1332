"""REST about the notebooks that people have open."""

from __future__ import annotations

import os

from jupyter_server.auth.decorator import authorized
from tornado import web

from .flow_handler import FlowHandler


class NotebookUses(FlowHandler):
    """What a notebook has to do with DAGs."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dags")
    async def get(self) -> None:
        """The DAGs that it defines or that run it; its path is that of the contents API."""
        root = os.path.abspath(os.path.expanduser(self.settings.get("server_root_dir", ".")))
        path = self.get_query_argument("path", "").strip("/")
        await self.view("notebooks.uses", path=os.path.join(root, path))
