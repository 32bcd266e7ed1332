"""What the benchmarks share: a line of the table, the machine, a house to measure, the clock outside of it."""

from __future__ import annotations

import atexit
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.census import kill_all  # noqa: E402
from support.files import write_notebook  # noqa: E402
from support.houses import RUN_OVER, House  # noqa: E402

from jupyter_flow.model.errors import FlowError  # noqa: E402
from jupyter_flow.wire.client import HouseClient  # noqa: E402

TRIVIAL = ["print('hello')"]


@dataclass(frozen=True)
class Line:
    """One measured value. ``target`` and ``value`` have the same unit; ``at_most`` tells which side is good."""

    name: str
    what: str
    value: float
    unit: str
    target: float | None
    at_most: bool = True
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None for a line without one."""
        if self.target is None:
            return None
        return self.value <= self.target if self.at_most else self.value >= self.target

    def to_json(self) -> dict[str, Any]:
        """Return the line as JSON-ready data."""
        return {**self.__dict__, "met": self.met}


@dataclass(frozen=True)
class Effort:
    """How much to measure: the full amount, or a small one to see that a benchmark works."""

    quick: bool = False

    def times(self, full: int, quick: int) -> int:
        """Return ``quick`` in a quick run, else ``full``."""
        return quick if self.quick else full


def median(values: list[float]) -> float:
    """The median, rounded to 0.1 ms."""
    return round(statistics.median(values), 4)


def percentile(values: list[float], percent: float) -> float:
    """The smallest value that ``percent`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def machine() -> dict[str, Any]:
    """Describe the machine and the versions that matter."""
    from importlib.metadata import version

    processor = platform.processor()
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    packages = ("jupyterlab", "jupyter_server", "papermill", "nbclient", "ipykernel", "jupyter_client", "sqlalchemy")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": processor,
        "memory_gb": round(memory / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "packages": {name: version(name) for name in packages},
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


@contextmanager
def house(*, start: bool = True, prepare: Callable[[House], None] | None = None) -> Iterator[House]:
    """A house in a temporary folder with its own host process; every process of it is ended afterwards.

    Its folder is deleted when this process ends. ext4 without a journal, when it makes a file, looks at each one beside
    it that was deleted in the last minutes: thousands of files deleted by one round would slow down the next.
    """
    base = Path(tempfile.mkdtemp(prefix="flow-bench-"))
    created = House(base)
    try:
        if prepare:
            prepare(created)
        if start:
            created.start()
        yield created
    finally:
        try:
            created.close()
        except AssertionError as error:
            kill_all(created.census())
            print(f"warning: {error}", file=sys.stderr)
        atexit.register(shutil.rmtree, base, ignore_errors=True)


class Watcher:
    """Sees a house from outside: one connection that asks, one that is told of each commit."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._client = house.client(timeout=120)
        self._bell = house.client(timeout=120)
        self._changed = threading.Event()
        self._bell.call("events.subscribe")
        threading.Thread(target=self._listen, args=(self._bell,), daemon=True).start()

    def _listen(self, bell: HouseClient) -> None:
        try:
            for _ in bell.pushes():
                self._changed.set()
        except OSError:
            pass  # the house was closed

    def time_run(
        self, dag_id: str, timeout: float = 300, pause: float = 0.0, **args: Any
    ) -> tuple[float, dict[str, Any]]:
        """Trigger ``dag_id`` and return (seconds from the request to seeing the run finished, the run).

        ``pause``: seconds between looks, so that looking at a long run costs little; the end is seen that much later.
        """
        sent = time.perf_counter()
        run = self._client.call("dags.trigger", dag_id=dag_id, **args)
        while run["state"] not in RUN_OVER:
            if not self._changed.wait(timeout):
                raise RuntimeError(f"run {run['run_id']} of {dag_id} is {run['state']} after {timeout} s")
            time.sleep(pause)
            self._changed.clear()
            listed = self._client.call("runs.list", dag_id=dag_id, limit=5)["runs"]
            run = next(item for item in listed if item["run_id"] == run["run_id"])
        seconds = time.perf_counter() - sent
        if run["state"] != "success":
            raise RuntimeError(f"run {run['run_id']} of {dag_id} is {run['state']}: {run.get('reason')}")
        return seconds, run

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run with its tasks."""
        answer: dict[str, Any] = self._client.call("runs.show", dag_id=dag_id, run_id=run_id)
        return answer

    def close(self) -> None:
        """Close both connections."""
        self._client.close()
        self._bell.close()


@contextmanager
def watching(subject: House, *dag_ids: str) -> Iterator[Watcher]:
    """A watcher of a house that knows ``dag_ids``, which are unpaused."""
    for dag_id in dag_ids:
        subject.wait_for_dag(dag_id)
        subject.call("dags.unpause", dag_id=dag_id)
    watcher = Watcher(subject)
    try:
        yield watcher
    finally:
        try:
            watcher.close()
        except FlowError:
            pass


def notebook_dag(
    subject: House,
    dag_id: str,
    count: int = 1,
    *,
    chained: bool = False,
    kernel: str = "python3",
    cells: list[str] | None = None,
) -> None:
    """Write a DAG of ``count`` notebooks (trivial ones, or of ``cells``), in a row or side by side."""
    write_notebook(subject.dags, cells or TRIVIAL, f"{dag_id}.ipynb", kernel)
    after = "\n        if tasks[1:]:\n            tasks[-2] >> tasks[-1]" if chained else ""
    subject.write_dag(
        f"""
from datetime import datetime
from jupyter_flow import DAG, NotebookOperator

with DAG(dag_id="{dag_id}", schedule=None, start_date=datetime(2026, 1, 1), max_active_tasks=1000):
    tasks = []
    for number in range({count}):
        tasks.append(NotebookOperator(task_id=f"notebook_{{number:03d}}", notebook="{dag_id}.ipynb"))
""".rstrip()
        + after
        + "\n",
        f"{dag_id}.py",
    )


def papermill_cli(folder: Path) -> float:
    """Seconds that ``papermill trivial.ipynb out.ipynb`` takes."""
    source = folder / "papermill-trivial.ipynb"
    if not source.exists():
        write_notebook(folder, TRIVIAL, source.name)
    command = [str(Path(sys.executable).with_name("papermill")), str(source), str(folder / "papermill-out.ipynb")]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started


def cold_kernelspec(subject: House, name: str = "python-cold") -> str:
    """Install a kernelspec that no forkserver may fork (its argv differs from the plain one); return its name."""
    folder = subject.base / "share" / "kernels" / name
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", "--Application.log_level=40"]
    (folder / "kernel.json").write_text(json.dumps({"argv": argv, "display_name": name, "language": "python"}))
    subject.env["JUPYTER_PATH"] = str(subject.base / "share")
    return name
