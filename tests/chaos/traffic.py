"""People who trigger runs whatever happens: each asks under a key of its own until it is answered."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, select
from support import witnesses
from support.houses import House

from jupyter_flow.model.errors import DatabaseAway, FlowError, NoHost
from jupyter_flow.storage import schema


class Traffic(threading.Thread):
    """Triggers a run of one of ``dag_ids`` through one of ``houses`` about every ``pause`` seconds.

    ``answered``: the run that each key got. ``refused``: how often it was told that the database is away.
    ``faults``: what nobody should be told.
    """

    def __init__(self, houses: Sequence[House], dag_ids: Sequence[str], pause: float, seed: int) -> None:
        super().__init__(name="traffic", daemon=True)
        self.answered: dict[str, tuple[str, str]] = {}
        self.faults: list[str] = []
        self.refused = self.unanswered = 0
        self._houses, self._dag_ids, self._pause = list(houses), list(dag_ids), pause
        self._chance = random.Random(seed)
        self._ends = threading.Event()

    def run(self) -> None:
        """Ask until told to end; what was asked by then is asked to its answer."""
        while not self._ends.wait(self._chance.uniform(0.5, 1.5) * self._pause):
            self._ask(f"key-{len(self.answered)}", self._chance.choice(self._dag_ids))

    def _ask(self, key: str, dag_id: str) -> None:
        while True:
            house = self._chance.choice(self._houses)
            try:
                with house.client(timeout=20) as client:
                    found = client.call("dags.trigger", dag_id=dag_id, idempotency_key=key)
            except DatabaseAway:
                self.refused += 1
            except (NoHost, OSError):
                self.unanswered += 1
            except FlowError as error:
                self.faults.append(f"{key}: {type(error).__name__}: {error}")
                return
            else:
                self.answered[key] = (dag_id, str(found["run_id"]))
                return
            time.sleep(0.3)

    def end(self, within: float = 60.0) -> None:
        """Trigger nothing more."""
        self._ends.set()
        self.join(within)
        if self.is_alive():
            raise AssertionError(f"the last trigger was not answered within {within:g} s")

    def problems(self, engine: Engine) -> list[str]:
        """Say which runs are not those that were asked for, or did not end well."""
        with engine.connect() as connection:
            runs = list(connection.execute(select(schema.dag_run)))
            tasks = list(connection.execute(select(schema.task_instance)))
        found = {(run.dag_id, run.run_id) for run in runs}
        wanted = set(self.answered.values())
        problems = list(self.faults)
        problems += [f"{key} was answered by {run}, as another key was" for key, run in self._shared()]
        problems += [f"run {run[0]}/{run[1]} was answered and is not there" for run in sorted(wanted - found)]
        problems += [f"run {run[0]}/{run[1]} was made, and nobody heard of it" for run in sorted(found - wanted)]
        problems += [f"run {run.dag_id}/{run.run_id} is {run.state}" for run in runs if run.state != "success"]
        problems += [
            f"{task.dag_id}/{task.run_id}/{task.task_id} is {task.state}: {task.reason}"
            for task in tasks
            if task.state != "success"
        ]
        return problems

    def _shared(self) -> list[tuple[str, tuple[str, str]]]:
        seen: set[tuple[str, str]] = set()
        found = []
        for key, run in self.answered.items():
            if run in seen:
                found.append((key, run))
            seen.add(run)
        return found


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value below which ``part`` of ``values`` are; 0.0 of none."""
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(part * len(ordered)))], 2) if ordered else 0.0


def started_twice(folder: Path) -> list[str]:
    """Say which tasks of a folder of witnesses began more than once."""
    starts = witnesses.Journal.read(folder).starts()
    return sorted(f"{key} began {len(entries)} times" for key, entries in starts.items() if len(entries) > 1)
