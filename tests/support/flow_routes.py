"""Every route × method of the REST API with ids filled in, enumerated from the handlers themselves."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tornado.web import RequestHandler

from jupyter_flow.server.routes import ROUTES

METHODS = ("get", "post", "patch", "put", "delete", "head")
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("PATCH", "/dags/{dag_id}"): {"is_paused": False},
    ("POST", "/dags/{dag_id}/backfills"): {"from_date": "2026-01-01", "to_date": "2026-01-02"},
    ("POST", "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/resume"): {"copy_of": "0" * 32, "cells": []},
    ("POST", "/pools"): {"name": "new", "slots": 1},
    ("PATCH", "/dags/{dag_id}/runs/{run_id}/deadlines"): {"position": 0, "note": "seen"},
    ("PATCH", "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/sla"): {"note": "seen"},
    ("POST", "/dags/{dag_id}/runs/{run_id}/mark"): {"state": "failed"},
    ("POST", "/dags/{dag_id}/runs/{run_id}/tasks/{task_id}/mark"): {"state": "failed"},
}


@dataclass(frozen=True)
class RouteMethod:
    """One method of one path template."""

    method: str
    template: str

    @property
    def name(self) -> str:
        """E.g. ``GET /dags/{dag_id}``."""
        return f"{self.method} {self.template}"

    @property
    def body(self) -> dict[str, Any] | None:
        """A valid body for it, if it takes one."""
        return BODIES.get((self.method, self.template), {} if self.method in ("POST", "PATCH") else None)

    def path(self, **ids: str) -> str:
        """The path with ``ids`` put in, percent-encoded."""
        return re.sub(r"\{(\w+)\}", lambda match: quote(ids[match[1]], safe=""), self.template)


def routes() -> list[RouteMethod]:
    """Return every method that a handler of ours defines itself."""
    found = []
    for template, handler in ROUTES.items():
        for method in METHODS:
            if getattr(handler, method) is not getattr(RequestHandler, method):
                found.append(RouteMethod(method.upper(), template))
    return found
