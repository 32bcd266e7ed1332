"""What a call of xcom_pull means."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_flow.authoring.runtime import NOT_GIVEN
from jupyter_flow.runner.xcom_pull import pull

PUSHED = {"plain": [(-1, "p")], "mapped": [(0, "a"), (1, "b"), (3, "d")], "mate": [(0, 10), (1, 11)], "empty": []}


def pulled(task_ids: Any, map_indexes: Any = NOT_GIVEN, *, own: int = -1, mapped: Any = ("mapped", "empty")) -> Any:
    known = None if mapped is None else frozenset(mapped)
    return pull(PUSHED.__getitem__, task_ids, map_indexes, "-", own=("mate", own), mapped=known)


@pytest.mark.parametrize(
    ("task_ids", "map_indexes", "own", "expected"),
    [
        ("plain", NOT_GIVEN, -1, "p"),
        (["plain"], NOT_GIVEN, -1, ["p"]),
        ("mapped", NOT_GIVEN, -1, ["a", "b", "d"]),
        ("empty", NOT_GIVEN, -1, []),
        (["plain", "mapped", "plain"], NOT_GIVEN, -1, ["p", "a", "b", "d", "p"]),
        ("mate", NOT_GIVEN, 1, 11),
        (None, NOT_GIVEN, 0, 10),
        ("mate", NOT_GIVEN, 7, "-"),
        ("plain", None, -1, "p"),
        ("plain", -1, -1, "p"),
        ("mapped", 1, -1, "b"),
        ("mapped", 2, -1, "-"),
        ("mapped", [3, 2, 0], -1, ["d", "-", "a"]),
        ("mapped", range(2), -1, ["a", "b"]),
        ("mapped", slice(1, None), -1, ["b", "d"]),
        (["plain", "mapped"], -1, -1, ["p", "-"]),
        ((name for name in ("plain",)), NOT_GIVEN, -1, ["p"]),
    ],
)
def test_pull(task_ids: Any, map_indexes: Any, own: int, expected: Any) -> None:
    assert pulled(task_ids, map_indexes, own=own) == expected


def test_of_another_dag_the_indexes_tell_what_is_mapped() -> None:
    assert pulled("mapped", mapped=None) == ["a", "b", "d"]
    assert pulled("plain", mapped=None) == "p"


@pytest.mark.parametrize(
    ("task_ids", "map_indexes", "words"),
    [
        (5, NOT_GIVEN, "task_ids must be a task id or a list of them, not 5"),
        (["plain", None], NOT_GIVEN, "task_ids must be a task id or a list of them, not "),
        ("plain", "0", "map_indexes must be a number or a list of them, not '0'"),
        ("plain", True, "map_indexes must be a number or a list of them, not True"),
    ],
)
def test_what_means_nothing_is_refused(task_ids: Any, map_indexes: Any, words: str) -> None:
    with pytest.raises(TypeError, match=f"xcom_pull: {words}"):
        pulled(task_ids, map_indexes)
