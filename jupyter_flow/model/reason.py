"""Reasons: why a row is in its state, as a code, its arguments and one English rendering."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TEXTS: dict[str, str] = {
    # task instances and attempts: why it ended
    "ok": "finished",
    "empty": "nothing to run",
    "exception": "{type}: {message}",
    "cell_error": "{type} in cell {cell}: {message}",
    "cell_exit": "sys.exit({code}) in cell {cell}",
    "kernel_died": "kernel died (signal {signal}) in cell {cell}",
    "kernel_died_exit": "kernel died (exit code {exit_code}) in cell {cell}",
    "kernel_start": "kernel {kernel} did not start: {message}",
    "kernel_unknown": "unknown kernel {kernel!r}: installed are {known}",
    "notebook": "notebook {path}: {message}",
    "parameters": "parameters: {message}",
    "template": "template field {field}: {message}",
    "outputs_lost": "{count} messages to the house were lost in an output storm in cell {cell}: {message}",
    "timeout": "timeout: not finished after {seconds:g} s",
    "timeout_cell": "timeout: cell {cell} not finished after {seconds:g} s",
    "exit_code": "the command ended with exit code {exit_code}",
    "interpreter": "{message}",
    "cwd": "working folder {path}: {message}",
    "child_run": "run {run_id} of DAG {dag_id} ended as {state}",
    "signal": "the process was ended by signal {signal}",
    "process_exit": "the task's process ended with exit code {exit_code} and left no result (os._exit?)",
    "skip": "skipped: {message}",
    "cancel": "cancelled by {actor}",
    "run_cancelled": "the DAG run was cancelled by {actor}",
    "infra": "the runner was lost ({message}); attempt {attempt} of the same try",
    "infra_exhausted": "the runner was lost {count} times: {message}",
    "bad_result": "the result of the attempt is unusable: {message}",
    "xcom_size": "XCom {key!r} has {size} bytes, more than {limit}: write a file and push its path",
    "xcom_store": "XCom {key!r} cannot be kept or read: {message}",
    "xcom_value": "{message}",
    # why it waits
    "upstream_waiting": "waits for {tasks}",
    "upstream_failed": "upstream {tasks} failed (trigger rule {rule})",
    "upstream_skipped": "upstream {tasks} skipped (trigger rule {rule})",
    "setup_not_done": "setup {tasks} did not succeed",
    "setup_waiting": "waits for setup {tasks}",
    "not_followed": "branch {task} chose {followed}",
    "short_circuited": "{task} short-circuited what comes after it",
    "rule_unmet": "trigger rule {rule} cannot be met: {message}",
    "reschedule": "to be started again at {at}",
    "map_empty": "mapped over nothing: there is nothing to do",
    "map_shorter": "what the task is mapped over has {length} items now",
    "map_waiting": "waits for what it is mapped over: {tasks}",
    "map_not_pushed": "mapped over XCom {key!r} of {task}, which pushed none: return a list or dict there",
    "map_no_list": "mapped over XCom {key!r} of {task}, which is no list or dict: return a list or dict there",
    "map_source_failed": "mapped over XCom {key!r} of {task}, which did not succeed",
    "map_too_long": "mapped over {length} items, more than max_map_length = {limit}: map over batches, or raise it",
    "expanded": "expanded to {length} task instances",
    "before_start_date": "the run's logical date is before the task's start_date {at}",
    "after_end_date": "the run's logical date is after the task's end_date {at}",
    "past_not_done": "depends_on_past: {task} is {state} in the run before, {run}",
    "past_missing": "depends_on_past: the run before, {run}, has no {task} (ignore_first_depends_on_past is off)",
    "past_downstream": "wait_for_downstream: {below} is {state} in the run before, {run}",
    "max_active_tis_per_dag": "max_active_tis_per_dag: {active} of {limit} instances of {task} are active",
    "max_active_tis_per_dagrun": "max_active_tis_per_dagrun: {active} of {limit} instances of {task} are active",
    "queue_full": "queue {queue}: {active} of {limit} slots are in use",
    "resource_group_full": "resource group {group}: {what} {used:g} of {limit:g} are held, {needed:g} more are needed",
    "memory_limit": "its processes held {mb} MB, resource group {group} allows {limit_mb} MB to a task",
    "resource_group_unknown": "resource group {group} is not one of this host: add it to resource_groups",
    "queue_unknown": "queue {queue} is not served by this host: add it to queues, e.g. queues = {{{queue!r}: 2}}",
    "retry_at": "try {next_try} of {max_tries} at {at}",
    "dag_paused": "DAG is paused",
    "timetable_asked": "waits for its timetable to say which data interval it covers",
    "max_active_runs": "max_active_runs: {active} of {limit} runs of the DAG are active",
    "hosts_full": "waits for a host with a free slot",
    "queues_unserved": "no host serves all queues of its tasks ({queues}): add them to queues of one",
    "backfill_max_active_runs": "max_active_runs: {active} of {limit} runs of backfill {backfill} are active",
    "max_active_tasks": "max_active_tasks: {active} of {limit} tasks of the DAG run are active",
    "parallelism": "parallelism: {active} of {limit} slots are in use",
    "notebook_parallelism": "notebook_parallelism: {active} of {limit} notebook slots are in use",
    "pool_full": "pool {pool}: {used} of {slots} slots are in use, {needed} needed",
    "pool_unknown": "pool {pool} does not exist: create it",
    "changed": "was changed meanwhile",
    "attempt_ending": "waits for the end of its earlier attempt, which is still running",
    "host_stopping": "the host is stopping",
    "no_host": "{message}",
    "run_after": "the run starts at {at}",
    "dispatch_paused": "dispatch is paused: {message}",
    # callbacks and what is missed
    "callbacks_failed": "{failed} of {count} failed: {message}",
    "callback_lost": "{message}: it may have been called, and is not called again",
    "callback_unstarted": "no process came to call it ({count} were begun): {message}",
    "sla_missed": "the SLA was over at {due}",
    "deadline_missed": "deadline {name} was over at {due}",
    "notification": "{message}",
    # scheduled dates that got no run
    "missed_new": "they were past when the DAG was first seen with this schedule, and {policy}",
    "missed_paused": "the DAG was paused when they were due, and {policy}",
    "missed_host_off": "no host ran when they were due, and {policy}",
    "missed_clock": "the clock was wrong when they were due, and {policy}",
    "missed_late": "they could not start in time (max_active_runs, or the machine slept), and {policy}",
    "missed_refused": "no run could be created: {message}",
    "missed_taken": "the date is taken by run {run_id}",
    # runs
    "timetable_failed": "its timetable cannot say which data interval it covers: {message}",
    "tasks_failed": "failed: {tasks}",
    "dag_retry": "failed: {tasks}; the run is tried again ({number} of {limit} dag_retries)",
    "fail_fast": "fail_fast: {tasks} failed",
    "max_consecutive_failed_dag_runs": "paused: the last {count} runs failed (max_consecutive_failed_dag_runs)",
    "run_timeout": "dagrun_timeout: not finished after {seconds:g} s",
    "marked": "marked {state} by {actor}",
    "cleared": "cleared by {actor}",
    "resumed": "{task} goes on with the notebook as {actor} has mended it",
}


LONGEST = 600
"""Characters of a rendering: longer messages are cut there, ``args`` keep them whole."""


@dataclass(frozen=True)
class Reason:
    """A reason ``code`` with its ``args``; ``str()`` gives the English rendering, one line."""

    code: str
    args: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        try:
            text = TEXTS[self.code].format(**self.args)
        except (KeyError, IndexError, ValueError, TypeError):
            text = self.code + (f" {dict(self.args)}" if self.args else "")
        line = " ".join(text.split()).removesuffix(":")  # many exceptions have no message
        return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"

    def to_json(self) -> dict[str, Any]:
        """Return ``{"code", "args", "text"}``."""
        return {"code": self.code, "args": dict(self.args), "text": str(self)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Reason | None:
        """Read what :meth:`to_json` wrote (None stays None)."""
        return None if data is None else cls(str(data["code"]), dict(data.get("args") or {}))
