"""Frozen dataclasses that are made without their ``__init__`` are like others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, dataclass, field, replace

import pytest

from jupyter_flow.model.frozen import changed, made_of
from jupyter_flow.model.records import RunFacts, Workload
from jupyter_flow.model.rows import TaskInstance
from jupyter_flow.model.spec import TaskSpec


@dataclass(frozen=True)
class Point:
    x: int
    y: int = 2
    names: Mapping[str, str] = field(default_factory=dict)


def test_what_is_made_is_like_what_init_makes() -> None:
    made = made_of(Point, {"x": 1})
    assert made == Point(1)
    assert asdict(made) == asdict(Point(1))
    assert replace(made, y=3) == Point(1, 3)
    assert hash(made_of(TaskSpec, {"task_id": "a", "operator": "b"}).task_id) == hash("a")


def test_each_instance_has_defaults_of_its_own() -> None:
    one, other = made_of(Point, {"x": 1}), made_of(Point, {"x": 1})
    assert one.names == {}
    assert one.names is not other.names


def test_it_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        made_of(Point, {"x": 1}).x = 2  # type: ignore[misc]


def test_a_changed_copy_leaves_the_first_alone() -> None:
    first = Point(1, 5, {"a": "b"})
    assert changed(first, y=6) == Point(1, 6, {"a": "b"})
    assert first == Point(1, 5, {"a": "b"})
    assert changed(made_of(Point, {"x": 1}), x=4) == Point(4)


@pytest.mark.parametrize("cls", [TaskInstance, Workload, RunFacts, TaskSpec])
def test_classes_that_are_made_so_check_nothing_at_their_start(cls: type) -> None:
    assert not hasattr(cls, "__post_init__")
