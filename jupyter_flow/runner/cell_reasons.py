"""Why a cell failed: by the end of its kernel, or by the kernel's reply."""

from __future__ import annotations

from typing import Any

from ..model.reason import Reason
from .kernel_source import KernelEnd


def death_reason(end: KernelEnd, cell: int) -> Reason:
    """Return the reason of a cell whose kernel ended; ``cell`` counts code cells from 1."""
    if end.signal is not None:
        return Reason("kernel_died", {"signal": end.signal, "cell": cell})
    code = "?" if end.exit_code is None else end.exit_code
    return Reason("kernel_died_exit", {"exit_code": code, "cell": cell})


def failure_reason(reply: dict[str, Any], cell: int) -> Reason | None:
    """Return why a cell failed by its reply, None if it did not."""
    for payload in reply.get("payload") or ():
        if isinstance(payload, dict) and payload.get("source") == "ask_exit":
            return Reason("cell_exit", {"code": 0, "cell": cell})
    if reply["status"] == "ok":
        return None
    name, value = str(reply.get("ename", "Error")), str(reply.get("evalue", ""))
    if name == "SystemExit":
        return Reason("cell_exit", {"code": value, "cell": cell})
    return Reason("cell_error", {"type": name, "message": value[:2000], "cell": cell})
