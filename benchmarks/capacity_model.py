"""The capacity model of docs/scaling.md: what a load asks of hosts and database, and how long work waits.

Everything follows from a few measured points (see ``capacity.py``) and the load's numbers. ``python
benchmarks/capacity_model.py`` prints the table of waiting times; they come from a simulation of one day, second by
second, in which the hosts together start so many tasks a second.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DAY = 86_400


@dataclass(frozen=True)
class Points:
    """What was measured on one host: tasks a second, and per task instance CPU, bytes and rows."""

    tasks_per_second: float
    host_cpu_ms: float
    database_bytes: float
    spool_bytes: float
    rows: float
    events: float


@dataclass(frozen=True)
class Load:
    """``dags`` run once a day, ``tasks`` task instances in all; so many of the DAGs start at midnight, at the full
    hour, and at any minute. ``seconds``: what a task works, beside what the house adds.
    """

    dags: int = 10_000
    tasks: int = 1_000_000
    at_midnight: float = 0.3
    at_hours: float = 0.5
    seconds: float = 20.0


@dataclass(frozen=True)
class Day:
    """How one simulated day went: waits in seconds from due to start, and the longest queue."""

    p50: float
    p99: float
    longest: int
    busy: float


def arrivals(load: Load, seed: int = 1) -> list[int]:
    """Return how many tasks become due in each second of a day."""
    random_ = random.Random(seed)
    due = [0] * DAY
    per_dag = load.tasks / load.dags
    for number in range(load.dags):
        place = number / load.dags
        if place < load.at_midnight:
            start = 0
        elif place < load.at_midnight + load.at_hours:
            start = 3600 * random_.randrange(24)
        else:
            start = 60 * random_.randrange(24 * 60)
        for _ in range(round(per_dag)):  # a chain of stages: its tasks come one after the other
            # what would fall into tomorrow stands for what is left of yesterday
            due[int(start + random_.expovariate(1 / (load.seconds * per_dag / 4))) % DAY] += 1
    return due


def simulate(due: list[int], tasks_per_second: float) -> Day:
    """Serve ``due`` in order of arrival at a constant rate; return what waiting there was."""
    queue: deque[tuple[int, int]] = deque()
    waits: dict[int, int] = {}
    waiting = longest = served = 0
    credit = 0.0
    second = 0
    while second < DAY or waiting:
        if second < DAY and due[second]:
            queue.append((second, due[second]))
            waiting += due[second]
            longest = max(longest, waiting)
        credit = min(credit + tasks_per_second, tasks_per_second + waiting)
        while queue and credit >= 1:
            since, count = queue.popleft()
            now = min(count, int(credit))
            credit -= now
            waiting -= now
            served += now
            waits[second - since] = waits.get(second - since, 0) + now
            if now < count:
                queue.appendleft((since, count - now))
        if not queue:
            credit = min(credit, tasks_per_second)
        second += 1
    return Day(_quantile(waits, 0.5), _quantile(waits, 0.99), longest, served / tasks_per_second / DAY)


def spike_seconds(one: float, several: float, measured: int, count: int) -> float:
    """Return how long ``count`` DAGs that become due at once take, by what ``one`` takes and ``several`` took.

    ``measured``: how many those were. The first has the whole way to go, each further one adds its share of the rate.
    """
    return one + (several - one) * (count - 1) / (measured - 1)


def _quantile(counts: dict[int, int], share: float) -> float:
    wanted = share * sum(counts.values())
    seen = 0
    for value in sorted(counts):
        seen += counts[value]
        if seen >= wanted:
            return float(value)
    return 0.0


def per_day(points: Points, load: Load) -> dict[str, float]:
    """Return what one day of ``load`` costs: host CPU hours, rows, events, gigabytes of database and of spool."""
    return {
        "host_cpu_hours": load.tasks * points.host_cpu_ms / 1000 / 3600,
        "rows": load.tasks * points.rows,
        "events": load.tasks * points.events,
        "database_gb": load.tasks * points.database_bytes / 1e9,
        "spool_gb": load.tasks * points.spool_bytes / 1e9,
    }


SPREAD = Load(at_midnight=0.0, at_hours=0.2)
"""The same work with most start times spread over the day."""


def waits_table(rates: Sequence[float], loads: Mapping[str, Load]) -> str:
    """Return the simulated days as a table: one row for each rate of starts, over all hosts."""
    head = " | ".join(f"{name}: median, p99, most at once" for name in loads)
    lines = [f"| tasks a second | {head} |", "|---|" + "---|" * len(loads)]
    due = {name: arrivals(load) for name, load in loads.items()}
    for rate in rates:
        days = [simulate(due[name], rate) for name in loads]
        cells = " | ".join(f"{_span(day.p50)}, {_span(day.p99)}, {day.longest:,}" for day in days)
        lines.append(f"| {rate:g} | {cells} |")
    return "\n".join(lines)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


if __name__ == "__main__":
    print(waits_table((25, 50, 100, 200, 400), {"as above": Load(), "spread": SPREAD}))
