"""``partial(…)`` that no ``expand(…)`` follows: it makes no task, which the author did not mean."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .location import author_line, warn

if TYPE_CHECKING:
    from .dag import DAG

_pending: WeakKeyDictionary[DAG, dict[object, tuple[str, tuple[str, int]]]] = WeakKeyDictionary()


def begin(token: object, dag: DAG | None, message: str) -> None:
    """Take note of something begun in the block of ``dag``; ``message`` says what is missing."""
    if dag is not None:
        _pending.setdefault(dag, {})[token] = (message, author_line())


def done(token: object) -> None:
    """Forget what was begun."""
    for items in _pending.values():
        items.pop(token, None)


def warn_about(dag: DAG) -> None:
    """Warn about what was begun in the block of ``dag`` and not ended."""
    for message, location in _pending.get(dag, {}).values():
        warn(message, location)
