"""The report of an attempt, kept small enough for the house to read."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

from ..model.reason import Reason
from ..model.records import Report, Workload
from .process_figures import own_figures, packages_hash
from .spool_files import LogFile
from .stamps import now_iso
from .verdict import Verdict

_LARGEST = 950_000
"""Bytes; the house refuses results of more than 1 MB."""
_METRICS = 1_000


def build_report(
    workload: Workload,
    verdict: Verdict,
    *,
    start_date: str,
    log: LogFile,
    channel: Any,
    notebooks: Any,
    rendered: dict[str, Any],
    label: str | None = None,
) -> Report:
    """Return the report. ``channel`` and ``notebooks`` are None when the task did not come that far.

    ``label``: name of a mapped task instance.
    """
    used = own_figures()
    peak, cpu = used.peak_rss, used.cpu_time
    facts: dict[str, Any] = {"interpreter": sys.executable}
    if notebooks is not None:
        facts = dict(notebooks.facts.fields)
        peak, cpu = max(peak, notebooks.facts.peak_rss), cpu + notebooks.facts.cpu_time
    elif workload.task.needs_dag_file:
        facts["packages_hash"] = packages_hash()
    arguments = verdict.reason.args
    succeeded = verdict.outcome == "success"
    report = Report(
        attempt_id=workload.attempt_id,
        outcome=verdict.outcome,
        reason=verdict.reason,
        start_date=start_date,
        end_date=now_iso(),
        no_retry=verdict.no_retry,
        exit_code=_number(arguments.get("exit_code")),
        signal=_number(arguments.get("signal")),
        xcoms=tuple(channel.xcoms) if channel is not None else (),
        metrics=tuple(channel.metrics) if channel is not None else (),
        rendered=rendered,
        reschedule_at=verdict.reschedule_at,
        retry_delay=verdict.retry_delay,
        follow=channel.followed if succeeded and channel is not None else None,
        asset_events=tuple(channel.asset_events) if succeeded and channel is not None else (),
        label=label,
        notifications=tuple(channel.notifications) if channel is not None else (),
        log_size=log.size,
        log_sha256=log.sha256,
        peak_rss=peak,
        cpu_time=round(cpu, 4),
        **facts,
    )
    return _small_enough(report)


def _number(value: Any) -> int | None:
    return value if type(value) is int else None


def _small_enough(report: Report) -> Report:
    """Leave out what is only nice to have; if the XComs alone are too much, the attempt has failed."""
    if _size(report) <= _LARGEST:
        return report
    report = replace(report, rendered={"…": "left out: too long"})
    if _size(report) > _LARGEST:
        report = replace(report, metrics=report.metrics[-_METRICS:])
    if _size(report) > _LARGEST:
        reason = Reason("xcom_size", {"key": "(all together)", "size": _size(report), "limit": _LARGEST})
        report = replace(report, outcome="failed", reason=reason, xcoms=(), metrics=())
    return report


def _size(report: Report) -> int:
    return len(json.dumps(report.to_json(), ensure_ascii=False).encode("utf-8", "backslashreplace"))
