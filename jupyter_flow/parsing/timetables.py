"""Asks custom timetables, in bounded children. Driven by its owner's loop, like :mod:`.loop`."""

from __future__ import annotations

import json
import shutil
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ..execution.children import Exited, Launcher, Notice
from ..execution.results import RESULT_FILE, BadResult, read_json
from ..model.config import FlowConfig
from ..model.errors import InvalidInput
from ..model.instants import from_iso
from ..model.records import parse_timeout_message
from ..model.timetable_records import TimetableReport, TimetableRequest
from ..wire.paths import private_opener
from .loop import KILL_AFTER

AT_ONCE = 2
"""Children at one time."""

Answered = Callable[[TimetableReport], None]


@dataclass
class _Child:
    spool: Path
    kill_at: float
    answered: Answered
    overdue: bool = False


class TimetableLoop:
    """Asks one question in one child. The owner calls :meth:`pump` in every turn and at :meth:`next_deadline`, and
    :meth:`take` with the notices of kind ``parse``. ``now`` is a monotonic instant in seconds.
    """

    def __init__(self, config: FlowConfig, launcher: Launcher, spool: Path) -> None:
        self._config = config
        self._launcher = launcher
        self._spool = spool
        self._waiting: deque[tuple[TimetableRequest, Answered]] = deque()
        self._running: dict[str, _Child] = {}

    @property
    def busy(self) -> bool:
        """Tell whether a question waits or is being asked."""
        return bool(self._waiting or self._running)

    def ask(self, request: TimetableRequest, answered: Answered) -> None:
        """Ask; ``answered`` is called from :meth:`take`. ``home``, ``spool`` and ``timeout`` are filled in here."""
        self._waiting.append((request, answered))

    def pump(self, now: float) -> None:
        """Kill children over their timeout; start what waits."""
        for key, child in self._running.items():
            if child.kill_at <= now and not child.overdue:
                child.overdue = True
                self._launcher.kill(key)
        while self._waiting and len(self._running) < AT_ONCE:
            self._start(*self._waiting.popleft(), now)

    def next_deadline(self) -> float | None:
        """Return the instant of the next timeout, None if there is none."""
        return min((child.kill_at for child in self._running.values() if not child.overdue), default=None)

    def take(self, notices: Iterable[Notice]) -> None:
        """Take what launchers say of children; those of others are passed over."""
        for notice in notices:
            if isinstance(notice, Exited) and (child := self._running.pop(notice.key, None)) is not None:
                report = self._read(child, notice)
                shutil.rmtree(child.spool, ignore_errors=True)
                child.answered(report)

    def close(self) -> None:
        """Kill what runs and remove its folders."""
        for key, child in self._running.items():
            self._launcher.kill(key)
            shutil.rmtree(child.spool, ignore_errors=True)
        self._running.clear()
        self._waiting.clear()

    def _start(self, request: TimetableRequest, answered: Answered, now: float) -> None:
        key = f"parse-timetable-{uuid.uuid4().hex}"
        spool = self._spool / key
        spool.mkdir(mode=0o700, parents=True)
        timeout = self._config.parse_timeout
        whole = replace(request, home=str(self._config.home), spool=str(spool), timeout=timeout)
        with open(spool / "spec.json", "w", encoding="utf-8", opener=private_opener) as spec:
            spec.write(json.dumps(whole.to_json()))
        self._running[key] = _Child(spool, now + timeout + KILL_AFTER, answered)
        self._launcher.launch(key, "parse", spool, None)

    def _read(self, child: _Child, notice: Exited) -> TimetableReport:
        try:
            data = read_json(child.spool, RESULT_FILE)
            if not isinstance(data, dict):
                raise BadResult("not an object")
            report = TimetableReport.from_json(data)
            for instant in (*(at for run in report.runs for at in run), *(report.interval or ())):
                from_iso(instant)
        except FileNotFoundError:
            if child.overdue:
                return TimetableReport(error=parse_timeout_message(self._config.parse_timeout))
            how = f"signal {notice.signal}" if notice.signal is not None else f"exit code {notice.exit_code}"
            return TimetableReport(error=f"the process that asked it ended without an answer ({notice.problem or how})")
        except (ValueError, InvalidInput) as error:
            return TimetableReport(error=f"what it left as its answer is not usable: {str(error)[:300]}")
        return report
