"""What the checks read of the database: rows as they were committed, and the slow model of a run beside them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from support.slow_model import SlowRun

from jupyter_flow.model.records import Report

ACTIVE = {"queued", "running"}
HELD = {*ACTIVE, "up_for_retry", "up_for_reschedule"}
ENDED = {"success", "failed", "cancelled", "skipped", "upstream_failed", "removed"}
RUN_ENDED = {"success", "failed", "cancelled"}
OUTSIDE = {"marked", "cleared", "cancel", "run_cancelled", "run_timeout", "fail_fast", "dag_retry"}
"""Reasons of changes that the trigger rules know nothing of."""
NEVER = "9999"
NOT_ACCEPTED = {None, "stale", "lost"}
STATES = {"rescheduled": "up_for_reschedule"}

TASKS = """SELECT id, dag_run_id, task_id, map_index, state, row_version, held_by, check_at, try_number, max_tries,
 attempt_count, attempt_id, pool, pool_slots, infra_losses FROM task_instance"""
RUNS = "SELECT id, dag_id, run_id, state, row_version, held_by, check_at, last_seq, cancel_requested_at FROM dag_run"
ATTEMPTS = "SELECT id, task_instance_id, attempt_number, try_number, finished_at, outcome, token_hash FROM attempt"
EVENTS = """SELECT id, kind, dag_run_id, seq, task_id, map_index, state_from, state_to, reason, actor
 FROM event WHERE id > ? ORDER BY id"""


@dataclass
class Task:
    id: int
    dag_run_id: int
    task_id: str
    map_index: int
    state: str
    row_version: int
    held_by: str
    check_at: str
    try_number: int
    max_tries: int
    attempt_count: int
    attempt_id: str | None
    pool: str
    pool_slots: int
    infra_losses: int

    @property
    def key(self) -> tuple[str, int]:
        return self.task_id, self.map_index


@dataclass
class Run:
    id: int
    dag_id: str
    run_id: str
    state: str
    row_version: int
    held_by: str
    check_at: str
    last_seq: int
    cancel_requested_at: str | None


@dataclass
class Attempt:
    id: str
    task_instance_id: int
    attempt_number: int
    try_number: int
    finished_at: str | None
    outcome: str | None
    token_hash: str


@dataclass
class Event:
    id: int
    kind: str
    dag_run_id: int | None
    seq: int
    task_id: str | None
    map_index: int | None
    state_from: str | None
    state_to: str | None
    reason: Any
    actor: str | None

    @property
    def code(self) -> str | None:
        return json.loads(self.reason)["code"] if self.reason else None

    @property
    def key(self) -> tuple[str, int]:
        return self.task_id or "", -1 if self.map_index is None else self.map_index


class Shadow:
    """A slow model of one run, fed with what is not for trigger rules to decide; it says what the rest must be."""

    def __init__(self, spec: Any) -> None:
        self.spec = spec
        self.model = SlowRun(spec)
        self.is_lost = False
        """The outcome is not determined by what the model knows."""

    def external(self, event: Event, task: Task | None, report: Report | None) -> None:
        model, key = self.model, event.key
        if event.state_to in ENDED:
            model.states[key] = event.state_to
            if event.state_to == "success" and event.state_from in ACTIVE and event.code == "ok" and report is not None:
                if report.follow is not None:
                    model.chosen[key] = dict(report.follow)
                for item in report.xcoms:
                    model.pushed[key] = len(item["value"])
        elif event.state_to == "waiting":
            model.states[key] = "waiting"
            model.chosen.pop(key, None)
            model.pushed.pop(key, None)
            if model.expansion(key[0]) is not None or any(item.expand for item in self.spec.tasks):
                self.is_lost = True  # how many instances there are is another question now
        elif event.state_to in HELD:
            model.states[key] = "held"
        else:
            model.states[key] = "scheduled"
