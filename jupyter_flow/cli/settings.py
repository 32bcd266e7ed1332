"""What every command takes: ``--home``, ``--dags``, ``--json``; and how a command asks the house."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..model.errors import NoHost
from ..model.records import Actor
from ..wire.client import HouseClient
from ..wire.environment import DB_URL_VARIABLE, PROFILE_VARIABLE
from ..wire.paths import default_dag_folders, default_home

if TYPE_CHECKING:
    from ..model.config import FlowConfig


@dataclass
class Settings:
    """The options of this call. ``dags`` is empty when none were named."""

    home: Path = field(default_factory=default_home)
    dags: tuple[Path, ...] = field(default_factory=default_dag_folders)
    json: bool = False

    def dag_folders(self) -> tuple[Path, ...]:
        """Return the DAG folders in force: those named, else ``dags`` in the current folder if there is one."""
        if self.dags:
            return self.dags
        here = Path.cwd() / "dags"
        return (here,) if here.is_dir() else ()

    def config(self, **changes: Any) -> FlowConfig:
        """Return the configuration of this house; ``changes`` are fields of ``FlowConfig``."""
        from ..model.config import FlowConfig

        given = {name: value for name, value in changes.items() if value is not None}
        given.setdefault("profile", os.environ.get(PROFILE_VARIABLE, ""))
        from ..service import mail, xcom_settings

        read = {**xcom_settings.from_environment(), **mail.from_environment()}
        if url := os.environ.get(DB_URL_VARIABLE):
            read["db_url"] = url
        return FlowConfig(**{"home": self.home, "dag_folders": self.dag_folders(), **read, **given})

    def client(self, timeout: float | None = 60.0) -> HouseClient:
        """Connect to the living host. Raises :class:`NoHost`."""
        return HouseClient(self.home, {"actor": self.actor().to_json()}, timeout)

    def ask(self, op: str, **args: Any) -> Any:
        """Return the answer of ``op``: from the living host, else from the service room itself.

        The host is tried first and without the service room, because importing that takes longer than asking.
        """
        try:
            client = self.client()
        except NoHost:
            from ..service import caller

            return caller.call(self.config(), self.actor(), op, **args)
        with client:
            return client.call(op, **args)

    def host_lives(self) -> bool:
        """Tell whether a host answers for this home."""
        try:
            self.client(timeout=5).close()
        except NoHost:
            return False
        return True

    def actor(self) -> Actor:
        """Return who asks: the user of this process."""
        return Actor(user=_user(), auth="cli", request_id=uuid.uuid4().hex)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def current() -> Settings:
    """Return the settings of the running command."""
    return click.get_current_context().find_root().ensure_object(Settings)


def _store(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _parameter: click.Parameter, value: Any) -> None:
        settings = context.find_root().ensure_object(Settings)
        if name == "home" and value is not None:
            settings.home = Path(value).expanduser().absolute()
        elif name == "dags" and value:
            settings.dags = tuple(Path(item).expanduser().absolute() for item in value)
        elif name == "json" and value:
            settings.json = True

    return callback


def _common_options() -> list[click.Option]:
    return [
        click.Option(
            ["--home"],
            metavar="DIR",
            expose_value=False,
            callback=_store("home"),
            help="State folder of the house (default: $JUPYTER_FLOW_HOME, else `flow` in Jupyter's data folder).",
        ),
        click.Option(
            ["--dags"],
            metavar="DIR",
            multiple=True,
            expose_value=False,
            callback=_store("dags"),
            help="DAG folder, may be repeated (default: $JUPYTER_FLOW_DAGS, else `dags` in the current folder).",
        ),
        click.Option(
            ["--json"], is_flag=True, expose_value=False, callback=_store("json"), help="Print the answer as JSON."
        ),
    ]


class FlowCommand(click.Command):
    """A command with the common options."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["params"] = [*(kwargs.get("params") or []), *_common_options()]
        kwargs.setdefault("context_settings", {})["help_option_names"] = ["-h", "--help"]
        super().__init__(*args, **kwargs)


class FlowGroup(click.Group):
    """A group whose commands, and which itself, take the common options."""

    command_class = FlowCommand
    group_class = type

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["params"] = [*(kwargs.get("params") or []), *_common_options()]
        kwargs.setdefault("context_settings", {})["help_option_names"] = ["-h", "--help"]
        super().__init__(*args, **kwargs)
