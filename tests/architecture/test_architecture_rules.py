"""Rules that hold in every file: one clock, one door for state, dialects in one place, no dangerous calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import sources

CLOCK_CALLS = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "date.today",
    "time.time",
    "time.time_ns",
}
CLOCK_FILES = {
    "jupyter_flow/service/clock.py",
    "jupyter_flow/runner/stamps.py",
    "jupyter_flow/timetables/moment.py",
}
"""The house's one clock, the child's stamps (start, end, log lines), which the house treats as claims, and the instant
at which an author's timetable is asked."""
DIALECTS = re.compile(r"sqlite|postgres|psycopg|pg8000|mysql")
"""As code writes them; SQLite and PostgreSQL in a sentence for people are something else."""
HOUSE_ROOMS = ("model", "wire", "storage", "scheduling", "execution", "parsing", "service", "server", "cli")
DIALECT_FILES = {f"jupyter_flow/storage/{name}.py" for name in ("database", "upkeep", "prompt_connection")}
STATE_UPDATE = re.compile(r"\bupdate\b[^;]*\bset\b[^;]*\bstate\s*=", re.IGNORECASE)
STATE_FILE = "jupyter_flow/storage/runs.py"
FORBIDDEN_CALLS = {"eval", "exec", "compile", "os.system", "os.popen", "yaml.load", "yaml.unsafe_load", "pickle.loads"}
FORBIDDEN_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve", "joblib"}
USER_CODE_FILES = {
    "jupyter_flow/authoring/dag_cell.py",
    "jupyter_flow/runner/dag_notebook.py",
    "jupyter_flow/runner/pinned_import.py",
}
"""Child side only: files whose purpose is to run the author's DAG file or ``%%dag`` cell."""
LONG_FILES: dict[str, str] = {
    "jupyter_flow/runner/kernel_forkserver.py": "one file that a foreign interpreter runs: it has only ipykernel",
    "jupyter_flow/storage/runs.py": "the one door for state: transition() and its bulk form claim() stand together",
    "tests/integration/test_storage_runs.py": "the tests of that one door stand together too",
    "labextension/src/client/openapi.ts": "made from the OpenAPI document",
}
"""Files over 400 lines and why they are one file."""
ASYNC_ROOMS = {"server", "runner", "notifications", "bridge"}


def _calls(file: Path) -> Iterator[tuple[int, str, ast.Call]]:
    for node in ast.walk(sources.tree(file)):
        if isinstance(node, ast.Call):
            yield node.lineno, sources.dotted(node.func), node


