"""A slow model of one run, written from the rules as Airflow documents them. It keeps states and nothing else.

Everything is looked up anew each time: no counts, no order, no memory of what changed. A round looks at all
waiting task instances as they stood at its beginning and moves them together.
"""

from __future__ import annotations

from itertools import product
from typing import Any

from jupyter_flow.model.spec import DagSpec, TaskSpec

Key = tuple[str, int]
ENDED = {"success", "failed", "cancelled", "skipped", "upstream_failed", "removed"}
BAD = {"failed", "cancelled", "upstream_failed"}
WAIT, RUN = "waiting", "scheduled"


class SlowRun:
    """``states``: of each task instance; ``chosen``: what branching ones said; ``pushed``: lengths of outputs."""

    def __init__(self, spec: DagSpec) -> None:
        self.tasks = {task.task_id: task for task in spec.tasks}
        self.groups = {group.group_id: group for group in spec.groups}
        self.states: dict[Key, str] = {(name, -1): WAIT for name in self.tasks}
        self.chosen: dict[Key, dict[str, Any]] = {}
        self.pushed: dict[Key, int] = {}

    # --- the graph

    def children(self, name: str) -> set[str]:
        return {task.task_id for task in self.tasks.values() if name in task.upstream}

    def descendants(self, name: str) -> set[str]:
        found = self.children(name)
        for child in set(found):
            found |= self.descendants(child)
        return found

    def together(self, one: str, other: str) -> bool:
        """Whether both are in one mapped group, where indexes belong to each other."""
        group = self.tasks[one].group
        return group is not None and group == self.tasks[other].group

    def expansion(self, name: str) -> dict[str, Any] | None:
        group = self.tasks[name].group
        return dict(self.groups[group].expand or {}) if group is not None else self.tasks[name].expand  # type: ignore

    def kin(self, name: str) -> set[str]:
        return {name} | {other for other in self.tasks if self.together(name, other)}

    def instances(self, name: str) -> list[Key]:
        return [key for key in self.states if key[0] == name and self.states[key] != "removed"]

    def seen_from(self, key: Key, names: set[str]) -> list[tuple[TaskSpec, str]]:
        """The states of the instances of ``names`` that the instance ``key`` depends on."""
        found = []
        for name in names:
            for other in self.instances(name):
                apart = self.together(key[0], name) and -1 not in (key[1], other[1])
                if not (apart and key[1] != other[1]):
                    found.append((self.tasks[name], self.states[other]))
        return found

    # --- one round

    def settle(self) -> None:
        while self.round():
            pass

    def round(self) -> bool:
        moves: dict[Key, str] = {}
        grown: dict[str, int] = {}
        for key, state in self.states.items():
            if state in (WAIT, RUN):
                found = self.verdict(key)
                if isinstance(found, int):
                    grown |= dict.fromkeys(self.kin(key[0]), found)
                elif found != state:
                    moves[key] = found
        for name, length in grown.items():
            if self.states.get((name, -1)) in (WAIT, RUN) and (name, -1) not in moves:
                del self.states[name, -1]
                self.states |= {(name, index): WAIT for index in range(length)}
        self.states |= moves
        return bool(moves or grown)

    def verdict(self, key: Key) -> str | int:
        """Where a task instance goes; a number: how many instances its task gets first."""
        name, index = key
        task = self.tasks[name]
        if any(self.left_behind(key, source) for source in self.chosen):
            return "skipped"
        found = self.by_setups_and_rule(key, task)
        if self.expansion(name) is not None and self.states[key] == WAIT and index == -1:
            others = self.kin(name) - {name}
            late = any(other in others and at >= 0 for other, at in self.states)
            if found == RUN or (found == WAIT and late):
                return self.length(name)
        if found == RUN and (task.operator_ref or "").endswith(":EmptyOperator"):
            return "success"
        return found

    def left_behind(self, key: Key, source: Key) -> bool:
        """Whether the branching instance ``source`` succeeded and lets ``key`` not go on."""
        if self.states.get(source) != "success" or source[1] not in (-1, key[1]):
            return False
        said = self.chosen[source]
        if said.get("short_circuit") == "all":
            return key[0] in self.descendants(source[0]) and not self.tasks[key[0]].is_teardown
        if key[0] not in self.children(source[0]):
            return False
        if said.get("short_circuit") == "direct":
            return not self.tasks[key[0]].is_teardown
        roads: set[str] = set()
        for name in said["branch"]:
            if name in self.tasks:
                roads |= {name} | self.descendants(name)
            else:
                inside = {task.task_id for task in self.tasks.values() if task.group == name}
                for task_id in inside:
                    if not inside & set(self.tasks[task_id].upstream):
                        roads |= {task_id} | self.descendants(task_id)
        return key[0] not in roads

    # --- rules

    def by_setups_and_rule(self, key: Key, task: TaskSpec) -> str:
        by_rule = rule(task.trigger_rule, self.seen_from(key, set(task.upstream)))
        if task.trigger_rule == "always" or task.is_teardown:
            return by_rule
        setups = [state for _, state in self.seen_from(key, self.setups_of(task))]
        if any(state in BAD for state in setups):
            return "upstream_failed"
        if "skipped" in setups:
            return "skipped"
        return WAIT if by_rule == RUN and any(state != "success" for state in setups) else by_rule

    def setups_of(self, task: TaskSpec) -> set[str]:
        """Setups somewhere upstream, not right upstream, whose teardown (if they have one) is still to come."""
        found = set()
        below = self.descendants(task.task_id)
        for setup in self.tasks.values():
            if setup.is_setup and task.task_id in self.descendants(setup.task_id):
                teardowns = {name for name in self.children(setup.task_id) if self.tasks[name].is_teardown}
                if setup.task_id not in task.upstream and (not teardowns or teardowns & below):
                    found.add(setup.task_id)
        return found

    # --- mapping

    def length(self, name: str) -> str | int:
        total = 1
        for item in (self.expansion(name) or {})["inputs"].values():
            found = item["const"] if "const" in item else self.output(item["xcom"][0])
            if isinstance(found, str):
                return found
            total *= found
        return total or "skipped"

    def output(self, source: str) -> str | int:
        keys = self.instances(source)
        if any(self.states[key] not in ENDED for key in keys):
            return WAIT
        if self.expansion(source) is not None:
            return sum(key[0] == source and key[1] >= 0 for key in self.pushed)
        if (source, -1) in self.pushed:
            return self.pushed[source, -1]
        return "failed" if self.states[source, -1] == "success" else "upstream_failed"

    # --- the end

    @property
    def ended(self) -> str | None:
        """The state of the run: by its leaves without teardowns, and what is right before a teardown."""
        if any(state not in ENDED for state in self.states.values()):
            return None
        deciding = set()
        for name, task in self.tasks.items():
            if not self.children(name) and (not task.is_teardown or task.on_failure_fail_dagrun):
                deciding.add(name)
            if task.is_teardown and task.on_failure_fail_dagrun:
                deciding.add(name)
            if any(self.tasks[child].is_teardown for child in self.children(name)) and not task.is_teardown:
                deciding.add(name)
        ends = {self.states[key] for name, key in product(deciding, self.states) if key[0] == name}
        return "failed" if ends & BAD else "success"


