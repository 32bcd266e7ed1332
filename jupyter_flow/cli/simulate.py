"""``jupyter flow simulate``: the registered DAGs over a window of time that is not now."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ..model.errors import InvalidInput
from ..model.instants import from_iso_or_none
from .output import instant, print_json, say, seconds, show_table
from .settings import FlowCommand, current


@click.command("simulate", cls=FlowCommand)
@click.option("--from", "start", metavar="DATE", help="Begin of the window (default: now).")
@click.option("--to", "end", metavar="DATE", help="End of the window (default: a day after its begin).")
@click.option("--dag", "dag_ids", metavar="DAG", multiple=True, help="Only this DAG, may be repeated.")
@click.option("--include-paused", is_flag=True, help="Paused DAGs too.")
@click.option("--durations", metavar="FILE", type=click.Path(), help='JSON: {"dag": {"task": seconds}}.')
@click.option("--default-duration", metavar="SECONDS", type=float, default=60.0, help="Of a task that never ran.")
@click.option("--parallelism", metavar="N", type=click.IntRange(1), help="What if there were N slots?")
@click.option("--pool", "pools", metavar="NAME=SLOTS", multiple=True, help="What if the pool had so many slots?")
@click.option("--tasks", "with_tasks", is_flag=True, help="Each task too.")
def simulate(
    start: str | None,
    end: str | None,
    dag_ids: tuple[str, ...],
    include_paused: bool,
    durations: str | None,
    default_duration: float,
    parallelism: int | None,
    pools: tuple[str, ...],
    with_tasks: bool,
) -> None:
    """Show what the scheduler would do in a window of time, with durations of the past or given ones.

    Nothing is run and nothing is written.
    """
    from ..service.house import open_house
    from ..service.simulate import simulate_schedule

    settings = current()
    with open_house(settings.config()) as house:
        found = simulate_schedule(
            house,
            settings.actor(),
            from_iso_or_none(start),
            from_iso_or_none(end),
            dag_ids,
            _durations(durations),
            default_duration,
            parallelism,
            dict(_pool(text) for text in pools),
            include_paused,
            with_tasks,
        )
    if settings.json:
        return print_json(found)
    return _show(found)


def _show(found: dict[str, Any]) -> None:
    rows = [
        (
            run["dag_id"],
            instant(run["logical_date"]),
            instant(run["run_after"]),
            instant(run["start_date"]),
            instant(run["end_date"]),
            run["state"],
            seconds(run["waited"]),
        )
        for run in found["runs"]
    ]
    columns = ("dag", "logical date (UTC)", "due", "start", "end", "state", "late>")
    show_table(columns, rows, "no run is due in this window")
    if "tasks" in found:
        tasks = [
            (
                task["dag_id"],
                task["run_id"],
                task["task_id"] + (f"[{task['map_index']}]" if task["map_index"] >= 0 else ""),
                instant(task["start_date"]),
                instant(task["end_date"]),
                seconds(task["waited"]),
            )
            for task in found["tasks"]
        ]
        show_table(("dag", "run", "task", "start", "end", "waited>"), tasks, "no tasks")
    waits = [(wait["text"], wait["most"], seconds(wait["seconds"]), instant(wait["since"])) for wait in found["waits"]]
    show_table(("waited for", "at once>", "in all>", "first at (UTC)"), waits, "nothing has to wait for a slot")
    late = [
        (item["what"], item["dag_id"], item["run_id"], item["name"], instant(item["due_at"]), instant(item["done_at"]))
        for item in found["late"]
    ]
    show_table(("missed", "dag", "run", "", "due (UTC)", "done"), late, "no SLA, deadline or run timeout is missed")
    peaks = [(name, count, found["limits"].get(name)) for name, count in sorted(found["peaks"].items())]
    show_table(("slots", "most in use>", "of>"), peaks, "no slots are used")
    if found["truncated"]:
        say("the window holds more runs than a simulation takes: the rest is left out, choose a shorter one")


def _durations(path: str | None) -> dict[str, dict[str, float]]:
    if path is None:
        return {}
    try:
        given = json.loads(Path(path).read_text(encoding="utf-8"))
        return {dag: {task: float(value) for task, value in tasks.items()} for dag, tasks in given.items()}
    except OSError as error:
        raise InvalidInput(f"--durations {path}: {error.strerror}") from None
    except (ValueError, AttributeError, TypeError):
        raise InvalidInput(f'--durations {path}: it must hold JSON like {{"dag": {{"task": 12.5}}}}') from None


def _pool(text: str) -> tuple[str, int]:
    name, sign, slots = text.rpartition("=")
    if not sign or not slots.isdigit():
        raise InvalidInput(f"--pool {text!r}: write NAME=SLOTS, e.g. gpu=2")
    return name, int(slots)
