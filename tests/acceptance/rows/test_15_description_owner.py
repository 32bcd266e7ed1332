"""Row 15: description and owner of tasks and DAGs, their display names and the links of owners."""

from __future__ import annotations

from support.houses import House


def test_descriptions_owners_and_links_reach_the_documents(house: House) -> None:
    house.write_dag(
        '''
        from jupyter_flow import DAG, BashOperator, task

        with DAG(
            "described",
            description="who does what",
            default_args={"owner": "ann"},
            owner_links={"ann": "mailto:ann@example.org", "bob": "https://example.org/bob"},
        ):
            BashOperator(task_id="plain", bash_command="echo {{ task.owner }}", description="says its owner")
            BashOperator(task_id="other", bash_command="true", owner="bob", doc_md="# Other", task_display_name="Öther")

            @task
            def documented():
                """Says what it does."""

            documented()
        ''',
        "described.py",
    )
    house.wait_for_dag("described")
    shown = house.cli_json("dags", "show", "described")
    assert (shown["description"], shown["owner"]) == ("who does what", "ann, bob")
    assert shown["owner_links"] == {"ann": "mailto:ann@example.org", "bob": "https://example.org/bob"}
    tasks = {item["task_id"]: (item["owner"], item["doc"], item["task_display_name"]) for item in shown["tasks"]}
    assert tasks == {
        "plain": ("ann", "says its owner", "plain"),
        "other": ("bob", "# Other", "Öther"),
        "documented": ("ann", "Says what it does.", "documented"),
    }
    assert "who does what" in house.cli("dags", "show", "described").out
    run = house.run_dag("described")
    assert [item["value"] for item in house.cli_json("tasks", "xcom", "described", run["run_id"], "plain")] == ["ann"]
