"""The house's own mails, sent by a callback's process: no code of the author takes part."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..model.records import Workload
from ..notifications.alerts import failure_mail, sla_mail
from ..notifications.mail import MailServer, make_message
from .callback_context import sla_arguments
from .masking import masked

LAST_LINES = 60
LONGEST = 20_000
_LARGEST = 50_000_000
_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def mail_calls(workload: Workload, context: Mapping[str, Any]) -> list[tuple[str, Callable[[], Any]]]:
    """Return the sending of the mail that ``workload.callback`` is about."""
    told = workload.callback or {}

    def send() -> None:
        server = MailServer.of_house()
        subject, body = masked(list(_written(workload, told)), context["runtime"].secrets)
        server.send(make_message(server.from_email, told["to"], subject, body))
        print(f"mail to {', '.join(told['to'])}: {subject}")  # noqa: T201 - the callback's log

    return [("mail", send)]


def failing_detail(spool: Path, failing_cell: int | None) -> str:
    """Return what an attempt left of its failure: the failing cell's traceback, else the end of its log."""
    found = None if failing_cell is None else _cell_traceback(spool, failing_cell)
    return (found or _end_of_log(spool))[-LONGEST:]


def _written(workload: Workload, told: Mapping[str, Any]) -> tuple[str, str]:
    run = workload.run
    if told["event"] == "sla_miss":
        lists = sla_arguments(told, None)
        return sla_mail(run.dag_id, lists["task_list"], lists["blocking_task_list"], told["urls"])
    spool = Path(workload.spool).parent / str(told["attempt_id"])
    facts = {"dag_id": run.dag_id, "run_id": run.run_id, "logical_date": run.logical_date}
    return failure_mail(facts, told, told["urls"], failing_detail(spool, told["failing_cell"]))


def _cell_traceback(spool: Path, index: int) -> str | None:
    for path in sorted(spool.glob("*.ipynb")):
        try:
            if path.is_symlink() or path.stat().st_size > _LARGEST:
                continue
            cell = json.loads(path.read_bytes())["cells"][index]
            for output in cell.get("outputs", ()):
                if output.get("output_type") == "error":
                    lines = output.get("traceback") or [f"{output.get('ename')}: {output.get('evalue')}"]
                    return _ANSI.sub("", "\n".join(map(str, lines)))
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue
    return None


def _end_of_log(spool: Path) -> str:
    try:
        lines = (spool / "log.jsonl").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    texts = []
    for line in lines[-LAST_LINES:]:
        try:
            texts.append(str(json.loads(line)["text"]))
        except (ValueError, LookupError, TypeError):
            continue
    return _ANSI.sub("", "\n".join(texts))
