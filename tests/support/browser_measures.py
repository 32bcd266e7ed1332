"""What a page of ours costs in a real Chromium: a function for each thing a person does; they return milliseconds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from .browser import LabPage

PANEL = """
() => new Promise(done => {
  window.jupyterapp.commands.execute('jupyter-flow:open-panel');
  const look = () => Number(document.querySelector('.jp-flow-dags')?.dataset.count) >= 60
    ? requestAnimationFrame(() => setTimeout(done))
    : requestAnimationFrame(look);
  look();
})
"""
GRID = """
() => new Promise(done => {
  window.jupyterapp.shell.currentWidget.node.querySelector('[data-tab=grid]').click();
  const look = () => document.querySelector('.jp-flow-cell')
    ? requestAnimationFrame(() => setTimeout(done))
    : requestAnimationFrame(look);
  look();
})
"""
HOVERED = 200
HOVER = f"""
() => [...document.querySelectorAll('.jp-flow-cell')].slice(0, {HOVERED}).forEach(cell => {{
  cell.dispatchEvent(new PointerEvent('pointerover', {{ bubbles: true }}));
  document.querySelector('.jp-flow-grid').getBoundingClientRect();
}})
"""
GRAPH = """
dagId => new Promise(done => {
  const blocks = [];
  const observer = new PerformanceObserver(list => blocks.push(...list.getEntries().map(entry => entry.duration)));
  observer.observe({ entryTypes: ['longtask'] });
  const start = performance.now();
  window.jupyterapp.commands.execute('jupyter-flow:open-dag', { dag_id: dagId, tab: 'graph' });
  const end = drawn => setTimeout(() => { // what blocks is told of a moment later
    observer.disconnect();
    done([drawn, Math.max(0, ...blocks)]);
  }, 200);
  const look = () => document.querySelector('.jp-flow-node')
    ? requestAnimationFrame(() => setTimeout(() => end(performance.now() - start)))
    : requestAnimationFrame(look);
  look();
})
"""
LOG = """
() => new Promise(done => {
  const start = performance.now();
  document.querySelector('.jp-flow-run-page .jp-flow-tab[data-tab=log]').click();
  const look = () => document.querySelector('.jp-flow-log-room .cm-line')?.textContent
    ? requestAnimationFrame(() => setTimeout(() => done(performance.now() - start)))
    : requestAnimationFrame(look);
  look();
})
"""
PIXEL = """
async ([path, dagId, isPaused]) => {
  const { serverSettings } = window.jupyterapp.serviceManager;
  const headers = { 'Content-Type': 'application/json', Authorization: `token ${serverSettings.token}` };
  const row = `.jp-flow-dag[data-dag-id="${dagId}"][data-paused=${isPaused}]`;
  const start = performance.now();
  await fetch(path, { method: 'PATCH', headers, body: JSON.stringify({ is_paused: isPaused }) });
  return await new Promise(done => {
    const look = () => document.querySelector(row) ? done(performance.now() - start) : requestAnimationFrame(look);
    look();
  });
}
"""


def panel_ms(tab: LabPage) -> float:
    """Open the panel, up to its first page of DAGs: how long the page's own thread is busy."""
    return tab.busy_ms(PANEL)


def grid_ms(tab: LabPage) -> float:
    """Turn the DAG page that is shown to its grid, up to the first cells: how long the thread is busy."""
    return tab.busy_ms(GRID)


def hover_ms(tab: LabPage) -> float:
    """Move the pointer from cell to cell: how long the thread is busy for one of them."""
    return tab.busy_ms(HOVER) / HOVERED


@dataclass(frozen=True)
class GraphTimes:
    """Milliseconds: until the nodes stand, the longest time without an answer, and the thread's own work."""

    whole: float
    blocked: float
    busy: float


def graph_ms(tab: LabPage, dag_id: str) -> GraphTimes:
    """Open the graph of a DAG."""
    with tab.busy() as busy:
        whole, blocked = tab.page.evaluate(GRAPH, dag_id)
    return GraphTimes(float(whole), float(blocked), busy.ms)


def log_ms(tab: LabPage) -> float:
    """Turn the page of a run to the log of the task that is selected: until its first screen stands."""
    return float(tab.page.evaluate(LOG))


def pixel_ms(tab: LabPage, dag_id: str, times: int = 6) -> float:
    """Pause and unpause a DAG of the open panel over REST: until the panel shows it, the median."""
    path = f"{tab.server.url}/jupyter-flow/api/dags/{dag_id}"
    return statistics.median(float(tab.page.evaluate(PIXEL, [path, dag_id, n % 2 == 1])) for n in range(times))


def used(tab: LabPage) -> dict[str, Any]:
    """What the page holds after a collection of garbage: ``heap`` in bytes, ``nodes`` and ``listeners``."""
    session = tab.page.context.new_cdp_session(tab.page)
    try:
        session.send("HeapProfiler.enable")
        for _ in range(3):
            session.send("HeapProfiler.collectGarbage")
        counters = session.send("Memory.getDOMCounters")
        heap = session.send("Runtime.getHeapUsage")["usedSize"]
    finally:
        session.detach()
    return {"heap": heap, "nodes": counters["nodes"], "listeners": counters["jsEventListeners"]}
