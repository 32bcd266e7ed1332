"""Run the rings of tests, fast ones first, and say at the end which passed.

``python tests/rings.py [RING…]``: all rings by default. Exit 1 if one failed; the others are run all the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
SOURCES = ("jupyter_flow", "tests", "benchmarks", "docs")


@dataclass(frozen=True)
class Step:
    """One command of a ring."""

    command: tuple[str, ...]
    folder: str = "."


def _pytest(ring: str, *options: str) -> list[Step]:
    return [Step((PYTHON, "-m", "pytest", "-q", *options, f"tests/{ring}"))]


def _side_by_side(files: int) -> tuple[str, ...]:
    """Let tests that mostly wait for databases or processes of their own run beside others.

    One file stays in one process, so that the houses and kernels that its tests share are started once. Files begin in
    the order in which they are collected; pytest-xdist by itself would begin with those of the most tests.
    """
    return ("-n", str(files), "--dist", "loadfile", "--no-loadscope-reorder")


RINGS: dict[str, list[Step]] = {
    "lint": [
        Step((PYTHON, "-m", "ruff", "check", *SOURCES)),
        Step((PYTHON, "-m", "ruff", "format", "--check", "--quiet", *SOURCES)),
        Step((PYTHON, "-m", "mypy", "jupyter_flow")),
    ],
    "architecture": _pytest("architecture"),
    "unit": _pytest("unit", *_side_by_side(2)),
    "labextension": [
        Step(("jlpm", "install", "--immutable"), "labextension"),
        Step((PYTHON, "labextension/make_types.py", "--check")),
        Step(("jlpm", "check"), "labextension"),
    ],
    "integration": _pytest("integration", *_side_by_side(3)),
    "acceptance": _pytest("acceptance", *_side_by_side(4)),
    "chaos": _pytest("chaos"),  # the boards at a tiny scale; `make chaos` runs them
    "browser": _pytest("browser"),
}
AT_ONCE = (("lint", "architecture"), ("unit", "labextension"), ("chaos", "browser"))
"""Rings that are run at the same time: each leaves a core free, or waits most of the time."""


def main(names: list[str]) -> int:
    """Run the rings ``names`` (all if empty) in their order."""
    unknown = set(names) - set(RINGS)
    if unknown:
        print(f"unknown ring {sorted(unknown)}: there are {', '.join(RINGS)}", file=sys.stderr)
        return 2
    results: dict[str, tuple[bool, float]] = {}
    started = time.monotonic()
    for group in _groups([name for name in RINGS if not names or name in names]):
        if len(group) == 1:
            print(f"=== {group[0]}", flush=True)
            results[group[0]] = _run(group[0], None)
        else:
            results |= _run_at_once(group)
    print("=== summary")
    for name, (passed, seconds) in results.items():
        print(f"{name:<14} {'passed' if passed else 'FAILED'}  {seconds:7.1f} s")
    failed = [name for name, (passed, _) in results.items() if not passed]
    verdict = f"{len(failed)} FAILED: {', '.join(failed)}" if failed else "all passed"
    print(f"{len(results)} rings in {time.monotonic() - started:.0f} s: {verdict}")
    return 1 if failed else 0


def _groups(wanted: list[str]) -> list[tuple[str, ...]]:
    """Return the rings ``wanted`` in their order, those that are run at the same time together."""
    groups = [next((group for group in AT_ONCE if name in group), (name,)) for name in wanted]
    return [tuple(name for name in group if name in wanted) for group in dict.fromkeys(groups)]


def _run_at_once(group: tuple[str, ...]) -> dict[str, tuple[bool, float]]:
    """Run rings at the same time; show what each printed when it has ended."""
    results = {}
    with ThreadPoolExecutor(len(group)) as threads, tempfile.TemporaryDirectory() as folder:
        papers = {name: Path(folder, name) for name in group}
        running = {threads.submit(_run, name, papers[name]): name for name in group}
        for ended in as_completed(running):
            name = running[ended]
            results[name] = ended.result()
            print(f"=== {name}\n{papers[name].read_text(errors='replace')}", end="", flush=True)
    return {name: results[name] for name in group}


def _run(name: str, paper: Path | None) -> tuple[bool, float]:
    """Run all steps of a ring, each says what it finds: to the terminal, or into ``paper``. Passed, and seconds."""
    begun = time.monotonic()
    if paper is None:
        answers = [_passes(step, None) for step in RINGS[name]]
    else:
        with paper.open("ab") as output:
            answers = [_passes(step, output) for step in RINGS[name]]
    return all(answers), time.monotonic() - begun


def _passes(step: Step, output: IO[bytes] | None) -> bool:
    line = f"$ {' '.join(step.command).replace(PYTHON, 'python')}\n"
    if output is None:
        print(line, end="", flush=True)
    else:
        output.write(line.encode())
        output.flush()
    # The environment's own programs first: its `jlpm` and the `node` that came with it.
    environment = {**os.environ, "PATH": f"{Path(PYTHON).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(step.command, cwd=ROOT / step.folder, env=environment, stdout=output, stderr=output)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
