"""A witness that is not ours: tasks write what they do into one file, opened with O_APPEND."""

from __future__ import annotations

from pathlib import Path

from .houses import House

HEAD = """
import os, time
from jupyter_flow import DAG, BashOperator, EmptyOperator, PythonOperator

def write(word, name):
    with open(JOURNAL, "ab", buffering=0) as journal:
        journal.write(f"{word} {name} {os.getpid()} {time.monotonic_ns()}\\n".encode())

def work(name, gate=None, seconds=0.0):
    write("start", name)
    time.sleep(seconds)
    while gate is not None and not os.path.exists(gate):
        time.sleep(0.02)
    write("end", name)
"""


class Journal:
    """What tasks wrote: ``(word, name, pid, monotonic ns)`` each."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> list[tuple[str, str, int, int]]:
        """Return the whole lines so far."""
        if not self.path.exists():
            return []
        lines = (line.split() for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n"))
        return [(word, name, int(pid), int(at)) for word, name, pid, at in lines]

    def count(self, word: str) -> int:
        """Return how many entries begin with ``word``."""
        return sum(entry[0] == word for entry in self.entries())


def write_dag(house: House, body: str, name: str = "journal.py", **values: str) -> Journal:
    """Write a DAG file whose tasks may call ``work(name, gate, seconds)``; ``values`` become names in it."""
    journal = Journal(house.base / "journal.txt")
    named = "".join(f"{key} = {value!r}\n" for key, value in {"JOURNAL": str(journal.path), **values}.items())
    house.write_dag(f"{HEAD}\n{named}\n{body}", name)
    return journal
