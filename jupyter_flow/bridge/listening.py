"""Where the bridge listens for outposts, written down so that the next bridge listens there too."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ..wire.link import Where
from ..wire.paths import private_opener

FILE = "bridge.json"


def listen(settings: Mapping[str, Any]) -> tuple[Where, dict[str, str], socket.socket]:
    """Return where outposts connect, by which file they see whether they share the house's files, and the listener."""
    path = Path(settings["home"]) / FILE
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        known = {}
    address = settings["dask_address"]
    host = address_towards(address) if address else "127.0.0.1"
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, int(known.get("port", 0))))
    except OSError:
        listener.bind((host, 0))
    listener.listen(128)
    port = int(listener.getsockname()[1])
    key, nonce = known.get("key") or secrets.token_urlsafe(24), secrets.token_urlsafe(12)
    with open(path, "w", opener=private_opener) as file:
        json.dump({"port": port, "key": key, "nonce": nonce}, file)
    where = Where(host, port, key, bool(settings["dask_security"]))
    return where, {"path": str(path), "nonce": nonce}, listener


def address_towards(address: str) -> str:
    """Return the address of this machine that the network of the scheduler at ``address`` sees."""
    parts = urlsplit(address)
    info = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_DGRAM)[0]
    with socket.socket(info[0], socket.SOCK_DGRAM) as probe:
        probe.connect(info[4])
        return str(probe.getsockname()[0])
