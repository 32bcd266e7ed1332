"""What counts as silence of a kernel."""

from __future__ import annotations

import asyncio
import time

import papermill  # type: ignore[import-untyped]  # noqa: F401 - its engines import ours
import pytest

from jupyter_flow.runner import notebook_run
from jupyter_flow.runner.notebook_run import NotebookRun


def test_while_the_notebook_is_saved_nobody_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    run, saved = NotebookRun.__new__(NotebookRun), asyncio.Event()

    class Slow:
        def save_if_due(self) -> None:
            time.sleep(0.05)  # as a save does
            saved.set()

    real = asyncio.sleep
    monkeypatch.setattr(notebook_run.asyncio, "sleep", lambda seconds: real(0))
    monkeypatch.setattr(run, "_records", Slow(), raising=False)

    async def save_once() -> float:
        run._last_heard = began = time.monotonic()
        task = asyncio.ensure_future(run._save_from_time_to_time())
        await asyncio.wait_for(saved.wait(), 10)
        task.cancel()
        return run._last_heard - began

    assert asyncio.run(save_once()) >= 0.05
