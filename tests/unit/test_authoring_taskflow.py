"""``@task``, ``@dag``, XComArg, Variable and ``flow``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from jupyter_flow import (
    DAG,
    BashOperator,
    EmptyOperator,
    NotebookOperator,
    Variable,
    dag,
    flow,
    get_current_context,
    task,
    xcom_pull,
    xcom_push,
)
from jupyter_flow.authoring import variable
from jupyter_flow.authoring.context import running
from jupyter_flow.authoring.exceptions import DagError, FlowWarning, XComNotFound
from jupyter_flow.authoring.runtime import NotebookRequest, using
from jupyter_flow.authoring.xcom_arg import XComArg, from_data
from jupyter_flow.operators.python import call_arguments


class RecordingRuntime:
    """A runtime that keeps what it is told and answers from ``given``."""

    def __init__(
        self, given: dict[tuple[str, str], Any] | None = None, variables: dict[str, str] | None = None
    ) -> None:
        self.given = given or {}
        self.variables = variables or {}
        self.told: list[tuple[Any, ...]] = []

    def run_notebook(self, request: NotebookRequest) -> Any:
        self.told.append(("notebook", request))

    def xcom_push(self, key: str, value: Any) -> None:
        self.told.append(("push", key, value))

    def xcom_pull(self, task_ids: Any, *, key: str, default: Any = None, **_: Any) -> Any:
        if isinstance(task_ids, list):
            return [self.xcom_pull(task_id, key=key, default=default) for task_id in task_ids]
        return self.given.get((task_ids, key), default)

    def variable_get(self, key: str) -> str | None:
        return self.variables.get(key)

    def variable_set(self, key: str, value: str, description: str | None = None) -> None:
        self.variables[key] = value

    def log_metric(self, name: str, value: float, step: int | None = None) -> None:
        self.told.append(("metric", name, value, step))

    def progress(self, fraction: float, text: str = "") -> None:
        self.told.append(("progress", fraction, text))


@task
def extract(day: str, ds: str | None = None) -> dict[str, int]:
    """Get the rows."""
    return {"rows": len(day)}


def test_calls_make_tasks_and_outputs_make_dependencies() -> None:
    with DAG("d") as made:
        rows = extract("monday")
        note = NotebookOperator("note", "n.ipynb", parameters={"rows": rows["rows"], "all": [rows]})
        again = extract(note.output)
        rows >> EmptyOperator("end") << again
    spec = made.to_spec()
    assert {item.task_id: item.upstream for item in spec.tasks} == {
        "extract": (),
        "note": ("extract",),
        "extract__1": ("note",),
        "end": ("extract", "extract__1"),
    }
    first, second = spec.task("extract"), spec.task("note")
    assert (first.operator, first.needs_dag_file, first.doc) == ("@task", True, "Get the rows.")
    assert second.xcom_inputs == (("extract", "return_value"), ("extract", "rows"))
    rebuilt = from_data(second.arguments)["parameters"]
    assert rebuilt == {"rows": XComArg(None, "rows", task_id="extract"), "all": [XComArg(None, task_id="extract")]}
    assert made.get_task("extract").multiple_outputs
    assert not made.get_task("note").multiple_outputs


def test_a_call_that_does_not_fit_is_refused_in_the_dag_file() -> None:
    with DAG("d"):
        with pytest.raises(DagError, match=r"task 'extract': extract\(\): missing a required argument: 'day'"):
            extract()
        with pytest.raises(DagError, match="got an unexpected keyword argument 'dy'"):
            extract("x", dy="x")


def test_context_parameters_need_no_value_in_the_call() -> None:
    @task(retries=2)
    def report(ti: Any, day: str, *, params: Any) -> None: ...

    with DAG("d") as made:
        report(day="x")
    assert made.get_task("report").retries == 2


def test_override_gives_other_arguments() -> None:
    with DAG("d") as made:
        extract.override(task_id="other", retries=4, multiple_outputs=False)("x")
    other = made.get_task("other")
    assert (other.retries, other.multiple_outputs) == (4, False)


def test_an_unknown_kind_of_task_is_named() -> None:
    with pytest.raises(AttributeError, match=r"there is no @task\.pythn: did you mean 'python'\?"):
        task.pythn  # noqa: B018
    with pytest.raises(AttributeError, match=r"there is no @task\.docker: there are .*, notebook, .*python"):
        task.docker  # noqa: B018
    assert "python" in dir(task)


def test_outputs_cannot_be_looked_into_in_the_dag_file() -> None:
    with DAG("d"):
        rows = extract("x")
    with pytest.raises(DagError, match="cannot be iterated in the DAG file"):
        list(rows)
    with pytest.raises(DagError, match="XCom keys are text, not 0"):
        rows[0]


def test_an_output_within_text_is_a_template() -> None:
    with DAG("d") as made:
        rows = extract("x")
        rows >> BashOperator("show", f"echo {rows['rows']}")
    show = made.to_spec().task("show")
    assert show.arguments["bash_command"] == "echo {{ ti.xcom_pull(task_ids='extract', key='rows') }}"
    assert show.xcom_inputs == (("extract", "rows"),)


def test_dag_functions() -> None:
    @dag(schedule=None, tags=["x"])
    def nightly() -> None:
        """Every night."""
        for number in range(2):
            EmptyOperator(f"t{number}")

    made = nightly()
    assert (made.dag_id, made.doc_md, made.task_ids, made.tags) == ("nightly", "Every night.", ["t0", "t1"], ("x",))

    @dag
    def plain() -> None:
        EmptyOperator("a")

    @dag(dag_id="named")
    def other() -> None:
        EmptyOperator("a")

    assert (plain().dag_id, other().dag_id) == ("plain", "named")


# calling functions


def test_arguments_come_from_the_call_then_from_the_context() -> None:
    context = {"ds": "2026-01-01", "ti": "TI", "params": {"a": 1}, "context": {}}

    def takes(first: Any, ds: Any = None, *, ti: Any, own: Any = 1) -> None: ...

    assert call_arguments(takes, ["x"], {}, context) == {"ds": "2026-01-01", "ti": "TI"}
    assert call_arguments(takes, ["x", "y"], {"ti": "mine"}, context) == {"ti": "mine"}
    assert call_arguments(lambda **kwargs: None, [], {"ds": "mine"}, context) == {
        "ds": "mine",
        "ti": "TI",
        "params": {"a": 1},
    }
    assert call_arguments(print, ["x"], {}, context) == {}


def test_executing_functions_and_coroutines() -> None:
    async def later(x: int, ds: str = "") -> list[Any]:
        return [x, ds]

    with DAG("d") as made:
        task(later)(1)
        extract("abc")
    context: Mapping[str, Any] = {"ds": "2026-01-01"}
    assert made.get_task("later").execute(context) == [1, "2026-01-01"]
    assert made.get_task("extract").execute(context) == {"rows": 3}


def test_multiple_outputs_push_each_key() -> None:
    pushed: dict[str, Any] = {}

    class Ti:
        xcom_push = staticmethod(pushed.__setitem__)

    with DAG("d") as made:
        extract("abc")
    operator = made.get_task("extract")
    operator.finish({"ti": Ti}, {"rows": 3})
    assert pushed == {"rows": 3, "return_value": {"rows": 3}}
    with pytest.raises(TypeError, match="has multiple_outputs and must return a dict with text keys"):
        operator.finish({"ti": Ti}, [1])
    operator.do_xcom_push = False
    operator.finish({"ti": Ti}, [1])


def test_a_missing_xcom_is_named_unless_it_is_the_return_value() -> None:
    class Ti:
        @staticmethod
        def xcom_pull(task_ids: str, key: str, default: Any) -> Any:
            return default

    assert XComArg(None, task_id="a").resolve({"ti": Ti}) is None
    with pytest.raises(XComNotFound, match="task 'a' pushed no XCom 'k'"):
        XComArg(None, "k", task_id="a").resolve({"ti": Ti})


# what runs asks


def test_current_context_is_there_only_in_a_task() -> None:
    with pytest.raises(RuntimeError, match="no task is running here"):
        get_current_context()
    with running({"ds": "x"}):
        assert get_current_context() == {"ds": "x"}
        assert flow.context["ds"] == "x"
    with pytest.raises(RuntimeError, match=r"flow\.context works inside a running task"):
        flow.context  # noqa: B018


def test_flow_speaks_to_the_runtime_of_the_task() -> None:
    runtime = RecordingRuntime({("a", "k"): 5})
    with using(runtime):
        flow.xcom_push("x", [1])
        xcom_push("y", 2)
        flow.log_metric("auc", 0.5, step=3)
        flow.progress(0.25, "quarter")
        assert flow.xcom_pull("a", "k") == 5
        assert xcom_pull(["a", "b"], "k", default=0) == [5, 0]
    assert runtime.told == [
        ("push", "x", [1]),
        ("push", "y", 2),
        ("metric", "auc", 0.5, 3),
        ("progress", 0.25, "quarter"),
    ]
    with pytest.raises(RuntimeError, match="xcom_push works inside a running task, not in the DAG file"):
        flow.xcom_push("x", 1)
    with pytest.raises(LookupError, match="give default= to work by hand"):
        flow.xcom_pull("a")
    assert flow.xcom_pull("a", default=3) == 3


@pytest.fixture
def parse_reader() -> Iterator[dict[str, str]]:
    values: dict[str, str] = {}
    variable.set_parse_reader(values.get)
    yield values
    variable.set_parse_reader(None)


def test_variables_in_a_task() -> None:
    with using(RecordingRuntime(variables={"a": "1", "j": '{"x": 2}', "bad": "{"})):
        assert Variable.get("a") == "1"
        assert Variable.get("j", deserialize_json=True) == {"x": 2}
        assert Variable.get("b", default=None) is None
        assert Variable.get("b", default_var="old") == "old"
        with pytest.raises(KeyError, match="variable 'b' is not set"):
            Variable.get("b")
        with pytest.raises(ValueError, match="variable 'bad' is not JSON"):
            Variable.get("bad", deserialize_json=True)
        Variable.set("s", {"y": 1}, serialize_json=True)
        assert Variable.get("s", deserialize_json=True) == {"y": 1}


def test_variables_in_a_dag_file(parse_reader: dict[str, str]) -> None:
    parse_reader["a"] = "1"
    assert Variable.get("a") == "1"
    assert Variable.get("b", default="x") == "x"
    with pytest.raises(RuntimeError, match=r"Variable\.set works inside a running task"):
        Variable.set("a", 1)


def test_variables_without_a_house() -> None:
    with pytest.raises(RuntimeError, match=r"no house answers: use a template \{\{ var\.value\.a \}\}"):
        Variable.get("a")
    assert Variable.get("a", default="x") == "x"


# what templates name


def test_names_in_templates_are_found() -> None:
    command = """
    {{ ti.xcom_pull('a') }} {{ task_instance.xcom_pull(task_ids=['a', 'b'], key='k') }}
    {{ ti.xcom_pull(task_ids='b', dag_id='other') }} {{ ti.xcom_pull(task_ids=params.x) }}
    {{ var.value.bucket }} {{ var.json.settings.depth }} {{ var.value.get('maybe', 'x') }} {{ var.value['odd key'] }}
    {% for i in range(3) %}{{ loop.index }}{{ i }}{% endfor %}{% set here = 1 %}{{ here }}
    """
    with DAG("d") as made:
        [EmptyOperator("a"), EmptyOperator("b")] >> BashOperator("c", command, env={"V": "{{ var.value.from_env }}"})
    spec = made.to_spec().task("c")
    assert spec.xcom_inputs == (("a", "k"), ("a", "return_value"), ("b", "k"))
    assert spec.variable_inputs == ("bucket", "from_env", "maybe", "odd key", "settings")


def test_a_broken_template_is_refused_with_field_and_line() -> None:
    with DAG("d") as made:
        BashOperator("a", "echo\necho {{ ds }")
    with pytest.raises(DagError, match=r"task 'a': template field 'bash_command': line 2: unexpected '\}'") as caught:
        made.to_spec()
    assert caught.value.location is not None
    assert caught.value.location[0] == __file__


def test_names_that_no_run_has_warn() -> None:
    with DAG("d") as made:
        BashOperator("a", "echo {{ dss }}")
    with pytest.warns(FlowWarning, match="task 'a': a template uses 'dss', which no run has"):
        made.to_spec()


def test_pulling_from_a_task_that_is_not_before_warns() -> None:
    with DAG("d") as made:
        BashOperator("a", "echo {{ ti.xcom_pull('b') }}")
        EmptyOperator("b")
        BashOperator("c", "echo {{ ti.xcom_pull('bb') }}")
    with pytest.warns(FlowWarning) as caught:
        made.to_spec()
    assert [str(item.message).partition("pulls ")[2] for item in caught] == [
        "the XCom 'return_value' of task 'b', which does not come before it",
        "the XCom 'return_value' of task 'bb', which the DAG does not have: did you mean 'b'?",
    ]
