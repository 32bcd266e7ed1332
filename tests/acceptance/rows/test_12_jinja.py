"""Row 12: templates of fields: nested, from files, native, with the author's macros and filters; kept and masked."""

from __future__ import annotations

import json

from support.houses import House, states_of

FIELDS = """
from jupyter_flow import DAG, BashOperator, PythonOperator, literal


class Query:
    template_fields = ("sql",)

    def __init__(self, sql):
        self.sql = sql


def show(*args, query, **kwargs):
    return [list(map(str, args)), query.sql, kwargs["nested"]]


with DAG(
    "fields",
    params={"n": 5, "rows": [1, 2]},
    user_defined_macros={"double": lambda value: 2 * value, "house": "ours"},
    user_defined_filters={"shout": lambda text: text.upper() + "!"},
    template_searchpath=["sql"],
):
    PythonOperator(
        task_id="nested",
        python_callable=show,
        op_args=["{{ params.n }}", ("{{ double(params.n) }}",), literal("{{ raw }}")],
        op_kwargs={"query": Query("SELECT {{ 'x' | shout }}"), "nested": {"a": ["{{ house }}", {"b": "{{ run_id }}"}]}},
    )
    PythonOperator(
        task_id="native",
        python_callable=lambda rows, n: [rows, n, type(n).__name__],
        op_args=["{{ params.rows }}", "{{ params.n + 1 }}"],
        render_template_as_native_obj=True,
    )
    BashOperator(task_id="file", bash_command="part.sh")
    BashOperator(
        task_id="secret",
        bash_command="test {{ var.value.db_password }} = hunter22 && echo {{ var.json.login_secret.key }} | wc -c",
        env={"API_TOKEN": "abc", "PLAIN": "{{ var.value.db_password }}x"},
        append_env=True,
    )
    BashOperator(task_id="wrong", bash_command="echo {{ parms.n }}")
"""


def test_fields_are_rendered_kept_and_shown_without_secrets(house: House) -> None:
    house.call("variables.set", key="db_password", value="hunter22")
    house.call("variables.set", key="login_secret", value=json.dumps({"key": "deep-secret"}))
    (house.dags / "sql").mkdir()
    (house.dags / "sql" / "part.sh").write_text("{% include 'tail.sh' %}\necho from {{ run_id }}\n")
    (house.dags / "sql" / "tail.sh").write_text("echo included {{ params.n }}\n")
    house.write_dag(FIELDS, "fields.py")
    run = house.run_dag("fields", run_id="one")
    good = dict.fromkeys(["nested", "native", "file", "secret"], "success")
    assert states_of(run) == {**good, "wrong": "failed"}

    def value(task_id: str) -> object:
        found = house.call("tasks.xcom", dag_id="fields", run_id="one", task_id=task_id, key="return_value")
        return found["xcoms"][0]["value"]

    assert value("nested") == [["5", "('10',)", "{{ raw }}"], "SELECT X!", {"a": ["ours", {"b": "one"}]}]
    assert value("native") == [[1, 2], 6, "int"]
    assert value("file") == "from one"

    shown = house.cli_json("tasks", "render", "fields", "one", "secret")
    assert shown["attempt_number"] == 1
    assert shown["rendered"]["bash_command"] == "test *** = *** && echo *** | wc -c"
    assert shown["rendered"]["env"] == {"API_TOKEN": "***", "PLAIN": "***x"}
    text = house.cli("tasks", "render", "fields", "one", "file").out
    assert "echo included 5\n\necho from one" in text

    (wrong,) = [task for task in run["tasks"] if task["task_id"] == "wrong"]
    assert wrong["reason"]["text"].startswith(
        "template field bash_command: 'parms' is undefined: did you mean 'params'?; there are: conn, dag, dag_id, "
    )


def test_template_files_are_pinned_with_the_version(house: House) -> None:
    (house.dags / "pinned.sh").write_text("echo first\n")
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("pinned"):
            BashOperator(task_id="a", bash_command="pinned.sh")
        """,
        "pinned.py",
    )
    house.wait_for_dag("pinned")
    rows = house.rows("SELECT files FROM bundle")
    assert any("pinned.sh" in row["files"] for row in rows)
    includes = [row["files"] for row in rows if "sql/part.sh" in row["files"]]
    assert includes
    assert all("sql/tail.sh" in files for files in includes)


def test_a_name_may_be_left_open_where_the_author_says_so(house: House) -> None:
    house.write_dag(
        """
        import jinja2

        from jupyter_flow import DAG, BashOperator

        with DAG("lax", template_undefined=jinja2.Undefined):
            BashOperator(task_id="a", bash_command="echo [{{ nobody }}]")
        """,
        "lax.py",
    )
    house.run_dag("lax", run_id="one")
    found = house.call("tasks.xcom", dag_id="lax", run_id="one", task_id="a", key="return_value")
    assert found["xcoms"][0]["value"] == "[]"


def test_a_search_path_outside_the_root_is_refused(house: House) -> None:
    house.write_dag(
        """
        from jupyter_flow import DAG, BashOperator

        with DAG("outside", template_searchpath="/etc"):
            BashOperator(task_id="a", bash_command="echo {{ run_id }}")
        """,
        "outside.py",
    )
    run = house.run_dag("outside")
    assert run["tasks"][0]["reason"]["text"].startswith(
        "template field template_searchpath: /etc lies outside the root "
    )
