"""Room 5, house side: the Jupyter Server extension: REST, WebSocket, supervision of the host.

May import: ``service``, ``wire``, jupyter_server, tornado.
Must never: write the database, run user code, hold scheduling logic.
A change violates this when a handler does more than translate.
"""

from __future__ import annotations

from typing import Any


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    from .extension import JupyterFlow

    return [{"module": "jupyter_flow.server", "app": JupyterFlow}]
