"""What bridge and outposts agree on: where to connect, with which TLS files, and how long a lease is."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .paths import runtime_dir

BEATS = 6
"""A lease is this many heartbeats long; one comes each ``polling_interval``."""
SHORTEST_BEAT = 0.2
MARGIN = 0.5
"""The house waits this part of a lease longer than the outpost, which by then has ended its attempts."""
CHUNK = 256 * 1024
"""Bytes of a file in one message."""
TAILED = ("log.jsonl", "cells.jsonl", "child.txt")
"""Files of a spool that only grow: they are followed by offset. Others are sent whole."""
SHARED_VARIABLE = "JUPYTER_FLOW_SHARED_FILES"
"""``no`` in a worker's environment: the files of the house are out of reach although their paths exist here."""

BRIDGE_VARIABLE = "JUPYTER_FLOW_BRIDGE"
"""``host:port`` in a worker's environment: where the bridge is seen from there (a tunnel, a translated address)."""


@dataclass(frozen=True)
class Where:
    """Where an outpost finds the bridge. ``key``: proof that it was sent by this house; ``tls``: is TLS used."""

    host: str
    port: int
    key: str
    tls: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return asdict(self)


def beat_of(polling_interval: float) -> float:
    """Return the seconds between two heartbeats."""
    return max(SHORTEST_BEAT, polling_interval)


def lease_of(polling_interval: float) -> float:
    """Return how long an attempt may run without word from its house, in seconds."""
    return BEATS * beat_of(polling_interval)


def bridge_socket(home: Path) -> Path:
    """Return the path at which the bridge of ``home`` listens for its host."""
    return runtime_dir(home) / "bridge.sock"


def door_socket(home: Path) -> Path:
    """Return the path at which an outpost with this ``home`` listens for its Dask worker."""
    return runtime_dir(home) / "door.sock"


def tls_context(files: Mapping[str, str], *, server_side: bool) -> ssl.SSLContext:
    """Return a context in which both sides show a certificate of ``ca_file``. Raises OSError for unusable files."""
    purpose = ssl.Purpose.CLIENT_AUTH if server_side else ssl.Purpose.SERVER_AUTH
    context = ssl.create_default_context(purpose, cafile=files["ca_file"])
    context.check_hostname = False  # certificates of a cluster name no hosts; the authority is the cluster's own
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(files["cert"], files.get("key") or None)
    return context
