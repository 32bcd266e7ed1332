from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, func, select
from support.flows import ACTOR, T0, at, chain, dag, daily, new_run, task
from support.stored_runs import StoredRun, store

from jupyter_flow.model.changes import RunInfo
from jupyter_flow.model.errors import Conflict, InvalidInput, NotFound
from jupyter_flow.model.rows import DagFile, ImportProblem
from jupyter_flow.model.state import RunState, RunType
from jupyter_flow.storage import audit, dag_files, dags, events, host, queries, runs, schema, timetables, variables
from jupyter_flow.storage.database import begin_write, is_shared


def put(connection: Connection, spec, bundle: str = "b" * 64, folder: str = "/dags", seconds: float = 0):
    return dags.store_dag(connection, spec, dag_folder=folder, bundle_hash=bundle, now=at(seconds))


def test_a_dag_comes_back_as_it_was_stored(engine: Engine) -> None:
    spec = dag(task("a"), schedule=daily(), tags=("x", "y"), owner="ada", start_date="2026-01-01T00:00:00+00:00",
               timezone="Europe/Berlin", params={"p": {"default": 1}})  # fmt: skip
    with begin_write(engine) as connection:
        stored = put(connection, spec)
        assert (stored.created, stored.changed, stored.schedule_changed) == (True, True, True)
        assert stored.dag.is_paused
        assert (stored.dag.schedule, stored.dag.tags, stored.dag.version_number) == (daily(), ("x", "y"), 1)
        version = dags.latest_version(connection, "d")
        assert dags.load_spec(version) == spec
        again = put(connection, spec)
        assert (again.created, again.changed, again.schedule_changed) == (False, False, False)


def test_unpinned_versions_are_replaced_in_place_and_pinned_ones_stay(engine: Engine) -> None:
    with begin_write(engine) as connection:
        first = put(connection, chain(1)).dag
        second = put(connection, chain(2), seconds=1).dag
        assert (second.version_id, second.version_number) == (first.version_id, 1)
        runs.create_run(connection, new_run(), second.version_id, chain(2), T0)
        third = put(connection, chain(3), seconds=2)
        assert third.changed
        assert third.dag.version_number == 2
        assert len(dags.load_spec(dags.get_version(connection, second.version_id)).tasks) == 2
        fourth = put(connection, chain(3), bundle="c" * 64).dag
        assert (fourth.version_id, fourth.version_number) == (third.dag.version_id, 2)
        assert dags.bundles_in_use(connection) == {"b" * 64, "c" * 64}


def test_only_what_the_next_run_depends_on_changes_the_schedule(engine: Engine) -> None:
    with begin_write(engine) as connection:
        put(connection, chain(1, schedule=daily()))
        assert not put(connection, chain(2, schedule=daily(), description="x")).schedule_changed
        assert put(connection, chain(2, schedule=daily("0 1 * * *"))).schedule_changed
        assert put(connection, chain(2, schedule=daily("0 1 * * *"), catchup=True)).schedule_changed
        assert put(
            connection, chain(2, schedule=daily("0 1 * * *"), catchup=True, timezone="Asia/Tokyo")
        ).schedule_changed


def test_one_dag_id_belongs_to_one_file(engine: Engine) -> None:
    with begin_write(engine) as connection:
        put(connection, chain(1))
        other = replace(chain(1), dag_file="other.py")
        with pytest.raises(Conflict, match=r"'d' is defined in d\.py already"):
            put(connection, other)
        assert dags.deactivate(connection, "/dags", "d.py", [], at(1)) == ["d"]
        assert put(connection, other).dag.dag_file == "other.py"
        assert dags.deactivate(connection, "/dags", "other.py", ["d"], at(1)) == []


