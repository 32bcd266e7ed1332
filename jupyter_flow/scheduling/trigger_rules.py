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
    """How many upstream task instances there are and how they ended. ``failed`` includes cancelled ones."""

    total: int = 0
    success: int = 0
    skipped: int = 0
    failed: int = 0
    upstream_failed: int = 0

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


@dataclass(frozen=True)
class Rule:
    """``ends``: the state in which the task ends unrun, or None. ``may_run``: asked if it does not end."""

    ends: Callable[[UpstreamCounts], TaskState | None]
    may_run: Callable[[UpstreamCounts], bool]


def _all_success_ends(counts: UpstreamCounts) -> TaskState | None:
    if counts.any_failed:
        return TaskState.UPSTREAM_FAILED
    return TaskState.SKIPPED if counts.skipped else None


def _one_failed_ends(counts: UpstreamCounts) -> TaskState | None:
    return TaskState.SKIPPED if counts.all_done and not counts.any_failed else None


def _none_failed_ends(counts: UpstreamCounts) -> TaskState | None:
    return TaskState.UPSTREAM_FAILED if counts.any_failed else None


RULES: dict[str, Rule] = {
    "all_success": Rule(_all_success_ends, lambda counts: counts.success >= counts.total),
    "all_done": Rule(lambda _counts: None, lambda counts: counts.all_done),
    "one_failed": Rule(_one_failed_ends, lambda counts: counts.any_failed),
    "none_failed": Rule(_none_failed_ends, lambda counts: counts.success + counts.skipped >= counts.total),
}
"""The supported rules by name."""


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
