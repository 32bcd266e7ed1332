"""``jupyter flow scheduler | status | stop``: the host and its state."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_type_hints

import click

from ..model.config import FlowConfig
from ..model.errors import FlowError, InvalidInput, NoHost
from ..wire.environment import PROFILE_VARIABLE
from . import detached
from .output import clean, instant, print_json, say
from .settings import FlowCommand, current

ON_STOP = get_args(get_type_hints(FlowConfig)["on_stop"])


@click.command("scheduler", cls=FlowCommand)
@click.option("--parallelism", type=click.IntRange(1), help="Tasks at once.")
@click.option("--notebook-parallelism", type=click.IntRange(1), help="Notebook tasks at once.")
@click.option("--default-timezone", metavar="ZONE", help="Zone of naive dates in DAG files.")
@click.option(
    "--root", type=click.Path(path_type=Path), help="Notebooks must lie beneath it (default: the DAG folder)."
)
@click.option("--on-stop", type=click.Choice(ON_STOP), help="What running tasks do when the host is asked to end.")
@click.option("--profile", metavar="NAME", help=f"Which default_args_profiles count (default: ${PROFILE_VARIABLE}).")
@click.option("--strict", is_flag=True, help="A dependency that a DAG file states twice is an error.")
@click.option("--unpaused", is_flag=True, help="New DAGs start unpaused.")
@click.option("--queue", multiple=True, metavar="NAME=SLOTS", help="A queue besides `default` that it serves.")
@click.option("--max-map-length", type=click.IntRange(1), help="Task instances that one mapped task may have.")
@click.option("--set", "plain", multiple=True, metavar="NAME=VALUE", help="Another setting, e.g. keep_days=30.")
def scheduler(unpaused: bool, queue: tuple[str, ...], plain: tuple[str, ...], **options: Any) -> int:
    """Be the host of this home, in the foreground: schedule and run until interrupted."""
    settings = current()
    if not settings.dag_folders():
        raise InvalidInput(
            "no DAG folder: name one with --dags DIR or $JUPYTER_FLOW_DAGS, or make a folder `dags` here"
        )
    for folder in settings.dag_folders():
        if not folder.is_dir():
            raise InvalidInput(f"DAG folder {folder} is not a folder: create it or name another with --dags DIR")
    from ..service import plain_settings
    from ..service.serve import run_host
    from ..service.slot_settings import read_queues

    options.update(plain_settings.read(plain))
    if unpaused:
        options["dags_are_paused_at_creation"] = False
    if queue:
        options["queues"] = read_queues(queue)
    return run_host(settings.config(**options))


@click.command("status", cls=FlowCommand)
def status() -> int:
    """Say how the host is; exit 3 if there is none."""
    settings = current()
    found: list[dict[str, Any]] = []
    trouble = ""
    try:
        with settings.client(timeout=10) as client:
            health = client.call("host.status")
    except NoHost as error:
        found, trouble = detached.find(settings)
        health = {"state": "stopped", "message": str(error), "host": None, "running": len(found), "queued": 0}
    if settings.json:
        print_json({**health, "detached": found})
    else:
        _show_health(health)
        detached.show(found, trouble)
    return 3 if health["state"] == "stopped" else 0


def _show_health(health: dict[str, Any]) -> None:
    line = health["state"] + (f": {health['message']}" if health.get("message") else "")
    click.echo(clean(line))
    if host := health.get("host"):
        click.echo(clean(f"host      pid {host['pid']}, since {instant(host['started_at'])} UTC, {host['version']}"))
        click.echo(f"tasks     {health['running']} running, {health['queued']} queued, {health['parallelism']} at once")
        if errors := health.get("import_errors"):
            click.echo(f"DAG files {errors} do not load: `jupyter flow dags errors`")


@click.command("stop", cls=FlowCommand)
@click.option("--tasks", is_flag=True, help="End running tasks too (default: they finish by themselves).")
def stop(tasks: bool) -> int:
    """End the host; exit 3 if there is none. With --tasks, tasks that run on without a host are ended too."""
    settings = current()
    try:
        settings.client().close()
    except NoHost as error:
        found, _ = detached.find(settings)
        if not found:
            raise
        if not tasks:
            raise NoHost(f"{error}; {detached.count(found)}: `jupyter flow stop --tasks` ends them") from None
        return _end_detached()
    from ..service.supervise import stop_host

    if not stop_host(settings.config(), tasks=tasks):
        raise FlowError(f"the host of {settings.home} was asked to end but has not yet: look at `jupyter flow status`")
    print_json({}) if settings.json else say("the host has ended")
    return 0


def _end_detached() -> int:
    from ..service.detached import end_detached

    settings = current()
    ended = end_detached(settings.config(), settings.actor())
    words = (
        f"{ended} task{'s' if ended != 1 else ''} that ran without a host {'were' if ended != 1 else 'was'} cancelled"
    )
    print_json({"cancelled": ended}) if settings.json else say(words)
    return 0
