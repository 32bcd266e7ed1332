"""Asks an author's timetable for runs to come, and does not believe everything."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ..authoring.dag import DAG
from ..authoring.exceptions import DagError
from ..model.instants import from_iso_or_none, to_iso
from ..model.spec import DagSpec
from ..timetables import moment
from ..timetables.base import DataInterval, TimeRestriction
from .stamps import now

COUNT = 64
"""Runs that are asked for at once."""
MOST = 100_000
"""Runs that are walked through to reach a later date."""

Info = tuple[datetime, datetime, datetime]
"""``run_after``, start and end of the data interval; UTC."""


@dataclass(frozen=True)
class Question:
    """What a timetable is asked: ``count`` runs after the one that covered ``last``, starting later than ``after``."""

    last: DataInterval | None
    restriction: TimeRestriction
    count: int = COUNT
    after: datetime | None = None


class TimetableFailure(Exception):
    """What is wrong with a timetable, in one line. ``cause``: what it raised, if it did."""

    def __init__(self, message: str, cause: BaseException | None = None) -> None:
        super().__init__(message)
        self.cause = cause


def runs_to_come(timetable: Any, question: Question, at: datetime) -> tuple[list[Info], bool]:
    """Return what ``timetable`` answers at instant ``at``, and whether it ended there.

    It is asked twice. Raises :class:`TimetableFailure`: it failed, it answered something that is no run, its dates do
    not go on, or the two answers differ.
    """
    with moment.asked_at(at):
        first = _walk(timetable, question)
        second = _walk(timetable, question)
    if first != second:
        said = _first_difference(first, second)
        raise TimetableFailure(
            f"timetable {_name(timetable)} is not deterministic: asked twice, it said {said}: "
            "its answer must follow from its arguments alone"
        )
    return first


def manual_interval(timetable: Any, run_after: datetime, at: datetime) -> tuple[datetime, datetime]:
    """Return the data interval of a manual run. Raises :class:`TimetableFailure`."""
    with moment.asked_at(at):
        try:
            interval = timetable.infer_manual_data_interval(run_after=_native(run_after))
        except NotImplementedError:
            return run_after, run_after
        except Exception as error:
            raise _failure(timetable, "infer_manual_data_interval", error) from error
    return _interval(timetable, interval)


def check_timetables(dags: Sequence[DAG], specs: Sequence[DagSpec], path: str) -> None:
    """Ask the custom timetables of a DAG file once at its parse. ``path``: the file. Raises :class:`DagError`."""
    for dag, spec in zip(dags, specs, strict=True):
        if spec.schedule.kind != "custom":
            continue
        earliest, latest = from_iso_or_none(spec.start_date), from_iso_or_none(spec.end_date)
        question = Question(None, TimeRestriction(earliest, latest, spec.catchup))
        try:
            runs_to_come(dag.timetable, question, now())
        except TimetableFailure as failure:
            place = _place(failure.cause, path) or dag.location
            raise DagError(f"DAG {spec.dag_id!r}: {failure}", place) from None


def _walk(timetable: Any, question: Question) -> tuple[list[Info], bool]:
    found: list[Info] = []
    last, previous = question.last, None if question.last is None else question.last.start
    for _ in range(MOST):
        if len(found) >= question.count:
            return found, False
        info = _ask(timetable, last, question.restriction)
        if info is None:
            return found, True
        run_after, start, end = info
        if previous is not None and start <= previous:
            raise TimetableFailure(
                f"timetable {_name(timetable)} does not go on: after the run of {to_iso(previous)} it gave "
                f"the one of {to_iso(start)}"
            )
        last, previous = DataInterval(_native(start), _native(end)), start
        if question.after is None or run_after > question.after:
            found.append(info)
    return found, False


def _ask(timetable: Any, last: DataInterval | None, restriction: TimeRestriction) -> Info | None:
    earliest, latest = (None if at is None else _native(at) for at in restriction[:2])
    own = None if last is None else DataInterval(_native(last.start), _native(last.end))
    try:
        info = timetable.next_dagrun_info(
            last_automated_data_interval=own, restriction=TimeRestriction(earliest, latest, restriction.catchup)
        )
    except Exception as error:
        raise _failure(timetable, "next_dagrun_info", error) from error
    if info is None:
        return None
    if not hasattr(info, "run_after") or not hasattr(info, "data_interval"):
        raise TimetableFailure(
            f"timetable {_name(timetable)}: next_dagrun_info must return a DagRunInfo or None, not {_shown(info)}"
        )
    start, end = _interval(timetable, info.data_interval)
    return _instant(timetable, "run_after", info.run_after), start, end


def _interval(timetable: Any, interval: Any) -> tuple[datetime, datetime]:
    try:
        start, end = interval
    except (TypeError, ValueError):
        raise TimetableFailure(
            f"timetable {_name(timetable)}: a data interval must be a DataInterval, not {_shown(interval)}"
        ) from None
    start, end = (_instant(timetable, "data interval", at) for at in (start, end))
    if end < start:
        raise TimetableFailure(
            f"timetable {_name(timetable)}: a data interval ends at {to_iso(end)}, before its start {to_iso(start)}"
        )
    return start, end


def _instant(timetable: Any, what: str, value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise TimetableFailure(f"timetable {_name(timetable)}: {what} must be a datetime, not {_shown(value)}")
    if value.tzinfo is None:
        raise TimetableFailure(f"timetable {_name(timetable)}: {what} {value.isoformat()} has no timezone")
    plain = value.astimezone(UTC)
    return datetime.fromisoformat(plain.isoformat())  # not a class of somebody else's


def _native(instant: datetime) -> Any:
    """Return the kind of datetime that the DAG file works with: pendulum's, if it has imported that."""
    pendulum = sys.modules.get("pendulum")
    return instant if pendulum is None else pendulum.instance(instant)


def _failure(timetable: Any, method: str, error: Exception) -> TimetableFailure:
    text = " ".join(str(error).split())
    words = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return TimetableFailure(f"timetable {_name(timetable)}: {method} failed: {words[:300]}", error)


def _first_difference(first: tuple[list[Info], bool], second: tuple[list[Info], bool]) -> str:
    for one, two in zip(first[0], second[0], strict=False):
        if one != two:
            return " and ".join(f"run_after {to_iso(info[0])} of {to_iso(info[1])}" for info in (one, two))
    return f"{len(first[0])} runs and {len(second[0])} runs"


def _place(error: BaseException | None, path: str) -> tuple[str, int] | None:
    """Return the last line of the DAG file that ran when ``error`` was raised."""
    frames = [] if error is None else traceback.extract_tb(error.__traceback__)
    own = [(frame.filename, frame.lineno or 0) for frame in frames if frame.filename.startswith(path)]
    return own[-1] if own else None


def _name(timetable: Any) -> str:
    return type(timetable).__name__


def _shown(value: Any) -> str:
    try:
        return " ".join(repr(value).split())[:100]
    except Exception:
        return f"a {type(value).__name__}"
