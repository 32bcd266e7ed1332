"""What a host takes and how fast it answers, looked at from outside, again and again, by a thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from .houses import House

PAUSE = 0.05


def resident_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def descriptors(pid: int) -> int:
    """Return how many descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def zombies_of(parents: Iterable[int]) -> list[int]:
    """Return the ended children that these processes have not taken note of."""
    wanted, found = set(parents), []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                state, parent = Path(entry.path, "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            except (OSError, ValueError):
                continue
            if state == "Z" and int(parent) in wanted:
                found.append(int(entry.name))
    return found


class HostSamples:
    """A context manager. ``peak_mb``: highest resident memory. ``answers``: seconds that ``host.status`` took."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.peak_mb = 0.0
        self.answers: list[float] = []
        self.failure: BaseException | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="host-samples", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(60)
        if self.failure is not None and error is None:
            raise AssertionError(f"the host could not be watched: {self.failure}") from self.failure

    def _sample(self) -> None:
        try:
            with self.house.client(timeout=60) as client:
                while not self._over.wait(PAUSE):
                    begun = time.monotonic()
                    client.call("host.status")
                    self.answers.append(time.monotonic() - begun)
                    self.peak_mb = max(self.peak_mb, resident_mb(self.house.pid))
        except BaseException as error:
            self.failure = error
