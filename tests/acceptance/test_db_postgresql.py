"""A house whose records stand in PostgreSQL: runs, lists, kill -9 and adoption, and a URL that nobody can read."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url
from support import invariants
from support.houses import House, states_of
from support.postgres import Postgres

from jupyter_flow.storage.database import create_engine

PASSWORD = "canary-5a1f"
VARIABLE = "JUPYTER_FLOW_DB_URL"

TRAINING = """
    import os
    import time
    from jupyter_flow import BashOperator, DAG, NotebookOperator, task

    with DAG("training", schedule=None, tags=["small"]) as dag:
        @task
        def extract():
            print("nul \\0 and half a pair \\ud800")
            return [3, 1, 2]

        @task
        def feature(number):
            return {"square": number ** 2, "text": "nul \\0 ö 🙂"}

        @task
        def see():
            return {name: value for name, value in os.environ.items()}

        @task(trigger_rule="all_done")
        def wait():
            while not os.path.exists(GATE):
                time.sleep(0.02)
            return "done"

        train = NotebookOperator(task_id="train", notebook="train.ipynb", parameters={"alpha": 0.5})
        fails = BashOperator(task_id="fails", bash_command="echo on the way; exit 3", retries=1, retry_delay=0.1)
        feature.expand(number=extract()) >> [train, see()] >> fails >> wait()
"""


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty database, with a password (that this server does not ask for)."""
    name = postgres.create_database()
    yield make_url(postgres.url(name)).set(password=PASSWORD).render_as_string(hide_password=False)
    postgres.drop_database(name)


@pytest.fixture
def pg_house(house: House, url: str) -> House:
    """A house on that database."""
    house.env[VARIABLE] = url
    return house


def secret_places(house: House) -> list[str]:
    """Where the password can be read: command lines, environments of children, logs, the state folder."""
    found = []
    for process in house.census():
        folder = Path("/proc") / str(process.pid)
        try:
            line, environment = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
        except OSError:
            continue
        if PASSWORD.encode() in line:
            found.append(f"command line of {line!r}")
        if PASSWORD.encode() in environment and process.pid != house.pid:
            found.append(f"environment of {line!r}")
    for path in [*house.home.rglob("*"), *house.base.glob("*.txt"), *house.base.glob("*.log")]:
        if path.is_file() and PASSWORD.encode() in path.read_bytes():
            found.append(str(path))
    return found


def test_a_small_training_dag_survives_the_death_of_its_host(pg_house: House, url: str) -> None:
    house = pg_house
    gate = house.base / "gate"
    push = "from jupyter_flow import flow\nflow.xcom_push('loss', alpha * 2)"
    house.write_notebook([{"source": "alpha = 0.1", "tags": ["parameters"]}, push], "train.ipynb")
    house.write_dag(TRAINING.replace("GATE", repr(str(gate))), "training.py")
    house.start()
    house.wait_for_dag("training")
    run = house.trigger("training")
    house.wait_for_task("training", run["run_id"], "wait", "running")
    assert secret_places(house) == []
    house.kill(signal.SIGKILL)
    gate.touch()
    house.start()
    done = house.wait_for_run("training", run["run_id"])
    states = states_of(done)
    assert states["fails"] == "failed"
    assert {name: state for name, state in states.items() if name != "fails"}.items() >= {
        "extract": "success", "train": "success", "see": "success", "wait": "success"
    }.items()  # fmt: skip
    assert [task["attempt_number"] for task in done["tasks"] if task["task_id"] == "wait"] == [1]

    def pushed(task_id: str, map_index: int = -1) -> dict[str, Any]:
        ids = {"dag_id": "training", "run_id": run["run_id"], "task_id": task_id, "map_index": map_index}
        return {item["key"]: item["value"] for item in house.call("tasks.show", **ids)["xcoms"]}

    assert pushed("train") == {"loss": 1.0}
    assert [pushed("feature", index)["return_value"]["square"] for index in range(3)] == [9, 1, 4]
    seen = pushed("see")["return_value"]
    assert "PATH" in seen
    assert VARIABLE not in seen
    assert PASSWORD not in str(seen)

    (listed,) = house.cli_json("runs", "list", "training")
    assert (listed["run_id"], listed["state"]) == (run["run_id"], done["state"])
    assert "on the way" in house.cli("tasks", "log", "training", run["run_id"], "fails").out
    assert house.cli_json("db", "check") == {"state": "current", "problems": []}
    house.stop()
    assert house.cli_json("runs", "list", "training") == [listed]  # without a host, from the database
    assert not (house.home / "flow.db").exists()
    assert secret_places(house) == []
    assert PASSWORD not in house.output()
    engine = create_engine(url)
    assert invariants.check(engine) == []
    assert invariants.settled(engine) == []
    engine.dispose()


def test_what_is_wrong_with_the_server_is_one_line_without_the_password(
    pg_house: House, url: str, houses: Callable[[], House]
) -> None:
    house = pg_house
    nothing = house.cli("runs", "list", "x")
    assert (nothing.code, nothing.out) == (3, "")
    assert "nothing is recorded in database" in nothing.err
    wrong = {
        url.replace("/flow_", "/nobody_"): "cannot be used",
        f"postgresql://ada:{PASSWORD}@127.0.0.1:1/flow": "does not answer",
        f"postgresql://ada:{PASSWORD}@@127.0.0.1/flow": "@ too many",
        f"postgresql://ada:{PASSWORD}@127.0.0.1:x/flow": "cannot be read",
    }
    commands = (("db", "check"), ("db", "upgrade"), ("scheduler",), ("db", "backup", "x.db"))
    for command, (bad, words) in zip(commands, wrong.items(), strict=True):
        found = house.cli(*command, env={VARIABLE: bad})
        assert found.code in (2, 3), (bad, command, found)
        assert words in found.err, (bad, command, found)
        assert found.err.count("\n") == 1, (bad, command, found)
        assert PASSWORD not in found.err + found.out
