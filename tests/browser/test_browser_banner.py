"""The banner of the panel: it says what is wrong, live, and goes away by itself."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing

import pytest
from playwright.sync_api import expect
from support.browser import LabPage
from support.lab_server import LabServer

pytestmark = pytest.mark.timeout(300)
SLOW = 60_000


def test_a_trouble_comes_and_goes(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    tab = open_lab()
    tab.open_panel()
    host, banner = tab.page.locator(".jp-flow-host"), tab.page.locator(".jp-flow-banner")
    expect(host).to_have_text("Scheduler is running")
    expect(banner).to_have_attribute("role", "status")
    expect(banner).to_have_text("")
    with closing(sqlite3.connect(lab.home / "flow.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        said = banner.locator("p[data-kind=database_locked]")
        expect(said).to_have_text(re.compile("is locked by another program since .*: close that program"), timeout=SLOW)
        expect(said).to_have_attribute("data-severity", "bad")
        expect(host).to_have_text("Scheduler needs attention")
        tab.screenshot("banner-database-locked")
        other.execute("ROLLBACK")
    expect(banner).to_have_text("", timeout=SLOW)
    expect(host).to_have_text("Scheduler is running")


def test_no_host_is_said_with_what_to_do(open_lab: Callable[..., LabPage], lab: LabServer) -> None:
    tab = open_lab()
    tab.open_panel()
    banner = tab.page.locator(".jp-flow-banner")
    expect(tab.page.locator(".jp-flow-host")).to_have_text("Scheduler is running")
    stop = [sys.executable, "-m", "jupyter_flow", "stop", "--home", str(lab.home)]
    subprocess.run(stop, check=True, timeout=120, capture_output=True)
    expect(banner).to_have_text(re.compile("no host runs: start JupyterLab or `jupyter flow scheduler`"), timeout=SLOW)
    tab.screenshot("banner-no-host")
    lab.post("/reload")  # a command starts a host again
    expect(banner).to_have_text("", timeout=SLOW)
