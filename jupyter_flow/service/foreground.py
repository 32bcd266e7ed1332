"""One DAG to its end, for somebody who waits: by the living host, else as the host meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import FlowError, InvalidInput, NoHost
from ..model.records import Actor
from ..model.state import RUN_TERMINAL
from ..parsing.loop import File
from ..wire.client import HouseClient
from . import commands, views
from .documents import Document
from .host import Host
from .house import House

OnChange = Callable[[Document], None]
AtRun = Callable[[House, Document], None]
"""Called with the house and a run: when it was made, before anything of it is decided, or when it has ended."""


def run_to_end(
    config: FlowConfig,
    actor: Actor,
    dag_file: Path,
    dag_id: str | None = None,
    conf: dict[str, Any] | None = None,
    logical_date: str | None = None,
    on_change: OnChange | None = None,
) -> Document:
    """Run one DAG of ``dag_file`` to its end, paused or not, and return the run with its ``tasks``.

    ``dag_id``: needed if the file holds several. ``on_change`` gets the run with its tasks after each change. SIGINT
    cancels the run and goes on to its end; a second one leaves.

    Raises :class:`InvalidInput` with ``file:line: message`` if the file does not load.
    """
    path = dag_file.absolute()
    try:
        client = HouseClient(config.home, {"actor": actor.to_json()}, timeout=120)
    except NoHost:
        return run_as_host(config, actor, path, dag_id, conf, logical_date, on_change)
    with client:
        return _by_host(client, config.home, actor, path, dag_id, conf, logical_date, on_change)


# --- as the host


def run_as_host(
    config: FlowConfig,
    actor: Actor,
    path: Path,
    dag_id: str | None,
    conf: dict[str, Any] | None,
    logical_date: str | None,
    on_change: OnChange | None = None,
    at_begin: AtRun | None = None,
    at_end: AtRun | None = None,
) -> Document:
    """:func:`run_to_end` by this process: it is the host of ``config.home`` meanwhile."""
    only = _place(config, path)
    with ExitStack() as stack:
        host = Host(replace(config, dag_folders=(only[0],)), stack, only=only)
        host.begin()
        while host.parser.busy:
            host.step()
        house = host.house
        found = _of_file(views.list_dags(house, actor)["dags"], path)
        chosen = _choose(path, found, views.list_errors(house, actor), dag_id)
        run = commands.trigger_dag(house, actor, chosen, conf, logical_date, ignore_pause=True)
        if at_begin is not None:
            at_begin(house, run)
        seen = None
        while True:
            document = views.show_run(house, actor, chosen, run["run_id"])
            if on_change is not None and document != seen:
                on_change(document)
            if document["state"] in RUN_TERMINAL:
                while not host.desk.callbacks.is_idle:
                    host.step()
                if at_end is not None:
                    at_end(house, document)
                return document
            seen = document
            host.step()
            if host.is_ended:
                host.is_ended = False
                if document["cancel_requested"]:
                    raise KeyboardInterrupt
                with contextlib.suppress(FlowError):  # it ended at this moment
                    commands.cancel_run(house, actor, chosen, run["run_id"])


def _place(config: FlowConfig, path: Path) -> File:
    """Return the DAG folder and relative name of ``path``: one of the configured folders, else its own."""
    real = path.resolve()
    for folder in config.dag_folders:
        if real.is_relative_to(folder.resolve()):
            return folder.resolve(), real.relative_to(folder.resolve()).as_posix()
    return real.parent, real.name


# --- by the living host


def _by_host(
    client: HouseClient,
    home: Path,
    actor: Actor,
    path: Path,
    dag_id: str | None,
    conf: dict[str, Any] | None,
    logical_date: str | None,
    on_change: OnChange | None,
) -> Document:
    client.call("dags.reload", wait=True)
    found = _of_file(client.call("dags.list")["dags"], path)
    errors = client.call("dags.errors")
    folders = client.call("host.status").get("dag_folders", [])
    if not found and not any(path.resolve().is_relative_to(Path(folder).resolve()) for folder in folders):
        raise InvalidInput(
            f"{path} is not beneath a DAG folder of the host of {home} ({', '.join(folders)}): "
            "move it there, or name another home with --home"
        )
    chosen = _choose(path, found, errors, dag_id)
    with HouseClient(home, {"actor": actor.to_json()}, timeout=None) as notices:
        notices.call("events.subscribe")
        run = client.call("dags.trigger", dag_id=chosen, conf=conf, logical_date=logical_date, ignore_pause=True)
        pushes = notices.pushes()
        seen, is_cancelled = None, False
        while True:
            document: Document = client.call("runs.show", dag_id=chosen, run_id=run["run_id"])
            if on_change is not None and document != seen:
                on_change(document)
            if document["state"] in RUN_TERMINAL:
                return document
            seen = document
            try:
                if next(pushes, None) is None:
                    raise NoHost(f"the host went away while {run['run_id']} was watched: its state is kept, ask again")
            except KeyboardInterrupt:
                if is_cancelled:
                    raise
                is_cancelled = True
                client.call("runs.cancel", dag_id=chosen, run_id=run["run_id"])


# --- which DAG


def _of_file(found: Sequence[Document], path: Path) -> list[str]:
    real = path.resolve()
    return [dag["dag_id"] for dag in found if (Path(dag["dag_folder"]) / dag["dag_file"]).resolve() == real]


def _choose(path: Path, found: list[str], errors: Sequence[Document], dag_id: str | None) -> str:
    for problem in errors:
        place = Path(problem["folder"]) / problem["file"]
        if problem["kind"] == "error" and place.resolve() == path.resolve():
            line = f":{problem['line']}" if problem["line"] else ""
            raise InvalidInput(f"{path}{line}: {problem['message']}")
    if dag_id is not None:
        if dag_id not in found:
            raise InvalidInput(f"{path} holds no DAG {dag_id!r}: it holds {', '.join(found) or 'none'}")
        return dag_id
    if not found:
        raise InvalidInput(f"{path} holds no DAG: define one with `with DAG(...)` or @dag, and call the @dag function")
    if len(found) > 1:
        raise InvalidInput(f"{path} holds several DAGs, name one with --dag: {', '.join(found)}")
    return found[0]
