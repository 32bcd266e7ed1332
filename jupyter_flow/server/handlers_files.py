"""REST of DAG files: list, look, check, save, delete, and what stood in them earlier."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.web import HTTPError

from .flow_handler import FlowHandler, actor_of

MOST = 500


class _FileHandler(FlowHandler):
    @property
    def folder(self) -> str | None:
        """The DAG folder that is asked about; None for the first one."""
        return self.get_query_argument("folder", None)


class DagFiles(FlowHandler):
    """The DAG files."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dag_files")
    async def get(self) -> None:
        """A page of them by name."""
        limit = self.number("limit", 100, 1, MOST)
        await self.view("files.list", limit=limit, after=self.get_query_argument("after", None))


class OneDagFile(_FileHandler):
    """One DAG file."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dag_files")
    async def get(self, file_name: str) -> None:
        """Its text."""
        await self.view("files.show", name=file_name, folder=self.folder)

    @web.authenticated
    @authorized("write", "jupyter_flow:dag_files")
    async def post(self, file_name: str) -> None:
        """Let the real parser look at a text, in a child of its own, and write it if it loads."""
        body = self.body("text", "replaces", "dry_run")
        text, replaces, dry_run = body.get("text"), body.get("replaces"), body.get("dry_run", False)
        if not isinstance(text, str) or not isinstance(dry_run, bool):
            raise HTTPError(400, "text must be a text, dry_run true or false")
        if not (replaces is None or isinstance(replaces, str)):
            raise HTTPError(400, "replaces must be a digest or null")
        await self._answer(lambda: self._save(file_name, text, replaces, dry_run))

    async def _save(self, name: str, text: str, replaces: str | None, dry_run: bool) -> Any:
        from ..service.file_check import check_file  # late: few requests start a child

        actor, folder = actor_of(self), self.folder
        verdict = await self.door.look(check_file, actor, name=name, text=text, folder=folder)
        is_saved = verdict["is_good"] and not dry_run
        if is_saved:
            await self.door.command(actor, "files.save", name=name, text=text, replaces=replaces, folder=folder)
        return {**verdict, "is_saved": is_saved}

    @web.authenticated
    @authorized("write", "jupyter_flow:dag_files")
    async def delete(self, file_name: str) -> None:
        """Delete it."""
        await self.command("files.delete", name=file_name, folder=self.folder)


class DagFileVersions(_FileHandler):
    """What stood in a DAG file earlier."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dag_files")
    async def get(self, file_name: str) -> None:
        """List the texts that versions of its DAGs were made of."""
        limit = self.number("limit", 100, 1, 100)
        await self.view("files.versions", name=file_name, folder=self.folder, limit=limit)


class DagFileVersion(_FileHandler):
    """One earlier text of a DAG file."""

    @web.authenticated
    @authorized("read", "jupyter_flow:dag_files")
    async def get(self, file_name: str, bundle_hash: str) -> None:
        """The text."""
        await self.view("files.version", name=file_name, bundle=bundle_hash, folder=self.folder)
