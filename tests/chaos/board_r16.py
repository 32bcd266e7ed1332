"""R16: storms of output from tasks and notebooks: the host does not feel them, and what is cut says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.host_samples import HostSamples, resident_mb
from support.houses import House

from jupyter_flow.model.records import Limits

TITLE = "1 GB of stdout, 1 M messages, 100 MB in one display, endless progress bars: Python, Bash, notebooks"
TARGET = "host + <= 50 MB, answers <= 100 ms (beyond an idle host beside it), the task succeeds, cuts are marked"
SCALE = 0.02
SMOKE = None
LIMIT = 1500.0
MORE_MB = 50.0
STALL = 0.1
LINE = "x" * 99
LOST = "[output lost: "
DAGS = """
import sys
from jupyter_flow import DAG, BashOperator, NotebookOperator, PythonOperator

def lines(size):
    for _ in range(size // 100_000):
        sys.stdout.write(("x" * 99 + "\\n") * 1000)

def bars(count):
    from tqdm import tqdm
    for _ in tqdm(range(count), mininterval=0, miniters=1):
        pass

with DAG("warm_up") as warm_up:
    PythonOperator(task_id="task", python_callable=lines, op_args=[100_000]) >> NotebookOperator(
        task_id="note", notebook="warm_up.ipynb"
    )
with DAG("python_lines") as python_lines:
    PythonOperator(task_id="task", python_callable=lines, op_args=[SIZE])
with DAG("bash_lines") as bash_lines:
    BashOperator(task_id="task", bash_command="yes LINE | head -c SIZE")
with DAG("python_bars") as python_bars:
    PythonOperator(task_id="task", python_callable=bars, op_args=[COUNT])
with DAG("bash_bars") as bash_bars:
    BashOperator(task_id="task", bash_command="yes LINE | tr '\\\\n' '\\\\r' | head -c SIZE")
for name in ("lines", "messages", "display", "bars"):
    with DAG(f"notebook_{name}") as globals()[name]:
        NotebookOperator(task_id="task", notebook=f"{name}.ipynb")
"""
NOTEBOOKS = {
    "warm_up": "print(1)",
    "lines": 'import sys\nfor _ in range(SIZE // 100_000):\n    sys.stdout.write(("x" * 99 + "\\n") * 1000)',
    "messages": "for number in range(COUNT):\n    print(number, flush=True)",
    "display": "from IPython.display import display\ndisplay({'text/plain': 'x' * DISPLAY}, raw=True)",
    "bars": "from tqdm import tqdm\nfor _ in tqdm(range(COUNT), mininterval=0, miniters=1):\n    pass",
}


@dataclass(frozen=True)
class Storm:
    """``text``: characters that must be in the log at least, if nothing is cut. ``said``: what marks a cut."""

    name: str
    text: int
    limit: int
    said: str

    def problems(self, log: str, notebook: str) -> list[str]:
        """Return what is wrong with what was kept of it."""
        if LOST in notebook and LOST in log:
            return []
        if self.text > self.limit:
            return [] if self.said in log or self.said in notebook else [f"{self.name}: cut without a mark"]
        kept = sum(len(json.loads(line)["text"]) + 1 for line in log.splitlines() if '"stream": "std' in line)
        if self.name == "notebook_display":
            kept = len(notebook)
        return [] if kept >= self.text else [f"{self.name}: {kept} of {self.text} characters kept, nothing cut"]


def storms(size: int, count: int, display: int) -> list[Storm]:
    """Return all kinds."""
    limits = Limits()
    of_log = (limits.log_max_bytes, "what follows is cut")
    of_cell = (limits.cell_output_max_bytes, "[output cut: this cell")
    return [
        *(Storm(name, size // 100_000 * 100_000, *of_log) for name in ("python_lines", "bash_lines")),
        Storm("bash_bars", size // 100_000 * 100_000, *of_log),
        Storm("python_bars", 40 * count, *of_log),
        Storm("notebook_lines", size // 100_000 * 100_000, *of_cell),
        Storm("notebook_messages", sum(len(str(number)) + 1 for number in range(count)), *of_cell),
        Storm("notebook_display", display, *of_cell),
        Storm("notebook_bars", 40 * count, *of_cell),
    ]


def run(scale: float, seed: int, folder: Path) -> dict[str, Any]:
    """Let one storm after the other go over a host; ask an idle one the same questions meanwhile."""
    size, count, display = round(1e9 * scale), round(1e6 * scale), round(1e8 * min(1.0, scale * 20))
    values = {"LINE": LINE, "SIZE": str(size), "COUNT": str(count), "DISPLAY": str(display)}
    house, idle = House(folder / "house"), House(folder / "idle")
    house.write_dag(_filled(DAGS, values))
    for name, source in NOTEBOOKS.items():
        house.write_notebook([_filled(source, values)], f"{name}.ipynb")
    problems: list[str] = []
    figures: dict[str, Any] = {}
    try:
        house.start("--unpaused")
        idle.start()
        house.run_dag("warm_up", timeout=180)
        base = resident_mb(house.pid)
        every = []
        for storm in storms(size, count, display):
            with HostSamples(house) as samples, HostSamples(idle) as twin:
                found = house.run_dag(storm.name, timeout=LIMIT + 12_000 * scale)
            attempt = found["tasks"][0]
            if attempt["state"] != "success":
                problems.append(f"{storm.name}: {attempt['state']} {attempt.get('reason')}")
            problems += storm.problems(*_kept(house, storm.name))
            every.append((storm.name, samples, twin))
    finally:
        _end_all(house.close, idle.close)
    more = max(samples.peak_mb for _, samples, _ in every) - base
    worst = max(max(samples.answers) for _, samples, _ in every)
    beside = max(max(twin.answers) for _, _, twin in every)
    slowest = max(every, key=lambda item: max(item[1].answers))[0]
    figures = {
        "stdout_mb": size // 1_000_000,
        "messages": count,
        "display_mb": display // 1_000_000,
        "more_mb": round(more, 1),
        "answers": sum(len(samples.answers) for _, samples, _ in every),
        "p99_ms": round(1000 * _quantile([at for _, samples, _ in every for at in samples.answers], 0.99)),
        "worst_ms": round(1000 * worst),
        "worst_in": slowest,
        "idle_p99_ms": round(1000 * _quantile([at for _, _, twin in every for at in twin.answers], 0.99)),
        "idle_worst_ms": round(1000 * beside),
    }
    is_small, is_prompt = more <= MORE_MB, worst - beside <= STALL
    return {
        **figures,
        "passed": not problems and is_small and is_prompt,
        "sound": not problems and is_small,
        "detail": "; ".join(problems[:3]) or f"host + {more:.0f} MB, answers within {1000 * worst:.0f} ms",
    }


def _filled(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _kept(house: House, dag_id: str) -> tuple[str, str]:
    """Return the log and the notebook of the only attempt of ``dag_id``, as they stand in the spool."""
    rows = house.rows(
        "select a.id from attempt a join task_instance t on a.task_instance_id = t.id "
        "join dag_run r on t.dag_run_id = r.id where r.dag_id = ?",
        dag_id,
    )
    spool = house.home / "spool" / rows[0]["id"]
    return (spool / "log.jsonl").read_text(), "".join(path.read_text() for path in spool.glob("*.ipynb"))


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def _end_all(*ends: Callable[[], None]) -> None:
    failures = []
    for end in ends:
        try:
            end()
        except AssertionError as error:
            failures.append(str(error))
    if failures:
        raise AssertionError("; ".join(failures))
