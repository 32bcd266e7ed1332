"""Trigger rules: what the ends of the upstream tasks mean for a task. Airflow's meanings.

A rule is two questions over the same counts: does it end the task without running it, and may the task run.
Cancelled counts as failed. Removed task instances are not counted at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..model.errors import InvalidInput
from ..model.state import TaskState


@dataclass
class UpstreamCounts:
    """How many upstream task instances there are and how they ended. ``failed`` includes cancelled ones.

    ``setups`` of them are setup tasks, of which ``setups_success`` and ``setups_skipped`` ended so.
    """

    total: int = 0
    success: int = 0
    skipped: int = 0
    failed: int = 0
    upstream_failed: int = 0
    setups: int = 0
    setups_success: int = 0
    setups_skipped: int = 0

    @property
    def done(self) -> int:
        """How many have ended."""
        return self.success + self.skipped + self.failed + self.upstream_failed

    @property
    def any_failed(self) -> bool:
        """Whether one failed, itself or through its own upstream."""
        return self.failed + self.upstream_failed > 0

    @property
    def all_done(self) -> bool:
        """Whether all have ended."""
        return self.done >= self.total

    def plus(self, other: UpstreamCounts) -> UpstreamCounts:
        """Return the sum of both."""
        return UpstreamCounts(
            self.total + other.total,
            self.success + other.success,
            self.skipped + other.skipped,
            self.failed + other.failed,
            self.upstream_failed + other.upstream_failed,
            self.setups + other.setups,
            self.setups_success + other.setups_success,
            self.setups_skipped + other.setups_skipped,
        )


@dataclass(frozen=True)
class Rule:
    """``ends``: the state in which the task ends unrun, or None. ``may_run``: asked if it does not end."""

    ends: Callable[[UpstreamCounts], TaskState | None]
    may_run: Callable[[UpstreamCounts], bool]


def _never_ends(_counts: UpstreamCounts) -> TaskState | None:
    return None


def _all_done(counts: UpstreamCounts) -> bool:
    return counts.all_done


def _all_success_ends(counts: UpstreamCounts) -> TaskState | None:
    if counts.any_failed:
        return TaskState.UPSTREAM_FAILED
    return TaskState.SKIPPED if counts.skipped else None


def _all_failed_ends(counts: UpstreamCounts) -> TaskState | None:
    return TaskState.SKIPPED if counts.success or counts.skipped else None


def _min_one_success_ends(counts: UpstreamCounts) -> TaskState | None:
    if counts.skipped:  # a skipped task does not count as done here
        return TaskState.SKIPPED
    return TaskState.UPSTREAM_FAILED if counts.all_done and not counts.success else None


def _setup_success_ends(counts: UpstreamCounts) -> TaskState | None:
    if not counts.all_done or not counts.setups:
        return None
    if counts.setups_skipped >= counts.setups:
        return TaskState.SKIPPED
    return None if counts.setups_success else TaskState.UPSTREAM_FAILED


def _one_success_ends(counts: UpstreamCounts) -> TaskState | None:
    if not counts.all_done or counts.success:
        return None
    return TaskState.SKIPPED if counts.skipped == counts.total else TaskState.UPSTREAM_FAILED


def _one_failed_ends(counts: UpstreamCounts) -> TaskState | None:
    return TaskState.SKIPPED if counts.all_done and not counts.any_failed else None


def _one_done_ends(counts: UpstreamCounts) -> TaskState | None:
    return TaskState.SKIPPED if counts.all_done and not (counts.success or counts.failed) else None


def _none_failed_ends(counts: UpstreamCounts) -> TaskState | None:
    return TaskState.UPSTREAM_FAILED if counts.any_failed else None


def _none_failed_min_one_success_ends(counts: UpstreamCounts) -> TaskState | None:
    if counts.any_failed:
        return TaskState.UPSTREAM_FAILED
    return TaskState.SKIPPED if counts.skipped == counts.total else None


def _none_skipped_ends(counts: UpstreamCounts) -> TaskState | None:
    return TaskState.SKIPPED if counts.skipped else None


def _all_skipped_ends(counts: UpstreamCounts) -> TaskState | None:
    return TaskState.SKIPPED if counts.success or counts.any_failed else None


RULES: dict[str, Rule] = {
    "all_success": Rule(_all_success_ends, lambda counts: counts.success >= counts.total),
    "all_failed": Rule(_all_failed_ends, lambda counts: counts.failed + counts.upstream_failed >= counts.total),
    "all_done": Rule(_never_ends, _all_done),
    "all_done_min_one_success": Rule(_min_one_success_ends, _all_done),
    "all_done_setup_success": Rule(_setup_success_ends, _all_done),
    "one_success": Rule(_one_success_ends, lambda counts: counts.success > 0),
    "one_failed": Rule(_one_failed_ends, lambda counts: counts.any_failed),
    "one_done": Rule(_one_done_ends, lambda counts: counts.success + counts.failed > 0),
    "none_failed": Rule(_none_failed_ends, lambda counts: counts.success + counts.skipped >= counts.total),
    "none_failed_min_one_success": Rule(
        _none_failed_min_one_success_ends, lambda counts: counts.success + counts.skipped >= counts.total
    ),
    "none_skipped": Rule(_none_skipped_ends, _all_done),
    "all_skipped": Rule(_all_skipped_ends, lambda counts: counts.skipped >= counts.total),
    "always": Rule(_never_ends, lambda _counts: True),
}
"""All rules by name."""

MEANINGS: dict[str, str] = {
    "all_success": "all upstream tasks must succeed",
    "all_failed": "all upstream tasks must fail",
    "all_done": "all upstream tasks must have ended",
    "all_done_min_one_success": "all upstream tasks must have ended unskipped, one of them successfully",
    "all_done_setup_success": "all upstream tasks must have ended, and a setup among them must have succeeded",
    "one_success": "one upstream task must succeed",
    "one_failed": "one upstream task must fail",
    "one_done": "one upstream task must succeed or fail",
    "none_failed": "no upstream task may fail",
    "none_failed_min_one_success": "no upstream task may fail and one must succeed",
    "none_skipped": "no upstream task may be skipped",
    "all_skipped": "all upstream tasks must be skipped",
    "always": "the task runs at once",
}
"""What each rule asks for, for reasons."""


def check_rule(name: str) -> str | None:
    """Return None if the rule is supported, else a sentence that says which are."""
    if name in RULES:
        return None
    return f"trigger rule {name!r} is not supported: use one of {', '.join(sorted(RULES))}"


def judge(name: str, counts: UpstreamCounts) -> TaskState:
    """Return where a task with this rule goes: ``waiting`` (stay), ``scheduled`` (may run) or the state it ends in.

    Without upstream tasks every rule lets the task run. Raises :class:`InvalidInput` for an unknown rule.
    """
    rule = RULES.get(name)
    if rule is None:
        raise InvalidInput(check_rule(name))
    if counts.total == 0:
        return TaskState.SCHEDULED
    ended = rule.ends(counts)
    if ended is not None:
        return ended
    return TaskState.SCHEDULED if rule.may_run(counts) else TaskState.WAITING
