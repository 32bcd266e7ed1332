"""The process that asks a custom timetable; started like a parse (:mod:`.parse_child`), with a TimetableRequest."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..authoring import variable
from ..model.instants import from_iso, from_iso_or_none, to_iso
from ..model.timetable_records import TimetableReport, TimetableRequest
from ..timetables.base import DataInterval, TimeRestriction
from .ask_timetable import Question, TimetableFailure, manual_interval, runs_to_come
from .dag_loader import DagFileLoader
from .parse_child import ask_variable, at_most, describe
from .spool_files import RESULT, save_atomically
from .stamps import now


def run(request: TimetableRequest) -> TimetableReport:
    """Ask and return the answer; the same is written to ``result.json`` in ``request.spool``."""
    report = ask(request)
    data = json.dumps(report.to_json(), ensure_ascii=False, separators=(",", ":"))
    save_atomically(Path(request.spool) / RESULT, data.encode("utf-8", "backslashreplace"), name="timetable_report")
    return report


def ask(request: TimetableRequest) -> TimetableReport:
    """Load the DAG file, ask the timetable of the DAG. No failure comes through: it is in ``error``."""
    loader = DagFileLoader(request.dag_folder, request.dag_file, request.bundle or None)
    variable.set_parse_reader(lambda key: ask_variable(request.home, key))
    try:
        with warnings.catch_warnings(), loader, at_most(request.timeout):
            warnings.simplefilter("ignore")
            return _answer(request, loader)
    except TimetableFailure as failure:
        return TimetableReport(error=str(failure))
    except BaseException as problem:
        return TimetableReport(error=describe(problem, loader)["message"])
    finally:
        variable.set_parse_reader(None)


def _answer(request: TimetableRequest, loader: DagFileLoader) -> TimetableReport:
    found = [dag for dag in loader.load().dags if dag.dag_id == request.dag_id]
    if not found or found[0].timetable is None:
        raise TimetableFailure(f"{request.dag_file} has no timetable of DAG {request.dag_id!r} when it is loaded again")
    timetable, at = found[0].timetable, from_iso_or_none(request.now) or now()
    if request.manual_at is not None:
        start, end = manual_interval(timetable, from_iso(request.manual_at), at)
        return TimetableReport(interval=(to_iso(start), to_iso(end)))
    earliest, latest = from_iso_or_none(request.start_date), from_iso_or_none(request.end_date)
    question = Question(
        _interval(request.last),
        TimeRestriction(earliest, latest, request.catchup),
        request.count,
        from_iso_or_none(request.after),
    )
    infos, ended = runs_to_come(timetable, question, at)
    return TimetableReport(tuple((to_iso(after), to_iso(start), to_iso(end)) for after, start, end in infos), ended)


def _interval(last: Mapping[str, Any] | None) -> DataInterval | None:
    return None if last is None else DataInterval(from_iso(last["start"]), from_iso(last["end"]))
