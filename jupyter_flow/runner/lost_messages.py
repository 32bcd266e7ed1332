"""How many messages of a kernel were lost on their way: ipykernel numbers them.

Zmq drops what is published when nobody has read the last tens of thousands; neither end is told.
"""

from __future__ import annotations

import re
from typing import Any

_NUMBERED = re.compile(r"[0-9a-fA-F-]{8,}_[0-9]+_([0-9]+)")
"""Session, process and number: the ids of messages of ipykernel."""


class LostMessages:
    """Counts what comes between the first sign of a request on iopub and its end; other kernels lose nothing."""

    def __init__(self) -> None:
        self._request = ""
        self._first: int | None = None
        self._last = self._heard = 0

    def begin(self, request: str) -> None:
        """Count for the request of this id from now on."""
        self._request = request
        self._first = None
        self._last = self._heard = 0

    def hear(self, message: dict[str, Any], *, is_iopub: bool) -> None:
        """Take note of a message, whichever it belongs to."""
        is_own = message.get("parent_header", {}).get("msg_id") == self._request
        found = _NUMBERED.fullmatch(str(message.get("header", {}).get("msg_id", "")))
        if found is None or not (is_own or (is_iopub and self._first is not None)):
            return  # what comes before the request is not its own
        number = int(found[1])
        if is_iopub and self._first is None:
            self._first = number
        self._heard += 1
        if is_own:
            self._last = max(self._last, number)

    @property
    def count(self) -> int:
        """How many are missing, now that the request has ended."""
        if self._first is None:
            return 0
        return max(0, self._last - self._first + 1 - self._heard)
