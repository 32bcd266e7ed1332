"""A house whose workers are in places of their own: scheduler, workers, journals of what ran when."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from .houses import House
from .namespaces import Network, Place, bridge_address, freeze, open_network, thaw
from .tls import certificates
from .waiting import wait_for

PULSE = 0.1
"""Seconds between two lines of a journal."""


class Worker:
    """A Dask worker in a place. ``tag``: stands in the environment of all its processes."""

    def __init__(self, place: Place, process: subprocess.Popen[bytes], tag: str) -> None:
        self.place, self.process, self.tag = place, process, tag


class DaskHouse:
    """A house with executor ``dask``, a scheduler and one worker in each of ``count`` places, without shared files."""

    def __init__(
        self, house: House, count: int = 2, polling: float = 0.5, *, slow: bool = False, **settings: Any
    ) -> None:
        self.house, self.polling, self.settings = house, polling, settings
        self.lease = 6 * polling
        self.lost_after = 1.5 * self.lease
        self.network: Network = open_network(count, lambda: bridge_address(house.home), slow=slow)
        self.journals = house.base.parent / f"{house.base.name}-journals"
        self.journals.mkdir()
        self.workers: list[Worker] = []
        self._frozen: list[int] = []
        self._processes: list[subprocess.Popen[bytes]] = []
        self._tls = certificates(house.base.parent / f"{house.base.name}-tls") if self.network.is_real else {}

    def start(self, *host_options: str, resources: Sequence[str | None] = ()) -> DaskHouse:
        """Start scheduler, host (with ``host_options`` on its command line) and workers.

        ``resources``: what each worker offers, as Dask's command line has it.
        """
        scheduler_file = self.house.base / "scheduler.json"
        scheme = "tls" if self._tls else "tcp"
        words = ["--host", self.network.house, "--port", "0", "--protocol", scheme, "--no-dashboard"]
        self._run(["dask_scheduler", *words, "--scheduler-file", str(scheduler_file)], "scheduler", [], {})
        wait_for(lambda: scheduler_file.exists() and scheduler_file.read_text().endswith("}"), "the scheduler", 90)
        address = json.loads(scheduler_file.read_text())["address"]
        options = {"executor": "dask", "dask_address": address, "polling_interval": self.polling, **self.settings}
        if self._tls:
            options["dask_security"] = self._tls
        self.house.home.mkdir(mode=0o700, exist_ok=True)
        self.house.start(
            *host_options, *[word for name, value in options.items() for word in ("--set", _setting(name, value))]
        )
        wait_for(lambda: (self.house.home / "bridge.json").exists(), "the bridge listens", 60)
        for number, place in enumerate(self.network.places):
            folder = self.house.base.parent / f"{self.house.base.name}-worker{number}"
            folder.mkdir()
            tag = f"{self.house.tag}-{place.name}"
            words = [address, "--no-nanny", "--nthreads", "1", "--name", place.name, "--no-dashboard"]
            words += ["--local-directory", str(folder)]
            offered = dict(enumerate(resources)).get(number)
            words += ["--resources", offered] if offered else []
            env = {**place.env, "DASK_HOUSE_PLACE": tag}
            process = self._run(["dask_worker", *words], place.name, place.command([], self.house.base), env)
            self.workers.append(Worker(place, process, tag))
        return self

    def _run(self, arguments: list[str], name: str, prefix: list[str], env: dict[str, str]) -> subprocess.Popen[bytes]:
        tls = []
        if self._tls:
            tls = [
                "--tls-ca-file",
                self._tls["ca_file"],
                "--tls-cert",
                self._tls["cert"],
                "--tls-key",
                self._tls["key"],
            ]
        with open(self.house.base.parent / f"{self.house.base.name}-{name}.out", "wb") as output:
            process = subprocess.Popen(
                [*prefix, sys.executable, "-m", f"distributed.cli.{arguments[0]}", *arguments[1:], *tls],
                stdout=output,
                stderr=output,
                env={**self.house.env, **env, "PYTHONWARNINGS": "ignore"},
                cwd=self.house.base.parent,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def write_pulse_dag(self, seconds: float, tasks: int = 1) -> None:
        """Write the DAG ``pulse``: tasks that say for ``seconds`` that they live, each attempt in its own journal."""
        beats = int(seconds / PULSE)
        line = f'echo "$(date +%s.%N) $(cut -d" " -f1 /proc/uptime)" >>{self.journals}/$1.$JUPYTER_FLOW_ATTEMPT'
        script = f"pulse() {{ for i in $(seq {beats}); do {line}; sleep {PULSE}; done; echo $JUPYTER_FLOW_ATTEMPT; }}; "
        self.house.write_dag(
            "from jupyter_flow import DAG, BashOperator\n\nwith DAG('pulse', default_args={'retries': 0}):\n"
            + "".join(
                f"    BashOperator(task_id='t{n}', bash_command={(script + f'pulse t{n}')!r})\n" for n in range(tasks)
            ),
            "pulse.py",
        )

    def pulses(self) -> dict[str, dict[str, list[tuple[float, float]]]]:
        """Return task id -> attempt id -> the instants (wall, since boot) at which it said that it lives."""
        found: dict[str, dict[str, list[tuple[float, float]]]] = {}
        for path in self.journals.iterdir():
            task_id, _, attempt_id = path.name.partition(".")
            lines = [line.split() for line in path.read_text().splitlines()]
            found.setdefault(task_id, {})[attempt_id] = [
                (float(a), float(b)) for a, b in (x for x in lines if len(x) == 2)
            ]
        return found

    def place_of(self, attempt_id: str) -> Worker:
        """Return the worker to which the house gave an attempt."""
        row = self.house.rows("SELECT worker FROM attempt WHERE id = ?", attempt_id)[0]
        return next(worker for worker in self.workers if f" {worker.place.name}#" in row["worker"])

    def running_attempt(self) -> str:
        """Wait until an attempt has begun to say that it lives, and return the latest."""

        def begun() -> str | None:
            seen = [path for path in self.journals.iterdir() if path.stat().st_size]
            return max(seen, key=lambda path: path.stat().st_mtime).name.partition(".")[2] if seen else None

        return str(wait_for(begun, lambda: f"a task runs; {self.said()}", 100))

    def freeze(self, worker: Worker) -> None:
        """Stop every process of a worker, until :meth:`thaw`."""
        self._frozen += freeze(worker.tag)

    def thaw(self) -> None:
        """Let stopped processes go on."""
        thaw(self._frozen)
        self._frozen.clear()

    def said(self) -> str:
        """Return what bridge, scheduler and workers printed last."""
        files = [self.house.home / "bridge.log", *self.house.base.parent.glob(f"{self.house.base.name}-*.out")]
        return "\n".join(f"--- {path.name}\n{path.read_text()[-2000:]}" for path in files if path.exists())

    def close(self) -> None:
        """End scheduler, workers and house; nothing stays."""
        thaw(self._frozen)
        for worker in self.workers:
            worker.place.mend()
        try:
            self.house.stop()
        finally:
            for process in self._processes:
                if process.poll() is None:
                    process.terminate()
            for process in self._processes:
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            self.network.close()


def overlaps(attempts: dict[str, list[tuple[float, float]]]) -> list[str]:
    """Return which attempts of one task lived at the same time, by both clocks."""
    spans = sorted((times[0], times[-1], name) for name, times in attempts.items() if times)
    return [
        f"{second} began while {first} ran"
        for (_, end, first), (begin, _, second) in itertools.pairwise(spans)
        if begin[0] <= end[0] or begin[1] <= end[1]
    ]


def _setting(name: str, value: Any) -> str:
    return f"{name}={json.dumps(value)}"
