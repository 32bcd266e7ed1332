"""The records that cross the wall when a child is asked what a custom timetable says (see :mod:`.records`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class TimetableRequest:
    """Ask a child what a custom timetable says: the next ``count`` runs after the one of ``last`` (a run info or None).

    ``after``: leave out runs that start at or before that instant. ``manual_at``: ask for the data interval of a manual
    run at that instant instead. ``now``: the instant at which it is asked. ``timeout``: seconds (None: without limit).
    """

    dag_folder: str
    dag_file: str
    bundle: str
    dag_id: str
    home: str
    spool: str
    last: Mapping[str, Any] | None = None
    start_date: str | None = None
    end_date: str | None = None
    catchup: bool = False
    now: str | None = None
    manual_at: str | None = None
    count: int = 64
    kind: Literal["timetable"] = "timetable"
    after: str | None = None
    timeout: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the request as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True)
class TimetableReport:
    """What a custom timetable answered. ``runs``: ``[run_after, start, end]`` each, as ISO instants.

    ``ended``: it said that nothing more is scheduled for now. ``interval``: ``[start, end]`` of a manual run.
    ``error``: one line, and no answer.
    """

    runs: tuple[tuple[str, str, str], ...] = ()
    ended: bool = False
    interval: tuple[str, str] | None = None
    error: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON-ready data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TimetableReport:
        """Read what :meth:`to_json` wrote; ValueError if it is something else."""
        try:
            runs = tuple((run[0], run[1], run[2]) for run in data["runs"])
            interval = data["interval"] and (data["interval"][0], data["interval"][1])
            report = cls(runs, data["ended"], interval, data["error"])
        except (KeyError, IndexError, TypeError) as error:
            raise ValueError(f"not a report of a timetable: {error!r}") from None
        texts = [*(text for run in runs for text in run), *(interval or ()), report.error or ""]
        if type(report.ended) is not bool or not all(isinstance(text, str) for text in texts):
            raise ValueError("not a report of a timetable: a text or a flag is something else")
        return report
