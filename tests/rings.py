"""Run the rings of tests, fast ones first, and say at the end which passed.

``python tests/rings.py [RING…]``: all rings by default. Exit 1 if one failed; the others are run all the same.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

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

    One file stays in one process, so that the houses and kernels that its tests share are started once.
    """
    return ("-n", str(files), "--dist", "loadfile")


RINGS: dict[str, list[Step]] = {
    "lint": [
        Step((PYTHON, "-m", "ruff", "check", *SOURCES)),
        Step((PYTHON, "-m", "ruff", "format", "--check", "--quiet", *SOURCES)),
        Step((PYTHON, "-m", "mypy", "jupyter_flow")),
    ],
    "architecture": _pytest("architecture"),
    "unit": _pytest("unit"),
    "integration": _pytest("integration", *_side_by_side(2)),
    "labextension": [
        Step(("jlpm", "install", "--immutable"), "labextension"),
        Step((PYTHON, "labextension/make_types.py", "--check")),
        Step(("jlpm", "check"), "labextension"),
    ],
    "acceptance": _pytest("acceptance", *_side_by_side(3)),
    "chaos": _pytest("chaos"),  # the boards at a tiny scale; `make chaos` runs them
    "browser": _pytest("browser"),
}


def main(names: list[str]) -> int:
    """Run the rings ``names`` (all if empty) in their order."""
    unknown = set(names) - set(RINGS)
    if unknown:
        print(f"unknown ring {sorted(unknown)}: there are {', '.join(RINGS)}", file=sys.stderr)
        return 2
    wanted = [name for name in RINGS if not names or name in names]
    # The environment's own programs first: its `jlpm` and the `node` that came with it.
    environment = {**os.environ, "PATH": f"{Path(PYTHON).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    results = {}
    started = time.monotonic()
    for name in wanted:
        print(f"=== {name}", flush=True)
        begun = time.monotonic()
        answers = [_passes(step, environment) for step in RINGS[name]]  # all of them: each says what it finds
        passed = all(answers)
        results[name] = (passed, time.monotonic() - begun)
    print("=== summary")
    for name, (passed, seconds) in results.items():
        print(f"{name:<14} {'passed' if passed else 'FAILED'}  {seconds:7.1f} s")
    failed = [name for name, (passed, _) in results.items() if not passed]
    verdict = f"{len(failed)} FAILED: {', '.join(failed)}" if failed else "all passed"
    print(f"{len(results)} rings in {time.monotonic() - started:.0f} s: {verdict}")
    return 1 if failed else 0


def _passes(step: Step, environment: dict[str, str]) -> bool:
    print("$", " ".join(step.command).replace(PYTHON, "python"), flush=True)
    return subprocess.run(step.command, cwd=ROOT / step.folder, env=environment).returncode == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