def test_time_is_read_in_one_place_per_side() -> None:
    wrong = [
        f"{sources.name_of(file)}:{line} {name}()"
        for file in sources.files()
        if sources.name_of(file) not in CLOCK_FILES
        for line, name, _ in _calls(file)
        if name in CLOCK_CALLS
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", ["model", "wire", "scheduling", "storage"])
def test_inner_rooms_read_no_clock_at_all(room: str) -> None:
    wrong = [
        f"{sources.name_of(file)}:{line} {name}()"
        for file in sources.files(room)
        for line, name, _ in _calls(file)
        if name in CLOCK_CALLS or name in {"time.monotonic", "time.perf_counter", "time.sleep", "uuid.uuid1"}
        if (sources.name_of(file), name) != ("jupyter_flow/wire/armed_faults.py", "time.sleep")  # a fault: delay
    ]
    assert not wrong, "\n".join(wrong)


def test_dialects_have_names_in_few_files() -> None:
    wrong = []
    for file in (file for room in HOUSE_ROOMS for file in sources.files(room)):
        if sources.name_of(file) in DIALECT_FILES | {
            "jupyter_flow/model/config.py",
            "jupyter_flow/wire/fault_trace.py",
        }:
            continue
        wrong += [
            f"{sources.name_of(file)}:{line} {text!r}" for line, text in _code_names(file) if DIALECTS.search(text)
        ]
    assert not wrong, "\n".join(wrong)


def _code_names(file: Path) -> Iterator[tuple[int, str]]:
    """Yield identifiers and string values of the code, without docstrings."""
    tree = sources.tree(file)
    docs = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            docs.add(id(node.value))
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.lineno, node.value
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((node.lineno, alias.name) for alias in node.names)


def test_one_file_writes_states() -> None:
    wrong = []
    for file in sources.files():
        if sources.name_of(file) != STATE_FILE:
            wrong += [f"{sources.name_of(file)}:{line}" for line in _state_writes(sources.tree(file))]
    assert not wrong, "\n".join(wrong)


def _state_writes(tree: ast.Module) -> Iterator[int]:
    """Yield lines that could write a ``state`` column: ``.values(state=…)``, ``values({"state": …})``, SQL text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "values":
            # INSERT sets the initial state; everything else is an UPDATE.
            if _starts_with_insert(node.func.value):
                continue
            keys = {keyword.arg for keyword in node.keywords}
            for argument in node.args:
                if isinstance(argument, ast.Dict):
                    keys |= {_last_name(key) for key in argument.keys if key is not None}
            if "state" in keys:
                yield node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and STATE_UPDATE.search(node.value):
            yield node.lineno


def _starts_with_insert(node: ast.expr) -> bool:
    while isinstance(node, ast.Call | ast.Attribute):
        if isinstance(node, ast.Call):
            name = sources.dotted(node.func).rpartition(".")[2]
            if "insert" in name:
                return True
            node = node.func
        else:
            if "insert" in node.attr:
                return True
            node = node.value
    return False


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return sources.dotted(node).rpartition(".")[2]


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("c.execute(update(t).where(x).values(state='a'))", 1),
        ("c.execute(t.update().values({t.c.state: 'a'}))", 1),
        ("c.execute(update(t).values({'state': 'a'}))", 1),
        ("c.execute(text('UPDATE task_instance SET x = 1, state = :s'))", 1),
        ("c.execute(insert(t).values(state='a'))", 0),
        ("c.execute(update(t).values(row_version=2))", 0),
    ],
)
def test_the_state_rule_sees_what_it_should(code: str, count: int) -> None:
    assert len(list(_state_writes(ast.parse(code)))) == count


def test_no_dangerous_calls() -> None:
    wrong = []
    for file in sources.files():
        name = sources.name_of(file)
        for line, called, node in _calls(file):
            if called in FORBIDDEN_CALLS and not (name in USER_CODE_FILES and called in {"exec", "compile"}):
                wrong.append(f"{name}:{line} {called}()")
            if any(keyword.arg == "shell" and ast.unparse(keyword.value) != "False" for keyword in node.keywords):
                wrong.append(f"{name}:{line} {called}(shell=…)")
        wrong += [str(item) for item in sources.imports(file) if item.module.partition(".")[0] in FORBIDDEN_MODULES]
    assert not wrong, "\n".join(wrong)


def test_the_core_is_synchronous() -> None:
    wrong = []
    for file in sources.files():
        if sources.room_of(file) in ASYNC_ROOMS:
            continue
        for node in ast.walk(sources.tree(file)):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
                wrong.append(f"{sources.name_of(file)}:{node.lineno}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("room", sources.rooms())
def test_every_room_has_a_sign(room: str) -> None:
    sign = ast.get_docstring(sources.tree(sources.PACKAGE / room / "__init__.py")) or ""
    assert sign.startswith("Room "), room
    for part in ("May import:", "Must never:", "A change violates this when"):
        assert part in sign, f"{room}: its sign lacks {part!r}"


def test_every_file_says_what_it_is_for() -> None:
    silent = [sources.name_of(file) for file in sources.files() if not ast.get_docstring(sources.tree(file))]
    assert not silent, silent


def test_long_files_have_a_reason() -> None:
    long = {}
    folders = [
        sources.PACKAGE,
        sources.ROOT / "tests",
        sources.ROOT / "benchmarks",
        sources.ROOT / "labextension" / "src",
    ]
    for folder in folders:
        for suffix in ("*.py", "*.ts", "*.tsx"):
            for file in folder.rglob(suffix):
                lines = len(file.read_text(encoding="utf-8").splitlines())
                if lines > 400 and not {"node_modules", "lib"} & set(file.relative_to(sources.ROOT).parts):
                    long[sources.name_of(file)] = lines
    assert set(long) == set(LONG_FILES), f"over 400 lines: {long}; with a reason: {sorted(LONG_FILES)}"


def test_the_word_for_state_is_state() -> None:
    """``status`` is HTTP's word; ours is state."""
    allowed = {"server", "cli"}
    answers = {"jupyter_flow/sensors/web.py"}  # an HTTP answer, with the names that the requests library has
    wrong = []
    for file in sources.files():
        if sources.room_of(file) in allowed or sources.name_of(file) in answers:
            continue
        for node in ast.walk(sources.tree(file)):
            names = []
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                names = [node.name]
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                names = [node.target.id]
            wrong += [f"{sources.name_of(file)}:{node.lineno} {name}" for name in names if "status" in name.lower()]
    assert not wrong, "\n".join(wrong)
