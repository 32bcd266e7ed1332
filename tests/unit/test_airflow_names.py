"""The table of Airflow's names: every target exists, and the finder answers nothing else."""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
from collections.abc import Iterator

import pytest

from jupyter_flow.airflow_names import absent, finder, table


@pytest.fixture
def airflow() -> Iterator[None]:
    """The finder in its place, as while a DAG file is loaded."""
    answers = finder.AirflowFinder()
    sys.meta_path.insert(0, answers)
    try:
        yield
    finally:
        sys.meta_path.remove(answers)
        finder.forget()


@pytest.mark.parametrize("module", sorted(table.MODULES))
def test_every_name_of_the_table_can_be_imported(airflow: None, module: str) -> None:
    found = importlib.import_module(module)
    for name in table.MODULES[module]:
        assert getattr(found, name) is not None
        assert name in dir(found)


def test_no_name_is_both_here_and_absent() -> None:
    both = {name for names in table.MODULES.values() for name in names} & absent.NAMES.keys()
    assert not both
    assert absent.PACKAGES.keys() & table.MODULES.keys() == {"airflow"}


def test_versions_of_dag(airflow: None) -> None:
    from jupyter_flow import DAG

    two, three = importlib.import_module("airflow"), importlib.import_module("airflow.sdk")
    assert two.DAG.schedule_meaning == "interval"
    assert three.DAG.schedule_meaning == "trigger"
    assert issubclass(two.DAG, DAG)
    assert issubclass(three.DAG, DAG)
    assert two.DAG is two.models.DAG is two.models.dag.DAG
    for path in (
        "airflow.operators.bash",
        "airflow.operators.bash_operator",
        "airflow.providers.standard.operators.bash",
    ):
        from jupyter_flow import BashOperator

        assert importlib.import_module(path).BashOperator is BashOperator


@pytest.mark.parametrize("name", ["airflow.nothing", "airflow.providers.acme.hooks", "airflow.operators.bash.deeper"])
def test_unknown_modules_are_import_errors_with_one_line(airflow: None, name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^airflow\.\S+ is not in Jupyter Flow: \S[^\n]+$"):
        importlib.import_module(name)


def test_unknown_names_are_import_errors_and_dunders_are_plain(airflow: None) -> None:
    module = importlib.import_module("airflow.operators.python")
    with pytest.raises(ImportError, match=r"^airflow\.operators\.python\.Pyton is not in Jupyter Flow: "):
        module.Pyton  # noqa: B018
    assert not hasattr(module, "__wrapped__")


def test_nothing_else_is_answered(airflow: None) -> None:
    answers = finder.AirflowFinder()
    for name in ("airflows", "airflow_extra.x", "json", "jupyter_flow.nothing", "pendulum.tz"):
        assert answers.find_spec(name, None) is None


def test_an_installed_airflow_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.machinery.ModuleSpec("airflow", importlib.machinery.SourceFileLoader("airflow", "/x"), origin="/x")
    monkeypatch.setattr(importlib.machinery.PathFinder, "find_spec", lambda name, *rest: spec)
    answers = finder.AirflowFinder()
    assert answers.find_spec("airflow", None) is None
    assert answers.find_spec("airflow.nothing", []) is None


def test_a_folder_that_is_called_airflow_is_no_airflow(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.machinery.ModuleSpec("airflow", None, is_package=True)
    monkeypatch.setattr(importlib.machinery.PathFinder, "find_spec", lambda name, *rest: spec)
    assert finder.AirflowFinder().find_spec("airflow", None) is not None


def test_without_pendulum_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.machinery.PathFinder, "find_spec", lambda name, *rest: None)
    with pytest.raises(ModuleNotFoundError, match=r"^no module named 'pendulum': install the extra \[airflow\]"):
        finder.AirflowFinder().find_spec("pendulum", None)


def test_nothing_of_it_is_left_when_a_file_is_loaded(airflow: None) -> None:
    import airflow.operators.python  # type: ignore[import-not-found]
    import airflow.utils.trigger_rule  # noqa: F401

    assert isinstance(sys.modules["airflow"], finder.AirflowModule)
    finder.forget()
    assert not [name for name, module in sys.modules.items() if isinstance(module, finder.AirflowModule)]
