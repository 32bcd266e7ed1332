"""The attempts that a bridge knows, and the outposts that speak to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..wire.frame_stream import FrameStream


@dataclass(eq=False)
class Outpost:
    """A connection from beside a worker. ``seen_at``: monotonic instant of its last word."""

    stream: FrameStream
    opened_at: float
    worker: str = ""
    hello: dict[str, Any] = field(default_factory=dict)
    is_welcome: bool = False
    seen_at: float = 0.0


@dataclass(eq=False)
class Attempt:
    """One attempt. ``waiting`` (in Dask) → ``asked`` (a worker asks the house) → ``granted`` → ``ended``.

    ``seen_at``: monotonic instant at which its worker was last heard of. ``process``: pid, start ticks and boot id of
    the outpost, where known. ``wish``: ``cancel`` or ``kill``, to be told when the outpost is back.
    """

    attempt_id: str
    spool: Path
    resources: dict[str, float] = field(default_factory=dict)
    state: Literal["waiting", "asked", "granted", "ended"] = "waiting"
    worker: str | None = None
    outpost: Outpost | None = None
    seen_at: float = 0.0
    process: tuple[int, int, str] | None = None
    wish: str | None = None
    end: dict[str, Any] = field(default_factory=dict)
    again_at: float | None = None
