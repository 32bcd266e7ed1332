"""Notebooks per second, sustained, against ``xargs -P 2 papermill``.

Target: ≥ 6 ×.

Ours: one run of many independent trivial notebooks, request sent → seen finished, default parallelism. Theirs is
measured before and after, two processes at once.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from common import TRIVIAL, Effort, Line, house, median, notebook_dag, watching
from support.files import write_notebook
from support.houses import House


def measure(effort: Effort) -> list[Line]:
    """Return the line."""
    count, papermills, rounds = effort.times(100, 20), effort.times(12, 4), effort.times(3, 1)

    def prepare(subject: House) -> None:
        notebook_dag(subject, "many", count)
        notebook_dag(subject, "warm_up", 4)

    with house(prepare=prepare) as subject, watching(subject, "many", "warm_up") as watcher:
        watcher.time_run("warm_up")
        ours, ratios, theirs = [], [], [_xargs(subject.base, papermills)]
        for _ in range(rounds):
            seconds, _ = watcher.time_run("many")
            ours.append(count / seconds)
            theirs.append(_xargs(subject.base, papermills))
            ratios.append(ours[-1] / ((theirs[-2] + theirs[-1]) / 2))
    details = {"notebooks_per_s": round(median(ours), 1), "papermill_per_s": round(median(theirs), 2), "count": count}
    value = round(median(ratios), 2)
    return [Line("sustained", "notebooks a second, sustained", value, "× xargs -P 2 papermill", 6, False, details)]


def _xargs(folder: Path, count: int) -> float:
    """Notebooks a second of ``xargs -P 2 papermill``."""
    source = write_notebook(folder, TRIVIAL, "xargs.ipynb")
    papermill = str(Path(sys.executable).with_name("papermill"))
    names = "\n".join(str(folder / f"xargs-out-{number}.ipynb") for number in range(count))
    command = ["xargs", "-P", "2", "-I", "{}", papermill, str(source), "{}"]
    started = time.perf_counter()
    subprocess.run(command, input=names.encode(), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return count / (time.perf_counter() - started)
