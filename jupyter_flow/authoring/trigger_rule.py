"""TriggerRule: on which states of its upstream tasks a task starts."""

from __future__ import annotations

from enum import StrEnum


class TriggerRule(StrEnum):
    """The rules that this version decides by. Airflow's other rules are refused by name."""

    ALL_SUCCESS = "all_success"
    ALL_DONE = "all_done"
    ONE_FAILED = "one_failed"
    NONE_FAILED = "none_failed"


NOT_YET = frozenset(
    {
        "all_failed",
        "all_done_min_one_success",
        "all_done_setup_success",
        "always",
        "all_skipped",
        "dummy",
        "none_failed_min_one_success",
        "none_failed_or_skipped",
        "none_skipped",
        "one_done",
        "one_success",
    }
)
"""Rules of Airflow that this version does not have."""