def rule(name: str, upstream: list[tuple[TaskSpec, str]]) -> str:
    """What a trigger rule says, given the upstream task instances, as the table of Airflow's documentation has it."""
    states = ["failed" if state == "cancelled" else state for _, state in upstream]
    if not states or name == "always":
        return RUN
    all_ended = all(state in ENDED for state in states)
    failed, skipped = any(state in BAD for state in states), "skipped" in states
    succeeded = "success" in states
    if name == "all_success":
        if failed or skipped:
            return "upstream_failed" if failed else "skipped"
        return RUN if all_ended else WAIT
    if name == "all_failed":
        return "skipped" if succeeded or skipped else RUN if all_ended else WAIT
    if name == "all_done":
        return RUN if all_ended else WAIT
    if name == "all_done_min_one_success":
        if skipped:
            return "skipped"
        return WAIT if not all_ended else RUN if succeeded else "upstream_failed"
    if name == "all_done_setup_success":
        setups = [state for task, state in upstream if task.is_setup]
        if not all_ended:
            return WAIT
        if not setups or "success" in setups:
            return RUN
        return "skipped" if set(setups) == {"skipped"} else "upstream_failed"
    if name == "one_success":
        if succeeded or not all_ended:
            return RUN if succeeded else WAIT
        return "skipped" if set(states) == {"skipped"} else "upstream_failed"
    if name == "one_failed":
        return RUN if failed else "skipped" if all_ended else WAIT
    if name == "one_done":
        return RUN if succeeded or "failed" in states else "skipped" if all_ended else WAIT
    if name == "none_failed":
        return "upstream_failed" if failed else RUN if all_ended else WAIT
    if name == "none_failed_min_one_success":
        if failed:
            return "upstream_failed"
        return WAIT if not all_ended else RUN if succeeded else "skipped"
    if name == "none_skipped":
        return "skipped" if skipped else RUN if all_ended else WAIT
    assert name == "all_skipped"
    return "skipped" if succeeded or failed else RUN if all_ended else WAIT
