"""``chain``, ``chain_linear`` and ``cross_downstream``: many dependencies in one line."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from .edges import DependencyMixin, EdgeModifier
from .exceptions import DagError


def chain(*tasks: Any) -> None:
    """Let each of ``tasks`` start after the one before it: ``chain(a, [b, c], Label("then"), d)``.

    Takes tasks, outputs, task groups and labels. One of these and a list: each with each. Two lists in a row: pair by
    pair, so they must have the same length.
    """
    for before, after in itertools.pairwise(tasks):
        if isinstance(before, DependencyMixin):
            before.set_downstream(after)
        elif isinstance(after, DependencyMixin):
            after.set_upstream(before)
        else:
            for item in (before, after):
                if not isinstance(item, Sequence) or isinstance(item, str):
                    raise DagError(f"chain takes tasks, task groups, labels and lists of these, not {item!r}")
            if len(before) != len(after):
                raise DagError(
                    f"chain: two lists in a row must have the same length, not {len(before)} and {len(after)}: "
                    "use chain_linear to connect each with each"
                )
            for first, second in zip(before, after, strict=True):
                chain(first, second)


def chain_linear(*elements: Any) -> None:
    """Let each of ``elements`` start after the one before it; two lists in a row: each with each."""
    if any(isinstance(item, EdgeModifier) for item in elements):
        raise DagError("chain_linear takes no labels: use chain, or >> Label(…) >>")
    drawn = False
    for before, after in itertools.pairwise(elements):
        for task in [before] if isinstance(before, DependencyMixin) else before:
            task.set_downstream(after)
            drawn = True
    if not drawn:
        raise DagError("chain_linear drew no dependency: give at least two elements (a list of them needs a *)")


def cross_downstream(from_tasks: Sequence[Any], to_tasks: Sequence[Any] | Any) -> None:
    """Let each of ``to_tasks`` start after all of ``from_tasks``."""
    for task in from_tasks:
        task.set_downstream(to_tasks)
