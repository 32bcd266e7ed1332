"""A chain of ten trivial notebooks, and what lies between two of them.

Targets: the whole chain ≤ 0.10 of ten papermill CLI runs · end of one → start of the next, median ≤ 10 ms.

The chain is timed from outside. The edges come from the recorded stamps; the stamps are checked against the time
seen from outside: ``outside_minus_stamps_ms`` is the part of the run that no stamp covers.
"""

from __future__ import annotations

import time
from datetime import datetime

from common import Effort, Line, house, median, notebook_dag, papermill_cli, watching
from support.houses import House

COUNT = 10


def measure(effort: Effort) -> list[Line]:
    """Return the two lines."""
    ratios, edges, totals, uncovered, papermill = [], [], [], [], []

    def prepare(subject: House) -> None:
        notebook_dag(subject, "chain", COUNT, chained=True)

    with house(prepare=prepare) as subject, watching(subject, "chain") as watcher:
        watcher.time_run("chain")
        papermill.append(papermill_cli(subject.base))
        for _ in range(effort.times(5, 2)):
            time.sleep(0.5)
            seconds, run = watcher.time_run("chain")
            papermill.append(papermill_cli(subject.base))
            totals.append(seconds)
            ratios.append(seconds / (COUNT * (papermill[-2] + papermill[-1]) / 2))
            tasks = sorted(watcher.run("chain", run["run_id"])["tasks"], key=lambda task: task["task_id"])
            starts = [datetime.fromisoformat(task["start_date"]) for task in tasks]
            ends = [datetime.fromisoformat(task["end_date"]) for task in tasks]
            edges += [(start - end).total_seconds() for start, end in zip(starts[1:], ends[:-1], strict=True)]
            uncovered.append(seconds - (ends[-1] - starts[0]).total_seconds())
    return [
        Line(
            "chain",
            "chain of ten notebooks",
            round(median(ratios), 3),
            "× ten papermill CLI runs",
            0.10,
            True,
            {"median_s": median(totals), "papermill_s": median(papermill)},
        ),
        Line(
            "edge",
            "end of one notebook → start of the next",
            round(median(edges) * 1000, 2),
            "ms",
            10,
            True,
            {"max_ms": round(max(edges) * 1000, 1), "outside_minus_stamps_ms": round(median(uncovered) * 1000, 1)},
        ),
    ]
