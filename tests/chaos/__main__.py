"""``python -m tests.chaos [--long] [--only R4,R6] [--seed N] [--scale X] [--fresh] [--dry]``: run the board.

Each board runs in a process of its own, with a limit of time. Its row goes into ``docs/reliability.md`` (unless
``--dry``). With ``--long`` (full scale) lines that are finished are kept in a state file and skipped the next time.
Exit 1 when a board misses its target.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]

from support.census import census, kill_all  # noqa: E402

from chaos import boards, table  # noqa: E402

MARK = "CHAOS_BOARD"  # houses drop what begins with our own prefix
STATE = ROOT / ".chaos" / "state.json"


def main(arguments: list[str] | None = None) -> int:
    """Run the boards that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="The board of reliability.")
    parser.add_argument("--long", action="store_true", help="full scale, resumable")
    parser.add_argument("--only", default="", help="lines, e.g. R1,R4")
    parser.add_argument("--seed", type=int, default=None, help="default: a new one, printed")
    parser.add_argument("--scale", type=float, default=None, help="default: 1 with --long, else each board's own")
    parser.add_argument("--fresh", action="store_true", help="forget which lines of --long are finished")
    parser.add_argument("--dry", action="store_true", help="write nothing into docs/reliability.md")
    parser.add_argument("--play", nargs=4, metavar=("NAME", "SCALE", "SEED", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.play:
        return _play(given.play[0], float(given.play[1]), int(given.play[2]), Path(given.play[3]))
    there = boards.names()
    wanted = [name.strip().upper() for name in given.only.split(",") if name.strip()] or there
    unknown = sorted(set(wanted) - set(there))
    if unknown:
        print(f"there is no board {', '.join(unknown)}: there are {', '.join(there)}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    finished = {} if given.fresh or not given.long else _finished()
    results = []
    print(f"seed {seed}", flush=True)
    for name in (name for name in there if name in wanted):
        if name in finished:
            print(f"{name}: finished before ({finished[name]}); --fresh runs it again")
            continue
        result = _in_process(name, given.scale, seed, given.long)
        results.append(result)
        print(f"{name}: {'met' if result.passed else 'MISSED'} in {result.seconds:.0f} s: {result.detail}", flush=True)
        print(f"    {json.dumps(result.figures, default=str)}", flush=True)
        if not given.dry:
            table.add(result, time.strftime("%Y-%m-%d", time.gmtime()), _machine())
        if given.long:
            finished[name] = "met" if result.passed else "missed"
            STATE.parent.mkdir(exist_ok=True)
            STATE.write_text(json.dumps({**finished}))
    missed = [result.name for result in results if not result.passed]
    print(f"{len(results)} lines, {len(missed)} missed{': ' if missed else ''}{', '.join(missed)}")
    return 1 if missed else 0


def _finished() -> dict[str, str]:
    try:
        found = json.loads(STATE.read_text())
    except (OSError, ValueError):
        return {}
    return {name: verdict for name, verdict in found.items() if verdict == "met"}


def _in_process(name: str, scale: float | None, seed: int, long: bool) -> boards.Result:
    board = boards.load(name)
    scale = scale if scale is not None else (1.0 if long else board.scale)
    limit = board.long_limit if long else board.limit
    print(f"=== {name} (scale {scale:g}, seed {seed}): {board.title}. Target: {board.target}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{name}-"))
    command = [sys.executable, "-m", "tests.chaos", "--play", name, str(scale), str(seed), str(folder / "board")]
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, MARK: str(folder)}, start_new_session=True)
    try:
        process.wait(limit)
    except subprocess.TimeoutExpired:
        pass
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        kill_all(census(str(folder)))
    try:
        result = boards.Result(**json.loads((folder / "board.json").read_text()))
    except (OSError, ValueError):
        why = f"not over in {limit:.0f} s" if time.monotonic() - begun >= limit else f"ended with {process.returncode}"
        result = boards.Result(name, scale, seed, False, why, round(time.monotonic() - begun, 1))
    if result.passed:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        print(f"    kept: {folder}", flush=True)
    return result


def _play(name: str, scale: float, seed: int, folder: Path) -> int:
    result = boards.play(boards.load(name), scale, seed, folder)
    folder.with_suffix(".json").write_text(json.dumps(asdict(result), default=str))
    return 0


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
