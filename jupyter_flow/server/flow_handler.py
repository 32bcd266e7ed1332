"""FlowHandler: what every REST handler shares: who asks, the body's rules, refusals as HTTP."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

from jupyter_server.base.handlers import APIHandler
from tornado.web import HTTPError

from ..model.errors import FlowError
from ..model.ids import check_id
from ..model.plain_json import read_json
from ..model.records import Actor
from .house_door import HouseDoor

HTTP_OF_CODE = {
    "invalid": 400,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "stale": 409,
    "illegal_transition": 409,
    "no_host": 503,
    "database_away": 503,
}
CODE_OF_HTTP = {400: "invalid", 403: "forbidden", 404: "not_found", 405: "invalid", 409: "conflict", 415: "invalid"}
MAX_BODY = 1_000_000
_RANDOM = re.compile("[0-9a-f]{32}")
_IDS = ("dag_id", "run_id", "task_id")


def actor_of(handler: Any) -> Actor:
    """Return the user of a request as the actor that commands and views take.

    Jupyter names users that are known by a token only with random digits: their display name says more.
    """
    user = handler.current_user
    name = user.username
    if _RANDOM.fullmatch(name) and user.display_name:
        name = user.display_name
    return Actor(user=name, auth="server", ip=handler.request.remote_ip, request_id=uuid.uuid4().hex)


class FlowHandler(APIHandler):
    """Translates one request into one question or command. Ids come from the URL only."""

    @property
    def door(self) -> HouseDoor:
        """The way to the house."""
        return self.settings["jupyter_flow_door"]

    async def prepare(self) -> None:  # type: ignore[override]  # a keyword of its own, not for us
        """Refuse a foreign origin (403) and a body that is not declared as JSON (415)."""
        try:
            await super().prepare()
        except HTTPError as error:
            if error.status_code != 404:
                raise
            raise HTTPError(403, "this Origin may not use the API") from None
        if self.request.method in ("POST", "PATCH", "PUT"):
            content_type = self.request.headers.get("Content-Type", "").split(";")[0].strip().lower()
            if content_type != "application/json":
                raise HTTPError(415, "the Content-Type must be application/json")

    async def view(self, name: str, /, **args: Any) -> Any:
        """Answer with what the view says."""
        return await self._answer(lambda: self.door.view(actor_of(self), name, **self._checked(args)))

    async def command(self, op: str, /, **args: Any) -> Any:
        """Answer with what the host says to ``op``."""
        return await self._answer(lambda: self.door.command(actor_of(self), op, **self._checked(args)))

    def body(self, *allowed: str) -> dict[str, Any]:
        """Return the JSON object of the request ({} without a body); only ``allowed`` keys. Raises HTTPError 400."""
        if not self.request.body:
            return {}
        try:
            if len(self.request.body) > MAX_BODY:
                raise ValueError(f"it is over {MAX_BODY} bytes")
            body = read_json(self.request.body)
        except (ValueError, RecursionError) as error:
            raise HTTPError(400, f"the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise HTTPError(400, "the body is not a JSON object")
        if unknown := sorted(set(body) - set(allowed)):
            known = ", ".join(allowed) or "none"
            raise HTTPError(400, f"unknown fields in the body: {', '.join(unknown)[:200]}. Known are: {known}")
        return body

    def number(self, name: str, default: int | None, least: int, most: int) -> int | None:
        """Return the query argument ``name`` as a whole number in bounds. Raises HTTPError 400."""
        text = self.get_query_argument(name, None)
        if text is None:
            return default
        try:
            value = int(text) if len(text) <= 20 else None
        except ValueError:
            value = None
        if value is None or not least <= value <= most:
            raise HTTPError(400, f"{name} must be a whole number from {least} to {most}")
        return value

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer every failure as ``{"code", "message"}``; details of a crash stay in the server's log."""
        error = kwargs.get("exc_info", (None, None))[1]
        message = self._reason if isinstance(error, HTTPError) else "an error in the server: see its log"
        if isinstance(error, HTTPError) and error.log_message:
            message = error.log_message % error.args
        code = getattr(error, "flow_code", None) or CODE_OF_HTTP.get(status_code, "error")
        self.finish(json.dumps({"code": code, "message": message}))

    def log_exception(self, kind: Any, error: Any, trace: Any) -> None:
        """Log a refusal as one line without the query, which may hold a token; crashes as everywhere."""
        if isinstance(error, HTTPError):
            message = error.log_message % error.args if error.log_message else ""
            self.log.info("%d %s %s: %s", error.status_code, self.request.method, self.request.path, message)
        else:
            super().log_exception(kind, error, trace)

    async def _answer(self, ask: Callable[[], Any]) -> None:
        try:
            document = await ask()
        except FlowError as error:
            refusal = HTTPError(HTTP_OF_CODE.get(error.code, 500), str(error))
            refusal.flow_code = error.code  # type: ignore[attr-defined]
            raise refusal from None
        self.finish(json.dumps(document, separators=(",", ":")))

    @staticmethod
    def _checked(args: dict[str, Any]) -> dict[str, Any]:
        for name in _IDS:
            if name in args and args[name] is not None:
                check_id(args[name], name)
        return args


class UnknownHandler(FlowHandler):
    """What stands under our prefix and is none of our resources."""

    async def prepare(self) -> None:  # type: ignore[override]  # a keyword of its own, not for us
        """Refuse whoever is not logged in, then everybody."""
        await super().prepare()
        if not self.current_user:
            raise HTTPError(403)
        raise HTTPError(404, "no such resource: see openapi.json")