def test_due_dags_are_active_unpaused_and_due(engine: Engine) -> None:
    info = RunInfo(at(10), at(0), at(0), at(10))
    with begin_write(engine) as connection:
        put(connection, chain(1))
        dags.set_next_run(connection, "d", info)
        assert dags.due_dags(connection, at(10)) == []
        assert dags.next_due(connection, at(0)) is None
        unpaused = dags.set_paused(connection, "d", False, T0, ACTOR)
        assert (unpaused.next_run_after, unpaused.next_interval_end) == (at(10), at(10))
        assert dags.due_dags(connection, at(9)) == []
        assert [row.dag_id for row in dags.due_dags(connection, at(10))] == ["d"]
        assert dags.next_due(connection, at(9)) == at(10)
        assert dags.next_due(connection, at(10)) is None, "what is due already waits for a run to end"
        before = events.last_id(connection)
        dags.set_paused(connection, "d", False, T0, ACTOR)
        assert events.last_id(connection) == before
        dags.deactivate(connection, "/dags", "d.py", [], T0)
        assert dags.due_dags(connection, at(10)) == []
        assert dags.next_due(connection, at(0)) is None
        assert dags.list_dags(connection) == []
        assert len(dags.list_dags(connection, active_only=False)) == 1


def test_deleting_a_dag_takes_its_runs_along_but_not_while_it_works(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1))
    [row] = stored.claim()
    with begin_write(engine) as connection, pytest.raises(Conflict, match="has active tasks"):
        dags.delete_dag(connection, "d", T0, ACTOR)
    stored.finish(row)
    with begin_write(engine) as connection:
        cursor = events.last_id(connection)
        dags.delete_dag(connection, "d", T0, ACTOR)
        for table in (schema.dag, schema.dag_version, schema.dag_run, schema.task_instance, schema.attempt):
            assert connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
        assert [item.kind for item in events.read_after(connection, cursor)] == ["dag_changed"]
        with pytest.raises(NotFound, match="'d' does not exist"):
            dags.get_dag(connection, "d")


def test_problems_are_news_only_when_they_change(engine: Engine) -> None:
    error = ImportProblem("/dags", "d.py", 3, "SyntaxError", "Traceback", T0)
    warning = ImportProblem("/dags", "d.py", None, "no effect", None, T0, "warning", "d")
    with begin_write(engine) as connection:
        assert dag_files.replace_problems(connection, "/dags", "d.py", [error, warning], T0)
        assert not dag_files.replace_problems(connection, "/dags", "d.py", [error, warning], at(1))
        assert dag_files.list_problems(connection, "error") == [error]
        assert dag_files.list_problems(connection, "warning") == [warning]
        assert dag_files.replace_problems(connection, "/dags", "d.py", [], at(2))
        assert dag_files.list_problems(connection) == []


def test_files_are_remembered_and_forgotten(engine: Engine) -> None:
    file = DagFile("/dags", "d.py", 10, 1_700_000_000_123_456_789, "0" * 64, ("helper.py",), T0)
    with begin_write(engine) as connection:
        dag_files.record_file(connection, file)
        dag_files.record_file(connection, replace(file, size=11))
        assert dag_files.known_files(connection) == {("/dags", "d.py"): replace(file, size=11)}
        dag_files.forget_file(connection, "/dags", "d.py")
        assert dag_files.known_files(connection) == {}
        dags.record_bundle(connection, "b" * 64, ["d.py"], 10, T0)
        dags.record_bundle(connection, "b" * 64, ["d.py"], 10, T0)


