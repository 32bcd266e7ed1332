"""What records must not show."""

from __future__ import annotations

import pytest
from support.workloads import workload

from jupyter_flow.authoring.connection import Connection, ConnectionNotFound
from jupyter_flow.runner.masking import is_sensitive, masked, secrets_in


@pytest.mark.parametrize("name", ["password", "DB_PASSWORD", "apiKey", "aws_secret", "x-token", "my_dsn", "http_proxy"])
def test_sensitive_names(name: str) -> None:
    assert is_sensitive(name)


@pytest.mark.parametrize("name", ["user", "host", "keys", "passing", "pass"])
def test_other_names(name: str) -> None:
    assert not is_sensitive(name)


def test_values_under_sensitive_names_and_secrets_in_texts_are_masked() -> None:
    value = {"env": {"API_KEY": "k", "EMPTY_TOKEN": "", "A": "see s3cret!"}, "cmd": ["x s3cret y", 5, None]}
    assert masked(value, {"s3cret"}) == {
        "env": {"API_KEY": "***", "EMPTY_TOKEN": "", "A": "see ***!"},
        "cmd": ["x *** y", 5, None],
    }
    assert masked("abc abcdef", {"abc", "abcdef"}) == "*** ***"
    assert masked("a ab", {"ab", "a"}) == "a ab", "too short to be a secret"
    assert masked("user deep", {'{"user": "ann", "pw": ["deep"]}'}) == "user ***"


def test_params_and_conf_with_sensitive_names_are_secrets() -> None:
    work = workload(run={"params": {"db": {"password": "one"}, "n": 5}, "conf": {"token": ["two"], "plain": "three"}})
    assert secrets_in(work) == {"one", "two"}


def test_connections_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "postgresql://ann:p%40ss@Db.Example:5432/main?sslmode=require&a=b"
    monkeypatch.setenv("AIRFLOW_CONN_MY_DB", uri)
    found = Connection.get("my_db")
    assert (found.conn_type, found.host, found.port, found.schema) == ("postgres", "Db.Example", 5432, "main")
    assert (found.login, found.password) == ("ann", "p@ss")
    assert found.extra_dejson == {"sslmode": "require", "a": "b"}
    assert found.get_uri() == uri.replace("postgresql", "postgres")
    assert "p@ss" not in repr(found)
    monkeypatch.setenv("JUPYTER_FLOW_CONN_MY_DB", '{"conn_type": "http", "host": "h", "extra": {"x": [1]}}')
    assert Connection.get("my_db").extra_dejson == {"x": [1]}
    assert Connection.from_uri(Connection.get("my_db").get_uri()).extra_dejson == {"x": [1]}
    monkeypatch.setenv("JUPYTER_FLOW_CONN_BAD", "nothing")
    with pytest.raises(ValueError, match="JUPYTER_FLOW_CONN_BAD is no connection: it has no type://"):
        Connection.get("bad")
    monkeypatch.setenv("JUPYTER_FLOW_CONN_ODD", '{"user": "x"}')
    with pytest.raises(ValueError, match=r"unknown fields \['user'\]"):
        Connection.get("odd")
    with pytest.raises(ConnectionNotFound, match="connection 'nobody' is not set: connections stored in the house"):
        Connection.get("nobody")
