"""Row 9: a cycle is an import error that names its path; an arrow drawn twice warns, or is refused in strict mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.houses import House

TWICE = """
    from jupyter_flow import DAG, EmptyOperator

    with DAG({name!r}{more}):
        a, b = (EmptyOperator(task_id=name) for name in "ab")
        a >> b
        b << a
    """


def problems(house: House) -> dict[str, tuple[Any, Any, Any]]:
    house.cli("dags", "reload")
    return {
        item["file"]: (item["kind"], item["line"], item["message"])
        for item in house.cli("dags", "errors", "--json").json
    }


def test_a_cycle_names_its_path_and_its_lines(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, EmptyOperator

        with DAG("round"):
            start, a, b, c, end = (EmptyOperator(task_id=name) for name in ("start", "a", "b", "c", "end"))
            start >> a >> b
            b >> c
            c >> [a, end]
        """,
        "cycle.py",
    )
    found = problems(house)["cycle.py"]
    assert found == (
        "error",
        7,
        "DAG 'round' has a cycle: a -> b -> c -> a (a -> b: line 5; b -> c: line 6; c -> a: line 7)",
    )


def test_a_repeated_dependency_warns_and_is_refused_where_the_dag_is_strict(house: House) -> None:
    house.write_dag(TWICE.format(name="twice", more=""), "twice.py")
    house.write_dag(TWICE.format(name="strictly", more=", strict=True"), "strictly.py")
    found = problems(house)
    assert found["twice.py"] == ("warning", 6, "DAG 'twice': the dependency a >> b is stated already")
    message = "DAG 'strictly': the dependency a >> b is stated already: strict mode refuses to have it twice"
    assert found["strictly.py"] == ("error", 6, message)
    assert house.call("dags.show", dag_id="twice")["tasks"][1]["upstream"] == ["a"]


def test_a_strict_house_refuses_it_unless_the_dag_says_otherwise(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.write_dag(TWICE.format(name="twice", more=""), "twice.py")
    house.write_dag(TWICE.format(name="lax", more=", strict=False"), "lax.py")
    try:
        house.start("--strict")
        house.wait_for_dag("lax")
        kinds = {name: kind for name, (kind, _, _) in problems(house).items()}
    finally:
        house.close()
    assert kinds == {"twice.py": "error", "lax.py": "warning"}
