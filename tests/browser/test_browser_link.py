"""The link of a mail opens the run that it is about."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from support.browser import LabPage
from support.lab_server import LabServer

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.service.callback_workloads import urls

pytestmark = pytest.mark.timeout(300)


def test_the_link_of_a_mail_opens_the_run(lab: LabServer, open_lab: Callable[..., LabPage]) -> None:
    run = lab.run_to_end("cleanup", {})
    lab.patch("/dags/cleanup", {"is_paused": True})  # as the other tests of this JupyterLab find it
    config = FlowConfig(home=lab.home, base_url=lab.url)
    row: Any = SimpleNamespace(task_id="sweep")
    link = urls(config, SimpleNamespace(**run), row)["task"]  # type: ignore[arg-type]
    tab = open_lab()
    tab.page.goto(link)
    page = tab.page.wait_for_selector(f".jp-flow-run-page[data-run-id='{run['run_id']}']")
    assert page is not None
    assert "sweep" in page.inner_text()
