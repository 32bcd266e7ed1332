"""One execution of a notebook on one kernel: requests, outputs, deaths and deadlines.

The conversation with the kernel is our own and not nbclient's, because nothing here waits in polls and each end
of a cell has its true name.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Mapping
from typing import Any

from nbclient.exceptions import CellExecutionComplete
from nbformat import NotebookNode

from ..authoring.exceptions import TaskFailure
from ..model.reason import Reason
from .cell_reasons import death_reason, failure_reason
from .cell_records import CellRecords
from .held_kernel import HeldKernel, connection_of
from .helper_talk import HelperTalk
from .interrupts import Cause
from .kernel_client import KernelNotReady, start_kernel
from .kernel_messages import MessageStream, merged
from .kernel_source import KernelRequest, LocalKernel
from .lost_messages import LostMessages
from .messages import HouseMessages
from .notebook_outputs import NotebookOutputs
from .outputs import OutputLimits, append_merged, mark_of_loss
from .run_ends import KernelDied, Stopped

_IDLE_SILENCE = 2.0
"""Seconds without any output, after a cell's reply, until its lost "idle" message is no longer waited for."""
_STOP_WORDS = {"timeout": "execution_timeout is over", "timeout_cell": "the cell's timeout is over"}
_LAST_WORDS = 0.05
"""Seconds without any output after which a dead kernel's last messages have arrived."""
_PARTS = 10
"""Silence is waited out in so many parts: what was said while we were deaf (a long save) is heard between two."""


class _Request:
    """An execute request under way."""

    def __init__(self, cell: NotebookNode | None, index: int) -> None:
        self.cell, self.index = cell, index
        self.reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.idle = asyncio.Event()


