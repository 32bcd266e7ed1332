"""``with teardown:`` blocks: the tasks made in one come after its setups and before its teardowns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from .exceptions import DagError
from .node import Node


@dataclass
class _Block:
    setups: list[Node]
    teardowns: list[Node]
    work: list[Node] = field(default_factory=list)


_blocks: list[_Block] = []


class SetupTeardownContext:
    """What ``with teardown as scope:`` gives: ``scope.add_task(task)`` takes a task that was made before the block."""

    @staticmethod
    def add_task(task: Any) -> None:
        """Take ``task`` (or the task behind an output) into the block that runs now."""
        if not _blocks:
            raise DagError("add_task takes tasks into a `with teardown:` block, and none runs here")
        for node in task.leaves:
            note(node)


class ContextWrapper(list[Any]):
    """Several setups, or several teardowns, as one ``with`` block: ``with context_wrapper([a, b]):``."""

    def __enter__(self) -> type[SetupTeardownContext]:
        return enter([node for task in self for node in task.leaves])

    def __exit__(self, kind: object, *rest: object) -> None:
        leave(failed=kind is not None)


context_wrapper = ContextWrapper


def enter(tasks: Sequence[Node]) -> type[SetupTeardownContext]:
    """Begin a block between the setups and teardowns that ``tasks`` (all setups, or all teardowns) belong to."""
    if tasks and all(task.is_teardown for task in tasks):
        teardowns, setups = list(tasks), _nearest(tasks, upstream=True)
    elif tasks and all(task.is_setup for task in tasks):
        setups, teardowns = list(tasks), _nearest(tasks, upstream=False)
    else:
        raise DagError(
            "only setups, or only teardowns, can be used with `with`: mark the task with .as_setup() or .as_teardown()"
        )
    _blocks.append(_Block(setups, teardowns))
    return SetupTeardownContext


def note(task: Node) -> None:
    """Take a task that was made into the innermost block."""
    if _blocks and not task.is_setup and not task.is_teardown:
        _blocks[-1].work.append(task)


def leave(*, failed: bool = False) -> None:
    """End the innermost block: draw the edges it implies, unless it ``failed``."""
    block = _blocks.pop()
    if failed:
        return
    work = [task for task in block.work if not task.is_setup and not task.is_teardown]
    if work:
        roots = [task for task in work if not task._upstream] or work[:1]
        leaves = [task for task in work if not task._downstream] or work[-1:]
        for task in roots:
            task.set_upstream([setup for setup in block.setups if setup.task_id not in task._upstream])
        for task in leaves:
            task.set_downstream([item for item in block.teardowns if item.task_id not in task._downstream])
    if _blocks:
        around = _blocks[-1]
        for setup in around.setups:
            setup.set_downstream([item for item in block.setups if item.task_id not in setup._downstream])
        for teardown in block.teardowns:
            teardown.set_downstream([item for item in around.teardowns if item.task_id not in teardown._downstream])


def _nearest(tasks: Sequence[Node], *, upstream: bool) -> list[Node]:
    """Return the setups before (the teardowns after) ``tasks``, the direct ones if there are any."""
    found: dict[str, Node] = {}
    for task in tasks:
        for relatives in (task.get_direct_relatives(upstream), task.get_flat_relatives(upstream)):
            near = [item for item in relatives if (item.is_setup if upstream else item.is_teardown)]
            if near:
                found.update((item.task_id, item) for item in near)
                break
    return list(found.values())