def test_lists_of_runs_go_page_by_page_newest_first(engine: Engine) -> None:
    spec = chain(1)
    with begin_write(engine) as connection:
        version = store(connection, spec)
        for number in range(7):
            instant = at(number // 2)  # equal instants: the key decides
            asked = new_run(instant=instant, run_id=f"r{number}", logical_date=None)
            runs.create_run(connection, asked, version, spec, T0)
        seen, cursor = [], None
        while True:
            page, cursor = queries.list_runs(connection, "d", limit=3, before=cursor)
            seen += [run.run_id for run in page]
            if cursor is None:
                break
        assert seen == [f"r{number}" for number in (6, 5, 4, 3, 2, 1, 0)]
        recent = queries.recent_runs(connection, ["d", "none"], 3)
        assert [run.run_id for run in recent["d"]] == ["r4", "r5", "r6"]
        assert recent["none"] == []
        assert len(queries.list_runs(connection, state=RunState.QUEUED)[0]) == 7
        assert queries.run_counts(connection)["d"].queued == 7
        for bad in ("x", "AAAA", "WzFd", "W10="):
            with pytest.raises(InvalidInput, match="page cursor"):
                queries.list_runs(connection, "d", before=bad)


def test_facts_about_earlier_runs(engine: Engine) -> None:
    stored = StoredRun(engine, chain(1), run_type=RunType.SCHEDULED)
    assert stored.run_to_end().state is RunState.SUCCESS
    with engine.connect() as connection:
        assert timetables.last_run(connection, "d").logical_date == T0
        assert timetables.last_run(connection, "d", at(-1)) is None
        assert timetables.last_run(connection, "e") is None
        assert queries.prior_success(connection, "d", at(1)).id == stored.run.id
        assert queries.prior_success(connection, "d", T0) is None
        assert queries.open_runs(connection) == []
        assert queries.activity(connection) == (0, 0)
        assert queries.pools(connection) == {"default_pool": 128}
        with pytest.raises(NotFound, match="no run 'x'"):
            queries.get_run(connection, "d", "x")
        with pytest.raises(NotFound, match="no task 'x' with map index 2"):
            queries.get_task_instance(connection, "d", stored.run.run_id, "x", 2)


def test_variables(engine: Engine) -> None:
    with begin_write(engine) as connection:
        variables.set_variable(connection, "k", "1", "about k", T0)
        assert variables.set_variable(connection, "k", "2", None, at(1)).description == "about k"
        assert variables.get_values(connection, ["k", "none"]) == {"k": "2"}
        variables.delete_variable(connection, "k")
        for refused in (variables.get_variable, variables.delete_variable):
            with pytest.raises(NotFound, match="'k' does not exist"):
                refused(connection, "k")


def test_one_host_holds_the_lease(engine: Engine) -> None:
    ttl = timedelta(seconds=10)
    facts = {"hostname": "box", "boot_id": "b", "version": "0.1", "ttl": ttl}
    with begin_write(engine) as connection:
        assert host.current_host(connection, hostname="box") is None
        host.take_lease(connection, host_id="h1", pid=11, now=T0, **facts)
        with pytest.raises(Conflict, match="pid 11 on box"):
            host.take_lease(connection, host_id="h2", pid=22, now=at(9), **facts)
        assert host.heartbeat(connection, "h1", at(9), ttl)
        taken = host.take_lease(connection, host_id="h2", pid=22, now=at(10), force=True, **facts)
        assert taken.lease_until == at(20)
        assert not host.heartbeat(connection, "h1", at(11), ttl)
        assert host.current_host(connection, hostname="box").host_id == "h2"
        host.take_lease(connection, host_id="h3", pid=33, now=at(21), **facts)
        host.end_host(connection, "h3", at(22))
        assert host.current_host(connection, hostname="box") is None


def test_hosts_of_other_homes_keep_their_lease_where_the_database_is_shared(engine: Engine) -> None:
    facts = {"hostname": "box", "boot_id": "b", "version": "0.1", "ttl": timedelta(seconds=10), "force": True}
    with begin_write(engine) as connection:
        host.take_lease(connection, host_id="a1", pid=11, now=T0, home="/a", queues=["gpu"], **facts)
        host.take_lease(connection, host_id="b1", pid=22, now=at(1), home="/b", dag_folders=["/dags"], **facts)
        host.take_lease(connection, host_id="a2", pid=33, now=at(2), home="/a", **facts)
        assert [item.host_id for item in host.open_hosts(connection)] == (
            ["b1", "a2"] if is_shared(connection) else ["a2"]
        )
        known = host.by_ids(connection, ["a1", "b1", "none"])
        assert (known["a1"].queues, known["a1"].ended_at) == (("gpu",), at(1 if not is_shared(connection) else 2))
        assert (known["b1"].home, known["b1"].dag_folders) == ("/b", ("/dags",))
        assert host.current_host(connection, "/a", "box").host_id == "a2"


def test_the_audit_trail_is_newest_first(engine: Engine) -> None:
    with begin_write(engine) as connection:
        audit.record(connection, ACTOR, "dags.pause", T0, dag_id="d", arguments={"a": 1})
        audit.record(connection, ACTOR, "dags.delete", at(1), dag_id="e", outcome="not_found", message="no")
        newest, oldest = audit.list_audit(connection)
        assert (newest["verb"], newest["outcome"], newest["ip"]) == ("dags.delete", "not_found", "127.0.0.1")
        assert (oldest["arguments"], oldest["actor"]) == ({"a": 1}, "ada")
        assert audit.list_audit(connection, before=newest["id"]) == [oldest]
