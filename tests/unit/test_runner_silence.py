"""What counts as silence of a kernel."""

from __future__ import annotations

import asyncio
import time

import papermill  # type: ignore[import-untyped]  # noqa: F401 - its engines import ours
import pytest

from jupyter_flow.runner import notebook_run
from jupyter_flow.runner.notebook_run import NotebookRun


@pytest.fixture
def run() -> NotebookRun:
    made = NotebookRun.__new__(NotebookRun)
    made._heard = 0
    return made


def test_what_is_said_while_the_notebook_is_saved_is_heard(run: NotebookRun) -> None:
    async def deaf_for_long() -> bool:
        loop, said = asyncio.get_running_loop(), asyncio.Event()
        loop.call_later(0.01, time.sleep, 0.3)  # as a save does
        # what waits in a socket is taken in a few turns of the loop later
        loop.call_later(0.02, lambda: loop.call_soon(loop.call_soon, loop.call_soon, said.set))
        return await run._is_silent(0.1, said)

    assert asyncio.run(deaf_for_long()) is False


def test_silence_begins_anew_with_each_sign(run: NotebookRun) -> None:
    async def talk_and_stop() -> float:
        began = time.monotonic()
        waiting = asyncio.ensure_future(run._is_silent(0.2, asyncio.Event()))
        for _ in range(20):
            await asyncio.sleep(0.02)
            run._heard += 1
        last = time.monotonic()
        assert not waiting.done()
        assert await waiting
        assert last - began >= 0.4
        return time.monotonic() - last

    assert asyncio.run(talk_and_stop()) >= 0.18


def test_saves_do_not_keep_silence_from_being_noticed(run: NotebookRun, monkeypatch: pytest.MonkeyPatch) -> None:
    class Records:
        saves = 0

        def save_if_due(self) -> None:
            self.saves += 1

    records, real = Records(), asyncio.sleep
    monkeypatch.setattr(notebook_run.asyncio, "sleep", lambda seconds: real(0.001 * seconds))
    monkeypatch.setattr(run, "_records", records, raising=False)

    async def wait_among_saves() -> bool:
        saving = asyncio.ensure_future(run._save_from_time_to_time())
        try:
            return await asyncio.wait_for(run._is_silent(0.2, asyncio.Event()), 60)
        finally:
            saving.cancel()

    assert asyncio.run(wait_among_saves()) is True
    assert records.saves > 2
