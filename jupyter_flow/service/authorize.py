"""Who may do what: every command and view asks here about the object it touches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol, TypeVar

from ..model.errors import Forbidden
from ..model.records import Actor

Verb = Literal["read", "trigger", "edit", "delete", "admin"]
HOUSE = "*"
"""The object of verbs that touch no DAG: variables, reload, stop."""


class Policy(Protocol):
    """Answers whether ``actor`` may do ``verb`` to the DAG ``dag_id`` (or :data:`HOUSE`)."""

    def __call__(self, actor: Actor, verb: Verb, dag_id: str) -> bool:
        """Return True to allow."""


def allow_all(actor: Actor, verb: Verb, dag_id: str) -> bool:
    """The default policy: whoever got through a door of this house is its owner."""
    return True


def authorize(policy: Policy, actor: Actor, verb: Verb, dag_id: str = HOUSE) -> None:
    """Raise :class:`Forbidden` unless ``policy`` allows it."""
    if not policy(actor, verb, dag_id):
        what = "the house" if dag_id == HOUSE else f"DAG {dag_id!r}"
        raise Forbidden(f"{actor.user} may not {verb} {what}")


class _HasDagId(Protocol):
    @property
    def dag_id(self) -> str: ...


T = TypeVar("T", bound=_HasDagId)


def readable(policy: Policy, actor: Actor, rows: Iterable[T]) -> list[T]:
    """Return those of ``rows`` whose DAG ``actor`` may read: lists hide what single views would refuse."""
    return [row for row in rows if policy(actor, "read", row.dag_id)]
