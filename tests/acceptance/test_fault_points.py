"""Every commit, rename, fsync, fork and start that state depends on has a fault point; armed ones do what they say.

``tests/chaos/board_r03.py`` crashes at each of them.
"""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from chaos.board_r03 import check
from chaos.scenarios import PARTS, Stage
from support import sources
from support.houses import House
from support.traces import Trace

from jupyter_flow.wire.armed_faults import FAULTS_VARIABLE

VERBS = {"os.rename": "rename", "os.replace": "rename", "os.fsync": "fsync", "os.fork": "fork"}
VERBS |= {"subprocess.Popen": "start", "subprocess.run": "start", "engine.begin": "commit"}
NO_STATE = {
    "jupyter_flow/magics/flow_commands.py": "asks a process that records nothing",
    "jupyter_flow/operators/foreign_call.py": "runs in a foreign Python, without this package",
    "jupyter_flow/operators/venvs.py": "makes environments in a cache of their own",
    "jupyter_flow/runner/dag_test.py": "a house that lasts as long as the author's process",
    "jupyter_flow/runner/notebook_check.py": "asks a process that records nothing",
    "jupyter_flow/service/readiness.py": "asks a process that records nothing",
}
"""Files whose operations no recorded state depends on."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))


@pytest.mark.parametrize(
    ("part", "options"),
    [*((part, ()) for part in PARTS), *((part, ("--no-forkservers",)) for part in ("plain", "note"))],
)
def test_every_operation_of_the_scenario_has_a_fault_point(
    stage: Stage, part: str, options: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "trace"
    play = stage.play(part, "-".join(["complete", *options]), f"trace={path}", options)
    assert check(play) == []
    trace = Trace.read(path)
    assert trace.unnamed() == []
    seen = trace.operations
    wanted = {"commit", "rename", "start"} | ({"fork"} if not options or part == "plain" else set())
    wanted |= {"fsync"} if part == "retry" else set()
    assert wanted <= set(seen), seen
    assert seen["commit"] >= 5


def test_a_fault_point_that_is_taken_away_is_missed(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from jupyter_flow.runner import callback_child, spool_files
from jupyter_flow.wire.arming import arm_process

arm_process("test")
folder = Path(sys.argv[1])
spool_files.save_atomically(folder / "named", b"1", fsync=True)
spool_files.faultpoint = lambda name: None
spool_files.save_atomically(folder / "unnamed", b"2", fsync=True)
(folder / "spec.json").touch()
callback_child.take_ticket(folder)
"""
    path = tmp_path / "trace"
    environment = {**os.environ, FAULTS_VARIABLE: f"trace={path}"}
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], env=environment, check=True)
    trace = Trace.read(path)
    assert trace.operations == {"rename": 3, "fsync": 5}
    missed = trace.unnamed()
    assert len(missed) == 3, missed  # file, rename, folder
    assert all("runner/spool_files.py" in text for text in missed)


def test_every_operation_in_the_code_has_a_fault_point_in_its_function() -> None:
    wrong = []
    used = set()
    for file in sources.files():
        name = sources.name_of(file)
        for function, calls, points in _functions(file):
            for verb in sorted({VERBS[call] for call in calls if call in VERBS}):
                if name in NO_STATE:
                    used.add(name)
                elif not any(point.endswith(f".before_{verb}") for point in points):
                    wrong.append(f"{name}: {function} has no fault point before its {verb}")
    assert not wrong, "\n".join(wrong)
    assert used == set(NO_STATE), f"not needed any more: {sorted(set(NO_STATE) - used)}"


def _functions(file: Path) -> Iterator[tuple[str, set[str], set[str]]]:
    """Yield the name of each function, what it calls, and the (ends of the) names of its fault points."""
    for node in ast.walk(sources.tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            calls = [item for item in ast.walk(node) if isinstance(item, ast.Call)]
            points = [call for call in calls if ast.unparse(call.func).endswith("faultpoint") and call.args]
            names = {ast.unparse(call.args[0]).strip("'\"") for call in points}
            yield node.name, {ast.unparse(call.func) for call in calls}, names


def test_a_host_crashes_at_its_third_turn(house: House) -> None:
    house.write_dag('from jupyter_flow import DAG, EmptyOperator\nwith DAG("d"):\n    EmptyOperator(task_id="t")\n')
    house.spawn("--no-forkservers", "--unpaused", env={FAULTS_VARIABLE: "turn.before_commit=crash@2"})
    assert house.process is not None
    assert house.process.wait(60) == -signal.SIGKILL
    house.start("--no-forkservers")
    assert house.run_dag("d")["state"] == "success"


def test_what_cannot_be_read_ends_the_host_with_one_line(house: House) -> None:
    process = house.spawn(env={FAULTS_VARIABLE: "turn.before_commit=explode"})
    assert process.wait(60) == 2
    (line,) = house.output().splitlines()
    assert line.startswith("$JUPYTER_FLOW_FAULTS: 'turn.before_commit=explode' cannot be read")


def test_hits_are_counted_over_processes(tmp_path: Path) -> None:
    program = (
        "from jupyter_flow.wire.arming import arm_process; from jupyter_flow.model.faultpoint import faultpoint\n"
        "arm_process('test')\nfaultpoint('a.b'); faultpoint('a.b')"
    )
    environment = {**os.environ, FAULTS_VARIABLE: f"a.*=crash@3;count={tmp_path / 'count'}"}
    codes = [subprocess.run([sys.executable, "-c", program], env=environment).returncode for _ in range(3)]
    assert codes == [0, -signal.SIGKILL, 0]
