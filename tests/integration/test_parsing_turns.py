"""The host's side of parsing on a real database, with children and a clock that the test moves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from jupyter_flow.execution.children import ChildKind, Exited, Notice, Profile
from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.spec import DagSpec, ScheduleSpec, TaskSpec, to_json
from jupyter_flow.service.house import House, open_house
from jupyter_flow.service.parser import PATIENCE, Parser
from jupyter_flow.storage import dag_files, dags


class HandClock:
    """Stands still until the test moves it."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def wall(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def boottime(self) -> float:
        return self.seconds


class HandLauncher:
    """Starts nothing: the test says how each child ended."""

    def __init__(self) -> None:
        self.started: list[tuple[str, Path]] = []
        self.killed: list[str] = []

    def launch(self, key: str, kind: ChildKind, spool: Path, token: str | None, profile: Profile = "light") -> None:
        assert kind == "parse"
        self.started.append((key, spool))

    def signal(self, key: str, number: int) -> bool:
        return True

    def kill(self, key: str) -> None:
        self.killed.append(key)

    def fileobjs(self) -> Sequence[int]:
        return ()

    def notices(self) -> list[Notice]:
        return []

    def close(self) -> None:
        pass


class Table:
    """A parser with its launcher and clock, and the commits it told of."""

    def __init__(self, house: House, clock: HandClock) -> None:
        self.house, self.clock, self.launcher = house, clock, HandLauncher()
        self.commits: list[set[str]] = []
        self.parser = Parser(house, self.launcher, self.commits.append)

    def finish(self, exit_code: int = 0, description: str | None = None) -> str:
        """Let the oldest child end (with a report if its exit code is 0) and return its DAG file."""
        key, spool = self.launcher.started.pop(0)
        dag_file: str = json.loads((spool / "spec.json").read_text())["dag_file"]
        if exit_code == 0:
            dag_id = dag_file.removesuffix(".py")
            spec = DagSpec(dag_id, dag_file, (TaskSpec("t", "EmptyOperator"),), description=description)
            (spool / "result.json").write_text(json.dumps({"dag_file": dag_file, "dags": [to_json(spec)]}))
        self.parser.loop.take([Exited(key, "parse", 1, exit_code, None)])
        return dag_file


@pytest.fixture
def table(tmp_path: Path, house_database_url: str) -> Iterator[Table]:
    folder = tmp_path / "dags"
    folder.mkdir()
    for name in "abcd":
        (folder / f"{name}.py").write_text("import jupyter_flow")
    config = FlowConfig(home=tmp_path / "home", dag_folders=(folder,), parse_processes=2, db_url=house_database_url)
    with open_house(config, write=True) as house:
        house.clock = clock = HandClock()
        house.spool.mkdir(exist_ok=True)
        made = Table(house, clock)
        made.parser.look()
        yield made
        made.parser.close()
        assert list(house.spool.glob("parse-*")) == []


def stored(house: House) -> list[str]:
    with house.reading() as connection:
        return [dag.dag_id for dag in dags.list_dags(connection)]


def test_results_that_come_together_share_one_transaction(table: Table) -> None:
    table.finish()
    assert not table.parser.turn(), "more is under way"
    assert table.parser.next_instant() == pytest.approx(table.clock.seconds + PATIENCE)
    table.finish()
    assert not table.parser.turn()
    table.clock.seconds += PATIENCE
    assert table.parser.turn(), "but nobody waits for long"
    assert table.commits == [{"a", "b"}]
    table.finish()
    assert not table.parser.turn()
    table.finish()
    assert table.parser.turn(), "nothing else is under way"
    assert table.commits == [{"a", "b"}, {"c", "d"}]
    assert stored(table.house) == ["a", "b", "c", "d"]
    assert table.parser.next_instant() is None


def test_a_file_that_hangs_delays_no_other(table: Table) -> None:
    table.launcher.started.pop(0)  # never ends
    for _ in range(3):
        table.finish()
        table.parser.turn()
        table.clock.seconds += PATIENCE
    assert table.parser.turn()
    assert stored(table.house) == ["b", "c", "d"]


def test_only_a_child_that_ended_well_leaves_its_folder_to_the_next(table: Table) -> None:
    folders = [spool for _, spool in table.launcher.started]
    table.finish()
    table.finish(exit_code=1)
    table.parser.turn()
    assert folders[0] in [spool for _, spool in table.launcher.started]
    assert [path.name for path in folders[0].iterdir()] == ["spec.json"], "nothing of the former parse"
    assert not folders[1].exists()


def test_text_that_no_database_can_store_is_a_problem_of_its_file_only(table: Table) -> None:
    table.finish(description="half a pair: \ud800")
    for _ in range(3):
        table.parser.turn()
        table.finish()
    assert table.parser.turn()
    assert stored(table.house) == ["b", "c", "d"]
    with table.house.reading() as connection:
        [problem] = dag_files.list_problems(connection)
    assert problem.dag_file == "a.py"
    assert problem.message.startswith("the parsed DAG is not usable: half of a surrogate pair")
    assert "half a pair: " in problem.message


@pytest.mark.parametrize(
    "field",
    [
        {"description": [1]},
        {"tags": 7},
        {"start_date": "soon"},
        {"timezone": "Nowhere/At_all"},
        {"tasks": [to_json(DagSpec("a", "a.py", (TaskSpec("t", "X", pool="p" * 251),)))["tasks"][0]]},
        {"tasks": [to_json(DagSpec("a", "a.py", (TaskSpec("t", "X", queue="q\0"),)))["tasks"][0]]},
    ],
)
def test_a_report_of_nonsense_is_a_problem_of_its_file_only(table: Table, field: dict[str, object]) -> None:
    key, spool = table.launcher.started.pop(0)
    spec = DagSpec("a", "a.py", (), ScheduleSpec("cron", "0 0 * * *"), start_date="2026-01-01T00:00:00+00:00")
    report = {"dag_file": "a.py", "dags": [{**to_json(spec), **field}]}
    (spool / "result.json").write_text(json.dumps(report))
    table.parser.loop.take([Exited(key, "parse", 1, 0, None)])
    for _ in range(3):
        table.parser.turn()
        table.finish()
    assert table.parser.turn()
    assert stored(table.house) == ["b", "c", "d"]
    with table.house.reading() as connection:
        [problem] = dag_files.list_problems(connection)
    assert (problem.dag_file, problem.kind) == ("a.py", "error")
    assert "\n" not in problem.message


def test_words_that_no_database_can_store_are_shown_all_the_same(table: Table) -> None:
    key, spool = table.launcher.started.pop(0)
    error = {"line": 1, "message": "bad \ud800", "traceback": "at \ud800"}
    report = {"dag_file": "a.py", "error": error, "modules": ["a.py", "\ud800.py"]}
    (spool / "result.json").write_text(json.dumps(report))
    table.parser.loop.take([Exited(key, "parse", 1, 0, None)])
    table.parser.turn()
    table.clock.seconds += PATIENCE
    assert table.parser.turn()
    with table.house.reading() as connection:
        [problem] = dag_files.list_problems(connection)
        [file] = dag_files.known_files(connection).values()
    assert (problem.message, problem.traceback) == ("bad \\ud800", "at \\ud800")
    assert file.depends_on == ("a.py",)
