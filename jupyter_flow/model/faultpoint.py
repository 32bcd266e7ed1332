"""Fault points: named no-ops at which a test can crash, fail or delay the process.

They stand around everything that must survive a crash: commits, renames, fsyncs, forks and starts of processes. A
name is ``<what>.<before|after>_<verb>``, e.g. ``claim.after_commit``. In service nothing is armed, and a fault point
costs one comparison.
"""

from __future__ import annotations

from collections.abc import Callable

_hook: Callable[[str], None] | None = None


def faultpoint(name: str) -> None:
    """Do nothing, unless this process is armed: then let the hook crash, raise or wait."""
    if _hook is not None:
        _hook(name)


def arm(hook: Callable[[str], None] | None) -> None:
    """Have ``hook(name)`` called at every fault point of this process; None disarms it."""
    global _hook
    _hook = hook
