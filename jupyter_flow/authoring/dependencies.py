"""``chain`` and ``cross_downstream``: many dependencies in one line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from .exceptions import DagError


def chain(*tasks: Any) -> None:
    """Let each of ``tasks`` start after the one before it: ``chain(a, [b, c], d)``.

    A single task and a list: each with each. Two lists in a row: pair by pair, so they must have the same length.
    """
    for before, after in itertools.pairwise(tasks):
        if isinstance(before, Sequence) and isinstance(after, Sequence):
            if len(before) != len(after):
                raise DagError(
                    f"chain: two lists in a row must have the same length, not {len(before)} and {len(after)}"
                )
            for first, second in zip(before, after, strict=True):
                first >> second
        elif isinstance(before, Sequence):
            after.set_upstream(before)
        else:
            before.set_downstream(after)


def cross_downstream(from_tasks: Sequence[Any], to_tasks: Sequence[Any] | Any) -> None:
    """Let each of ``to_tasks`` start after all of ``from_tasks``."""
    for task in from_tasks:
        task.set_downstream(to_tasks)
