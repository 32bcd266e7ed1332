"""REST of kernels that are kept after a failure: opening one as a notebook, going on with it, and letting it go."""

from __future__ import annotations

from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import authorized
from tornado import web

from ..model.errors import Conflict
from ..model.ids import check_id
from ..wire import kept
from .flow_handler import FlowHandler, actor_of
from .live_notebook import write_live_notebook

MOST_MAPPED = 10**6


class KernelHandler(FlowHandler):
    """What requests about the kernel of a failed notebook share."""

    async def may_execute(self) -> None:
        """Refuse who may not execute code in kernels. Raises HTTPError 403."""
        if not await ensure_async(self.authorizer.is_authorized(self, self.current_user, "execute", "kernels")):
            raise web.HTTPError(403, "you may not execute code in kernels")

    def ids(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any]:
        """Return what names the task instance."""
        map_index = self.number("map_index", -1, -1, MOST_MAPPED)
        return {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": map_index}


class LiveKernel(KernelHandler):
    """The kernel that is kept of a failed notebook."""

    @web.authenticated
    @authorized("execute", "jupyter_flow:tasks")
    async def post(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Make it a kernel of this server, and write the working copy of the notebook that is run with it."""
        self.body()
        await self.may_execute()
        ids = self.ids(dag_id, run_id, task_id)
        await self._answer(lambda: self._open(**ids))

    @web.authenticated
    @authorized("execute", "jupyter_flow:tasks")
    async def delete(self, dag_id: str, run_id: str, task_id: str) -> None:
        """End it."""
        await self.command("tasks.release_kernel", **self.ids(dag_id, run_id, task_id))

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


class ResumeTask(KernelHandler):
    """A failed notebook that goes on."""

    @web.authenticated
    @authorized("execute", "jupyter_flow:tasks")
    async def post(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Let it go on as a person has mended it."""
        body = {"with_kernel": True, **self.body("copy_of", "cells", "with_kernel")}
        await self.may_execute()
        for name, kind in (("copy_of", str), ("cells", list), ("with_kernel", bool)):
            if not isinstance(body.get(name), kind):
                raise web.HTTPError(400, f"{name} is missing, or of another type")
        ids = self.ids(dag_id, run_id, task_id)
        await self._answer(lambda: self._resume(body, **ids))

    async def _resume(self, body: dict[str, Any], **ids: Any) -> Any:
        attempt_id = check_id(body["copy_of"], "copy_of")
        found = await self.door.in_thread(kept.read, self.door.config.home, attempt_id)
        if body["with_kernel"] and found is not None and self.settings["jupyter_flow_kernels"].is_busy(found):
            raise Conflict("the kernel is busy: interrupt the cell that runs, or wait for its end")
        return await self.door.command(actor_of(self), "tasks.resume", **self._checked(ids), **body)
