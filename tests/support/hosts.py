"""Several hosts on one PostgreSQL: homes of their own, DAG folder, witnesses and database in common."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from jupyter_flow.model.errors import FlowError
from jupyter_flow.storage.database import connect_read, create_reader
from jupyter_flow.wire.environment import DB_URL_VARIABLE

from . import witnesses
from .houses import House
from .waiting import wait_for

OPTIONS = ("--kill-grace", "1", "--waiting-kernels", "0")


class Hosts:
    """``count`` houses, not started. ``witnesses``: the folder of what their tasks write down."""

    def __init__(self, base: Path, url: str, count: int = 2) -> None:
        self.url = url
        self.witnesses = base / "witnesses"
        self.houses = [House(base / f"home{number}") for number in range(count)]
        dags = base / "dags"
        dags.mkdir(exist_ok=True)
        for house in self.houses:
            house.dags = dags
            house.env |= {DB_URL_VARIABLE: url, **witnesses.environment(self.witnesses)}
        self._engine: Engine | None = None

    def __getitem__(self, number: int) -> House:
        return self.houses[number]

    def __iter__(self) -> Iterator[House]:
        return iter(self.houses)

    def write_dag(self, source: str, name: str = "example.py") -> Path:
        """Write a DAG file for all of them; it begins with the source of witnessed tasks."""
        return self.houses[0].write_dag(witnesses.TASK_SOURCE + source, name)

    def start(self, *options: str) -> Hosts:
        """Start all hosts that do not run and wait until they answer and know of each other."""
        for house in self.houses:
            if house.process is None or house.process.poll() is not None:
                house.start(*OPTIONS, *options)
        wait_for(self.all_known, lambda: f"all hosts live: {self.living()}", 30)
        return self

    def living(self) -> list[str]:
        """Return the homes of hosts that are not known to have ended."""
        return [row["home"] for row in self.rows("select home from host where ended_at is null order by id")]

    def all_known(self) -> bool:
        """Tell whether all hosts live."""
        return sorted(self.living()) == sorted(str(house.home.resolve()) for house in self.houses)

    @property
    def engine(self) -> Engine:
        """Reads the database."""
        if self._engine is None:
            self._engine = create_reader(self.url)
        return self._engine

    def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """Read the database directly: a witness that asks no host."""
        with connect_read(self.engine) as connection:
            return [dict(row) for row in connection.execute(text(sql), values).mappings()]

    def journal(self) -> witnesses.Journal:
        """Return what tasks wrote down."""
        return witnesses.Journal.read(self.witnesses)

    def home_of(self, dag_id: str) -> list[str]:
        """Return the homes of the hosts that claimed tasks of a DAG."""
        found = self.rows(
            "select distinct h.home from attempt a join host h on h.host_id = a.host_id "
            "join task_instance t on t.id = a.task_instance_id where t.dag_id = :dag order by 1",
            dag=dag_id,
        )
        return [row["home"] for row in found]

    def holder_of(self, run_id: str, dag_id: str) -> House | None:
        """Return the house whose host holds a run."""
        found = self.rows(
            "select h.home from dag_run r join host h on h.host_id = r.held_by "
            "where r.run_id = :run and r.dag_id = :dag and h.ended_at is null",
            run=run_id,
            dag=dag_id,
        )
        return next((house for house in self.houses if found and str(house.home.resolve()) == found[0]["home"]), None)

    def other(self, house: House) -> House:
        """Return another house."""
        return next(item for item in self.houses if item is not house)

    def unfinished(self) -> list[dict[str, Any]]:
        """Return the runs that are not over."""
        ended = "('success', 'failed', 'cancelled')"
        return self.rows(f"select dag_id, run_id, state, held_by from dag_run where state not in {ended}")

    def wait_for_all(self, timeout: float = 90.0) -> None:
        """Wait until all runs are over."""
        wait_for(
            lambda: not self.unfinished(),
            lambda: f"all runs are over: {self.unfinished()[:5]}; outputs:\n{self.outputs()}",
            timeout,
        )

    def outputs(self) -> str:
        """Return the tails of what the hosts printed."""
        return "\n".join(f"--- {house.home}\n{house.output()[-3000:]}" for house in self.houses)

    def close(self) -> None:
        """End everything. Raises AssertionError when a process outlived its house."""
        problems = []
        for house in self.houses:
            if house.process is not None and house.process.poll() is None:
                with contextlib.suppress(OSError):
                    house.process.send_signal(signal.SIGCONT)
        for house in self.houses:
            try:
                house.close()
            except (AssertionError, FlowError) as error:
                problems.append(str(error))
        if self._engine is not None:
            self._engine.dispose()
        if problems:
            raise AssertionError("\n".join(problems))


def seconds_until(condition: Any, timeout: float = 60.0) -> float:
    """Wait for ``condition`` and return how long that took."""
    begun = time.monotonic()
    wait_for(condition, "the condition", timeout, pause=0.02)
    return time.monotonic() - begun