class NotebookRun(NotebookOutputs):
    """Executes the code cells of ``nb`` and tells ``records`` what happens.

    ``messages``: takes what the notebook says to the house. ``answer``: answers a kernel's question,
    ``(op, arguments) -> JSON``. ``helper``: code of the silent first request for Python kernels, or
    None. ``grace``: seconds between SIGINT, SIGTERM and SIGKILL. ``cell_timeout``: seconds or None.
    """

    def __init__(
        self,
        nb: NotebookNode,
        request: KernelRequest,
        *,
        records: CellRecords,
        messages: HouseMessages,
        limits: OutputLimits,
        answer: Callable[[str, Mapping[str, Any]], Any],
        helper: str | None,
        grace: float,
        cell_timeout: float | None,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(nb, request.kernel_name, records=records, messages=messages, limits=limits)
        self._request_for_kernel = request
        self._answer_question = answer
        self._helper = helper
        self._talk = HelperTalk(self._evaluate, messages, say)
        self._grace = grace
        self._cell_timeout = cell_timeout
        self._say = say
        self._requests: dict[str, _Request] = {}
        self._pumps: list[asyncio.Task[None]] = []
        self._stop_cause: str | None = None
        self._stop_asked = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._heard = 0  # how often something came
        self._lost = LostMessages()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.kernel: LocalKernel | None = None
        self.left_over = False  # see KernelEnd
        self.held: HeldKernel | None = None

    # -- from outside -------------------------------------------------------------------------------------------

    def interrupt(self, cause: Cause) -> None:
        """End the run because of ``cause``; safe to call from a signal handler."""
        if self._loop is None:
            self._stop_cause = self._stop_cause or cause
        else:
            self._loop.call_soon_threadsafe(self._begin_stop, cause)

    # -- the run ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Execute the notebook. Raises :class:`TaskFailure` or :class:`Stopped`."""
        self.reset_execution_trackers()
        self._loop = asyncio.get_running_loop()
        try:
            await self._start()
            await self._execute_cells()
            await self._talk.collect(self._records.cell_number(self._records.last_index))
        except TaskFailure:
            if self._request_for_kernel.may_hold and self._records.failing_cell is not None:
                await self._talk.pause()
            raise
        except KernelDied as death:
            # between two requests: nothing was running, yet what follows cannot run
            raise TaskFailure(death_reason(death.end, self._records.cell_number(self._records.last_index))) from None
        finally:
            await self._close()
            self._loop = None

    async def _start(self) -> None:
        if self._stop_cause is not None:
            raise Stopped(self._stop_cause)
        try:
            self.km, self.kernel = await start_kernel(self._request_for_kernel, self._say)
            client: Any = self.km.client()
            self.kc = client
            client.start_channels(hb=False)
            self._ended = asyncio.ensure_future(self.kernel.ended())
            info = await self._or_stop(client.ready(self._request_for_kernel.start_timeout, self.kernel))
        except KernelNotReady as error:
            raise TaskFailure(Reason("kernel_start", {"kernel": self.kernel_name, "message": str(error)})) from None
        self.nb.metadata["language_info"] = info["language_info"]
        self._pumps = [
            asyncio.create_task(self._pump(client.shell_channel, self._on_shell)),
            asyncio.create_task(self._pump_iopub(client.iopub_channel, client.session)),
            asyncio.create_task(self._pump(client.stdin_channel, self._on_stdin)),
            asyncio.create_task(self._save_from_time_to_time()),
        ]
        if self._helper is not None and info["language_info"].get("name") == "python":
            reply = await self._execute(self._helper, None, -1, silent=True)
            self._talk.is_there = reply["status"] == "ok"
            if not self._talk.is_there:
                self._say(f"the kernel did not take the helper: {reply.get('ename')}: {reply.get('evalue')}")
            elif self._request_for_kernel.take is not None:
                await self._talk.fetch_all()  # of the cells before

    async def _or_stop(self, awaitable: Any) -> Any:
        """Await while a cancel or timeout of the attempt may come."""
        work, asked = asyncio.ensure_future(awaitable), asyncio.ensure_future(self._stop_asked.wait())
        try:
            await asyncio.wait({work, asked}, return_when=asyncio.FIRST_COMPLETED)
            if self._stop_cause is not None:
                raise Stopped(self._stop_cause)
            return work.result()
        finally:
            for task in (work, asked):
                task.cancel()
            await asyncio.gather(work, asked, return_exceptions=True)

    async def _execute_cells(self) -> None:
        for index, cell in list(enumerate(self.nb.cells))[self._records.first_index :]:
            if self._stop_cause is not None:
                raise Stopped(self._stop_cause)
            self._records.cell_started(cell, index)
            if cell.cell_type == "code" and cell.source.strip():
                await self._execute_code_cell(cell, index)
            else:
                self._records.cell_completed(cell, index)
            if self.failure is not None:
                raise self.failure

    async def _execute_code_cell(self, cell: NotebookNode, index: int) -> None:
        number = self._records.cell_number(index)
        allows_errors = "raises-exception" in cell.metadata.get("tags", [])
        cell.outputs = []
        cell.metadata["execution"] = {}
        self.clear_before_next_output = False
        timer = None
        if self._cell_timeout:
            timer = asyncio.get_running_loop().call_later(self._cell_timeout, self._begin_stop, "timeout_cell")
        try:
            reply = await self._execute(cell.source, cell, index, stop_on_error=not allows_errors)
        except KernelDied as death:
            self._records.cell_died(cell, index, death.end)
            raise TaskFailure(death_reason(death.end, number)) from None
        except Stopped:
            self._records.cell_interrupted(cell, index)
            raise
        finally:
            if timer is not None:
                timer.cancel()
        if reply.get("execution_count") is not None:
            cell.execution_count = reply["execution_count"]
        if self._stop_cause is not None:
            self._records.cell_interrupted(cell, index)
            raise Stopped(self._stop_cause)
        reason = failure_reason(reply, number)
        if reason is not None and not (allows_errors and reply["status"] == "error"):
            self._records.cell_failed(cell, index, reason)
            raise TaskFailure(reason)
        self._records.cell_completed(cell, index)

    async def _execute(
        self, code: str, cell: NotebookNode | None, index: int, *, silent: bool = False, **options: Any
    ) -> dict[str, Any]:
        """Send one execute request and return the content of its reply, all its outputs taken in.

        Raises :class:`KernelDied` or :class:`Stopped`.
        """
        if self._ended.done():
            raise KernelDied(self._ended.result())
        request = _Request(cell, index)
        message_id = self.kc.execute(  # type: ignore[union-attr]
            code, silent=silent, store_history=not silent, allow_stdin=False, **options
        )
        self._requests[message_id] = request
        self._lost.begin(message_id)
        waited: set[asyncio.Future[Any]] = {request.reply, self._ended}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        if not request.reply.done():
            await self._is_silent(_LAST_WORDS, request.idle)
            if self._stop_cause is not None:
                raise Stopped(self._stop_cause)
            raise KernelDied(self._ended.result())
        await self._wait_for_idle(request)
        if cell is not None and self._lost.count:
            mark = mark_of_loss(self._lost.count)
            self._records.output(index, mark)
            append_merged(cell.outputs, mark)
        content: dict[str, Any] = request.reply.result()["content"]
        return content

    async def _evaluate(self, expressions: dict[str, str]) -> dict[str, Any]:
        return await self._execute("", None, -1, silent=True, user_expressions=expressions)

    async def _wait_for_idle(self, request: _Request) -> None:
        """Wait until the request's outputs are complete, or lost for certain."""
        is_lost = await self._is_silent(_IDLE_SILENCE, request.idle)
        if is_lost and request.cell is not None and not self._ended.done():
            self._say(f"cell {self._records.cell_number(request.index)}: outputs were lost in a storm")

    async def _is_silent(self, seconds: float, wanted: asyncio.Event) -> bool:
        """Wait for ``wanted``; True if nothing at all came for ``seconds`` instead."""
        silent_parts = 0
        while silent_parts < _PARTS:
            heard = self._heard
            try:
                await asyncio.wait_for(wanted.wait(), seconds / _PARTS)
                return False
            except TimeoutError:
                silent_parts = silent_parts + 1 if self._heard == heard else 0
        return True

    # -- channels -----------------------------------------------------------------------------------------------

    async def _pump(self, channel: Any, handle: Callable[[dict[str, Any]], None]) -> None:
        while True:
            message = await channel.get_msg(timeout=None)
            self._try(handle, message)

    async def _pump_iopub(self, channel: Any, session: Any) -> None:
        stream = MessageStream(channel, session, self._unusable)
        while True:
            messages = await stream.next()
            for message in messages:
                self._lost.hear(message, is_iopub=True)
            with self._records.together():
                for message in merged(messages):
                    self._try(self._on_iopub, message)
            self._heard += 1

    def _try(self, handle: Callable[[dict[str, Any]], None], message: dict[str, Any]) -> None:
        try:
            handle(message)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._unusable(error)

    def _unusable(self, error: Exception) -> None:
        self._say(f"a message of the kernel is unusable: {type(error).__name__}: {error}")

    async def _save_from_time_to_time(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._records.save_if_due()

    def _on_shell(self, message: dict[str, Any]) -> None:
        self._lost.hear(message, is_iopub=False)
        request = self._requests.get(message["parent_header"].get("msg_id", ""))
        if request is not None and message["msg_type"] == "execute_reply" and not request.reply.done():
            request.reply.set_result(message)

    def _on_iopub(self, message: dict[str, Any]) -> None:
        request = self._requests.get(message["parent_header"].get("msg_id", ""))
        if request is None:
            return
        try:
            if request.cell is not None:
                self.process_message(message, request.cell, request.index)
            elif message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                request.idle.set()
        except CellExecutionComplete:
            request.idle.set()

    def _on_stdin(self, message: dict[str, Any]) -> None:
        from .notebook_helper import ASK

        self._lost.hear(message, is_iopub=False)
        prompt = str(message["content"].get("prompt", ""))
        if message["msg_type"] == "input_request" and prompt.startswith(ASK):
            self._answering = asyncio.ensure_future(self._answer(prompt.removeprefix(ASK)))

    async def _answer(self, question: str) -> None:
        try:
            asked = json.loads(question)
            found = await asyncio.to_thread(self._answer_question, str(asked["op"]), dict(asked["args"]))
            answer: dict[str, Any] = {"ok": found}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        self.kc.input(json.dumps(answer))  # type: ignore[union-attr]

    # -- the end ------------------------------------------------------------------------------------------------

    def _begin_stop(self, cause: str) -> None:
        if self._stop_cause is None:
            self._stop_cause = cause
        self._stop_asked.set()
        if self._stopping is None and self.kernel is not None and self._pumps:
            self._stopping = asyncio.ensure_future(self._stop_ladder())

    async def _stop_ladder(self) -> None:
        """SIGINT, then SIGTERM, then SIGKILL of the kernel's group, ``grace`` seconds apart."""
        manager: Any = self.km
        kernel: Any = self.kernel
        running = [request.reply for request in self._requests.values() if not request.reply.done()]
        words = _STOP_WORDS.get(self._stop_cause or "", "cancelled")
        for step, what in (
            (manager.interrupt_kernel, f"{words}: the kernel is interrupted (SIGINT)"),
            (kernel.terminate, f"it has not ended within {self._grace:g} s: it is terminated (SIGTERM)"),
            (kernel.kill, f"it has not ended within {self._grace:g} s: it is killed (SIGKILL)"),
        ):
            self._say(what)
            await step()
            await kernel.send_signal(signal.SIGCONT)  # a stopped process would not see what was sent
            ended: set[asyncio.Future[Any]] = {self._ended}
            if step == manager.interrupt_kernel:
                ended.update(running)
            done, _ = await asyncio.wait(ended, timeout=self._grace, return_when=asyncio.FIRST_COMPLETED)
            if done:
                return

    async def _close(self) -> None:
        """Kill the kernel (it is never used again) and let go of everything."""
        if self._stopping is not None:
            self._stopping.cancel()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        self.set_widgets_metadata()
        if self.kernel is not None:
            self._records.kernel_ends(self.kernel.pid)
            is_idle = all(request.reply.done() for request in self._requests.values()) and not self._ended.done()
            if self._request_for_kernel.may_hold and is_idle and self._records.failing_cell is not None:
                self.held = self.kernel.hand_on(connection_of(self.km))
            else:
                await self.kernel.kill()
            if self.kernel.has_process:
                await asyncio.wait({self._ended}, timeout=self._grace)
                self.left_over = not self._ended.done() or self._ended.result().left_over
        if self.kc is not None:
            self.kc.stop_channels()
        if self.km is not None and self.held is None:
            await self.km.cleanup_resources()  # type: ignore[misc]
