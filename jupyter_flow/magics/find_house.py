"""Where is the house? Its socket if the kernel knows the home, else a running Jupyter Server."""

from __future__ import annotations

import getpass
import os
import uuid
from pathlib import Path
from typing import Any, Protocol

from ..model.errors import FlowError, NoHost
from ..model.records import Actor
from ..wire.client import HouseClient
from ..wire.paths import default_home
from .rest_house import RestHouse, running_servers


class AnyHouse(Protocol):
    """What answers operations."""

    def call(self, op: str, **args: Any) -> Any:
        """Ask ``op`` and return its document; refusals are raised."""


def find_house(runtime_dir: Path | None = None) -> AnyHouse:
    """Return the house to ask. Raises :class:`NoHost` with a sentence that says where it was looked for."""
    home = default_home()
    try:
        return HouseClient(home, {"actor": _actor().to_json()}, timeout=60.0)
    except NoHost:
        pass
    folder = runtime_dir or _runtime_dir()
    for info in running_servers(folder):
        house = RestHouse(str(info.get("url", "")), str(info.get("token", "")))
        try:
            if house.call("host.status")["state"] != "stopped":
                return house
        except (FlowError, KeyError, TypeError):
            continue  # a server without the extension, or one that wants another login
    raise NoHost(
        f"no host answers for {home}, and no running Jupyter Server has one: open JupyterLab with the extension, "
        "or start `jupyter flow scheduler`"
    )


def _runtime_dir() -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    return Path(jupyter_runtime_dir())


def _actor() -> Actor:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return Actor(user=user, auth="magics", request_id=uuid.uuid4().hex)
