"""A real Chromium on a real JupyterLab: opening it, and counting what the page asks the server for."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import Browser, Error, Page, Request, sync_playwright

from .lab_server import API, LabServer

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
SCREENSHOTS = Path(__file__).parents[1] / "browser" / "screenshots"
WIDGETS = "@jupyter-widgets/jupyterlab-manager"
"""The manager of ipywidgets trips over every notebook without a kernel; that is not ours to fail on."""
READY = "window.jupyterapp && window.jupyterapp.commands.hasCommand('jupyter-flow:open-panel')"
TIMEOUT = 60_000
CUT_SOCKETS = """
(() => {
  const sockets = (window.flowSockets = []);
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      if (String(given[0]).includes('/jupyter-flow/api/events')) sockets.push(this);
    }
  };
})();
"""


def chromium_path() -> str:
    """Return where Chromium is installed."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise AssertionError("the browser ring needs Chromium: apt-get install chromium fonts-dejavu-core")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Busy:
    """How long a page was busy, in milliseconds; known at the end."""

    ms: float = 0.0


class LabPage:
    """One tab with JupyterLab. Errors of the page's scripts are kept in ``errors``."""

    def __init__(self, browser: Browser, server: LabServer, theme: str = "light") -> None:
        self.server = server
        self.page: Page = browser.new_page(viewport={"width": 1440, "height": 900})
        self.page.set_default_timeout(TIMEOUT)
        self.page.add_init_script(CUT_SOCKETS)
        self.errors: list[str] = []
        self.calls: list[str] = []
        self.page.on("pageerror", self._keep)
        self.page.on("request", self._count)
        self.page.goto(f"{server.url}/lab?token={server.token}&reset")
        self.page.wait_for_function(READY)
        self.page.evaluate("window.jupyterapp.restored")
        name = f"JupyterLab {theme.title()}"
        chosen = f"body[data-jp-theme-name='{name}']"
        if self.page.query_selector(chosen) is None:  # the server remembers what another tab has chosen
            # JupyterLab shows its splash again for the new theme, and trips over one that is still fading away
            self.page.wait_for_selector("#jupyterlab-splash", state="detached")
            self.run("apputils:change-theme", {"theme": name})
            self.page.wait_for_selector(chosen, state="attached")

    def _keep(self, error: Error) -> None:
        words = error.stack or str(error)
        if WIDGETS not in words:
            self.errors.append(words)

    def _count(self, request: Request) -> None:
        if API in request.url and request.resource_type != "websocket":
            self.calls.append(f"{request.method} {request.url}")

    def run(self, command: str, args: dict[str, Any] | None = None) -> None:
        """Execute a command of JupyterLab and wait for its end."""
        self.page.evaluate(
            "([id, args]) => window.jupyterapp.commands.execute(id, args).then(() => null)", [command, args or {}]
        )

    @contextmanager
    def busy(self) -> Iterator[Busy]:
        """Count how long the page's own thread is busy meanwhile: what other processes take does not count."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})

        def spent() -> float:
            metrics = session.send("Performance.getMetrics")["metrics"]
            return next(float(item["value"]) for item in metrics if item["name"] == "TaskDuration")

        counted = Busy()
        before = spent()
        yield counted
        counted.ms = 1000 * (spent() - before)
        session.detach()

    def busy_ms(self, script: str) -> float:
        """How long the page's own thread is busy with ``script``."""
        with self.busy() as counted:
            self.page.evaluate(script)
        return counted.ms

    def open_panel(self) -> None:
        """Click the sidebar's tab; paused DAGs are listed too."""
        self.page.click(".jp-SideBar [data-id='jp-flow-sidebar']")
        self.page.wait_for_selector(".jp-flow-sidebar")
        self.page.get_by_label("Show paused").check()

    def kept(self, key: str) -> Any:
        """Return what JupyterLab has saved of a person's choices; it does so a moment after the last one."""
        headers = {"Authorization": f"token {self.server.token}"}
        answer = requests.get(f"{self.server.url}/lab/api/workspaces/default", headers=headers, timeout=30)
        return answer.json()["data"].get(f"jupyter-flow:options:{key}", {})

    def cut_socket(self) -> int:
        """Close the event socket under the page's feet; return how many there have been."""
        return int(self.page.evaluate("() => { window.flowSockets.at(-1).close(); return window.flowSockets.length; }"))

    def screenshot(self, name: str) -> Path:
        """Keep a picture for a person to look at."""
        SCREENSHOTS.mkdir(exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        self.page.screenshot(path=path)
        return path
