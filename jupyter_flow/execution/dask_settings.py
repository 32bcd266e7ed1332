"""What the settings say of Dask, checked before anything is started or connected."""

from __future__ import annotations

import importlib.util
import ipaddress
import os
from typing import Any
from urllib.parse import urlsplit

from ..model.config import FlowConfig
from ..model.errors import InvalidInput

QUEUE_PREFIX = "queue:"
"""Tasks of queue ``q`` ask a worker for one of its resource ``queue:q``."""
DEFAULT_QUEUE = "default"


def bridge_settings(config: FlowConfig) -> dict[str, Any]:
    """Return what the bridge is told. Raises :class:`InvalidInput` for what cannot be, or must not be."""
    if importlib.util.find_spec("distributed") is None:
        raise InvalidInput("executor 'dask' needs more: pip install 'jupyterlab-flow[dask]'")
    if config.dask_address:
        check_address(config.dask_address, config.dask_security)
    for name, path in config.dask_security.items():
        if not os.access(path, os.R_OK):
            raise InvalidInput(f"dask_security: {name} {path!r} cannot be read")
    return {
        "home": str(config.home),
        "dask_address": config.dask_address,
        "dask_security": dict(config.dask_security),
        "worker_num_min": config.worker_num_min,
        "worker_num_max": config.worker_num_max,
        "polling_interval": config.polling_interval,
        "shared_store": config.shared_store,
        "local_directory": str(config.home / "workers"),
    }


def check_address(address: str, security: Any) -> None:
    """Raise :class:`InvalidInput` unless the scheduler is on this machine, or reached by TLS with a certificate."""
    parts = urlsplit(address)
    try:
        known = parts.scheme in ("tcp", "tls") and bool(parts.hostname) and parts.port is not None
    except ValueError:
        known = False
    if not known:
        raise InvalidInput(f"dask_address {address!r} must be tcp://127.0.0.1:PORT or tls://HOST:PORT")
    complete = set(security) == {"ca_file", "cert", "key"}
    if parts.scheme == "tls" and not complete:
        raise InvalidInput(f"dask_address {address!r} needs dask_security with ca_file, cert and key")
    if parts.scheme == "tcp" and security:
        raise InvalidInput(f"dask_address {address!r} is not encrypted, but dask_security is set: write tls://")
    if parts.scheme == "tcp" and not _is_loopback(parts.hostname or ""):
        raise InvalidInput(
            f"dask_address {address!r} is refused: off this machine a scheduler needs tls:// and dask_security"
        )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
