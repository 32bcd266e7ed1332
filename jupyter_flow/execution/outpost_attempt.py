"""One attempt as its outpost knows it, and what it has to say of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..model.records import Workload
from ..wire.frame_stream import FrameStream
from .outpost_files import SpoolOnTheWay


@dataclass
class OutpostAttempt:
    """``door``: the Dask task that waits for it. ``spec``, ``token``: what the house sent with its yes.

    ``workload``: with paths of this machine, once it was launched. ``told``: the last of ``reported``, ``exited`` that
    the bridge was told. ``fenced``: it was killed because the lease ran out, or nobody wants it.
    """

    attempt_id: str
    door: FrameStream | None
    spec: dict[str, Any] | None = None
    token: str = ""
    bundle: str | None = None
    workload: Workload | None = None
    files: SpoolOnTheWay | None = None
    queue: Iterator[dict[str, Any]] | None = None
    is_reported: bool = False
    told: str = ""
    exited: dict[str, Any] | None = None
    ended_at: float = 0.0
    fenced: bool = False

    @property
    def is_live(self) -> bool:
        """Whether it was launched and has not ended."""
        return self.workload is not None and self.exited is None

    def restart(self, sizes: dict[str, int]) -> None:
        """Tell all again to a new connection, whose other end has ``sizes`` of the growing files."""
        self.told, self.queue = "", None
        if self.files is not None:
            self.files.restart(sizes)

    def next_message(self) -> dict[str, Any] | None:
        """Return the next message about it, None if nothing is new."""
        if self.queue is None:
            self.queue = self._messages()
        message = next(self.queue, None)
        if message is None:
            self.queue = None
        return message

    def _messages(self) -> Iterator[dict[str, Any]]:
        if self.exited is not None:
            if self.told != "exited":
                if self.files is not None and not self.fenced and self.told != "reported":
                    yield from self.files.rest()
                self.told = "exited"
                yield {"op": "exited", "attempt_id": self.attempt_id, **self.exited}
        elif self.files is None:
            return
        elif self.is_reported:
            if not self.told:
                yield from self.files.rest()
                self.told = "reported"
                yield {"op": "reported", "attempt_id": self.attempt_id}
        else:
            yield from self.files.news()

    def remove(self, home: Path) -> None:
        """Delete its files."""
        shutil.rmtree(home / "spool" / self.attempt_id, ignore_errors=True)
        shutil.rmtree(home / "work" / self.attempt_id, ignore_errors=True)


@dataclass
class Link:
    """A connection to the bridge. ``asked_at``: when it was begun, by the lease clock; ``beats``: number -> sent at."""

    stream: FrameStream
    opened_at: float
    asked_at: float
    is_welcome: bool = False
    beats: dict[int, float] = field(default_factory=dict)
    heard_at: float = 0.0
