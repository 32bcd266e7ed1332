"""Who asks, as a request on ``house.sock`` says."""

from __future__ import annotations

from typing import Any

from ..model.errors import InvalidInput
from ..model.records import Actor


def actor_of(data: Any) -> Actor:
    """Read the actor of a request. Raises :class:`InvalidInput`."""
    if not isinstance(data, dict) or not isinstance(data.get("user"), str) or not isinstance(data.get("auth"), str):
        raise InvalidInput('a request names its actor: {"user", "auth"}')
    texts = {name: data.get(name) for name in ("ip", "request_id")}
    if not all(text is None or isinstance(text, str) for text in texts.values()):
        raise InvalidInput("ip and request_id of an actor are text")
    return Actor(data["user"], data["auth"], **texts)
