"""REST of kernels that are kept after a failure: opening one as a notebook, and letting it go."""

from __future__ import annotations

from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from tornado import web

from ..model.errors import Conflict
from ..wire import kept
from .flow_handler import FlowHandler, actor_of
from .live_notebook import write_live_notebook

MOST_MAPPED = 10**6


class LiveKernel(FlowHandler):
    """The kernel that is kept of a failed notebook."""

    @web.authenticated
    @authorized("execute", "jupyter_flow:tasks")
    async def post(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Make it a kernel of this server, and write the working copy of the notebook that is run with it."""
        self.body()
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, "execute", "kernels")):
            raise web.HTTPError(403, "you may not execute code in kernels")
        ids = self._ids(dag_id, run_id, task_id)
        await self._answer(lambda: self._open(**ids))

    @web.authenticated
    @authorized("execute", "jupyter_flow:tasks")
    async def delete(self, dag_id: str, run_id: str, task_id: str) -> None:
        """End it."""
        await self.command("tasks.release_kernel", **self._ids(dag_id, run_id, task_id))

    def _ids(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        map_index = self.number("map_index", -1, -1, MOST_MAPPED)
        return {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}

    async def _open(self, **ids: Any) -> dict[str, Any]:
        actor, ids = actor_of(self), self._checked(ids)
        live = await self.door.command(actor, "tasks.open_kernel", **ids)
        executed = await self.door.view(actor, "task_notebook", **ids, attempt=live["attempt_number"])
        found = await self.door.in_thread(kept.read, self.door.config.home, live["attempt_id"])
        if found is None:
            raise Conflict("the kernel has just ended")
        try:
            kernel_id = self.settings["jupyter_flow_kernels"].add(found)
        except ProcessLookupError:
            raise Conflict("the kernel has just ended") from None
        path = await write_live_notebook(self.contents_manager, self.settings, found, executed["notebook"])
        return {
            "kernel_id": kernel_id,
            "kernel_name": live["kernel_name"],
            "notebook_path": path,
            "cell": live["cell"],
            "until": live["until"],
        }
