"""Answers ``dags.next`` for custom timetables: from what is known ahead, else by asking the timetable itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model.changes import RunInfo
from ..model.errors import FlowError
from ..model.instants import from_iso
from ..storage import dags, timetables
from . import documents
from .custom_timetables import CustomTimetables
from .documents import Document
from .house import House
from .house_socket import Peer


def ask_next(
    house: House,
    asker: CustomTimetables,
    args: Mapping[str, Any],
    found: list[Document],
    peer: Peer,
    number: Any,
) -> bool:
    """Tell whether the answer ``found`` may be wrong or short; then the right one goes to ``peer`` later."""
    count = args.get("count", 1)
    with house.reading() as connection:
        dag = dags.get_dag(connection, args["dag_id"])
        if dag.schedule.kind != "custom":
            return False
        infos = timetables.known_runs(connection, dag.version_id).infos
    after = from_iso(args["after"]) if args.get("after") is not None else house.clock.wall()
    if len(found) == count and infos[0].run_after <= after:
        return False

    def answered(answer: list[RunInfo] | FlowError) -> None:
        if isinstance(answer, FlowError):
            peer.send({"id": number, "error": {"code": answer.code, "message": str(answer)}})
        else:
            peer.send({"id": number, "ok": [documents.next_run_document(info) for info in answer]})

    asker.ask_upcoming(dag, after, count, answered)
    return True
