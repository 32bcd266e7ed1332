"""Installs each peer into an environment of its own, has it do the same work as we do, and prints one table."""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
WORKS = ("chain", "fan_out", "notebook")


@dataclass(frozen=True)
class Peer:
    """What to install, and what isolates one task from another there."""

    name: str
    packages: tuple[str, ...]
    isolation: str


PEERS = (
    Peer("jupyter_flow", (), "a process a task, forked"),
    Peer(
        "airflow",
        ("apache-airflow>=3.1,<4", "apache-airflow-providers-standard", "papermill", "ipykernel"),
        "a process a task",
    ),
    Peer(
        "prefect", ("prefect>=3,<4", "fastapi<0.141", "papermill", "ipykernel"), "none: threads of the flow's process"
    ),
    Peer("dagster", ("dagster>=1.13,<2", "papermill", "ipykernel"), "a process a step, spawned"),
    Peer("jupyter_scheduler", ("jupyter_scheduler>=2.11", "ipykernel"), "a process a job; no DAGs"),
)


def main() -> int:
    """Measure all peers, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=[peer.name for peer in PEERS])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "flow-peers")
    parser.add_argument("--timeout", type=float, default=900.0, help="seconds for one peer")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    results = {}
    for peer in PEERS:
        if not given.only or peer.name in given.only:
            print(f"{peer.name} …", file=sys.stderr, flush=True)
            results[peer.name] = {"isolation": peer.isolation, **measure(peer, given.folder, given.timeout)}
    print(table(results))
    if given.json:
        given.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0


def measure(peer: Peer, folder: Path, timeout: float) -> dict[str, Any]:
    """Return ``{work: [seconds…], "version": …}``, or ``{"problem": …}``."""
    try:
        python = _python(peer, folder)
    except subprocess.SubprocessError as error:
        return {"problem": f"not installed: {error}"}
    script = HERE / f"{peer.name}_work.py"
    with tempfile.TemporaryDirectory(prefix=f"peer-{peer.name}-") as work:
        environment = {**os.environ, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
        process = subprocess.Popen(
            [python, script, work],
            stdout=subprocess.PIPE,
            stderr=(folder / f"{peer.name}.log").open("wb"),
            env=environment,
            cwd=work,
            start_new_session=True,
        )
        try:
            out, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return {"problem": f"not finished after {timeout:g} s"}
        finally:
            with_group = process.pid
            try:
                os.killpg(with_group, signal.SIGKILL)
            except ProcessLookupError:
                pass
    if process.returncode:
        return {"problem": f"exit code {process.returncode}: see {folder / f'{peer.name}.log'}"}
    found: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return found


def _python(peer: Peer, folder: Path) -> Path:
    if not peer.packages:
        return Path(sys.executable)
    place = folder / peer.name
    python = place / "bin" / "python"
    stamp = place / ".installed"
    if not stamp.exists():
        subprocess.run([sys.executable, "-m", "venv", place], check=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *peer.packages], check=True, stdout=subprocess.DEVNULL)
        stamp.touch()
    return python


def table(results: dict[str, dict[str, Any]]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| | version | isolation | " + " | ".join(WORKS) + " |", "|---|---|---|" + "---|" * len(WORKS)]
    for name, found in results.items():
        if "problem" in found:
            lines.append(f"| {name} | | {found['isolation']} | {found['problem']} |" + " |" * (len(WORKS) - 1))
            continue
        cells = [f"{statistics.median(found[work]):.2f} s" if found.get(work) else "–" for work in WORKS]
        lines.append(f"| {name} | {found['version']} | {found['isolation']} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
