"""Assets as authors write them: names, conditions, what is refused."""

from __future__ import annotations

import warnings
from pathlib import PurePosixPath
from typing import Any

import pytest

from jupyter_flow import DAG, Asset, AssetAlias, AssetAll, AssetAny, Dataset, DatasetAlias, EmptyOperator, Metadata
from jupyter_flow.authoring.assets import take_metadata
from jupyter_flow.authoring.exceptions import DagError, FlowWarning

A, B, C = Asset("a"), Asset("b"), Asset("c")
a, b, c = ({"asset": {"name": name, "uri": name}} for name in "abc")


def test_name_and_uri_stand_for_each_other() -> None:
    assert (A.name, A.uri, A.group, A.extra) == ("a", "a", "asset", {})
    assert Asset(uri="s3://b/x").name == "s3://b/x"
    assert Asset("x", "file:///x") != Asset("x")
    assert len({Asset("x"), Asset("x"), Asset("y")}) == 2
    assert Asset("x", uri=PurePosixPath("/data/x")).uri == "/data/x"
    full = Asset("x", "u", group="g", extra={"k": [1]})
    assert full.to_data() == {"name": "x", "uri": "u", "group": "g", "extra": {"k": [1]}}
    assert Asset.ref(name="x").to_data() == {"name": "x"}


@pytest.mark.parametrize(
    ("schedule", "condition"),
    [
        (A & B & C, {"all": [a, b, c]}),
        (A | B | C, {"any": [a, b, c]}),
        (A & (B | C), {"all": [a, {"any": [b, c]}]}),
        (A & B | C, {"any": [{"all": [a, b]}, c]}),
        (AssetAll(A, AssetAny(B, AssetAlias("x"))), {"all": [a, {"any": [b, {"alias": "x"}]}]}),
    ],
)
def test_conditions_are_data(schedule: Any, condition: dict[str, Any]) -> None:
    assert schedule.to_condition() == condition
    with DAG("d", schedule=schedule) as made:
        EmptyOperator(task_id="t")
    assert made.to_spec().schedule.assets == condition


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Asset(), "Asset() needs a name or a uri"),
        (lambda: Asset(" x"), "Asset: name ' x' begins or ends with a space"),
        (lambda: Asset("x" * 251), "name must be 1 to 250 printable characters"),
        (lambda: Asset(3), "Asset: name must be text, not 3"),  # type: ignore[arg-type]
        (lambda: Asset("x", extra=[1]), "Asset 'x': extra must be a dict"),  # type: ignore[arg-type]
        (lambda: Asset("x", extra={"a": object()}), "Asset 'x': extra must be plain JSON"),
        (lambda: AssetAll(), "AssetAll() needs at least one asset"),
        (lambda: AssetAny(A, "b"), "AssetAny takes assets, not 'b'"),  # type: ignore[arg-type]
        (lambda: Asset.ref(), "Asset.ref() takes either name= or uri="),
        (lambda: EmptyOperator(task_id="t", outlets=["s3://x"]), "task 't': outlets takes assets"),
        (lambda: DAG("d", schedule=[A, "@daily"]), "a list as schedule holds assets, not '@daily'"),
    ],
)
def test_wrong_uses_say_what_to_do(make: Any, says: str) -> None:
    with pytest.raises(DagError) as refused:
        make()
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_old_names_and_users_in_uris_are_noted() -> None:
    with pytest.warns(FlowWarning, match="Dataset is the old name of Asset"):
        assert Dataset("s3://b/x") == Asset("s3://b/x")
    with pytest.warns(FlowWarning, match="DatasetAlias is the old name of AssetAlias"):
        assert DatasetAlias("x") == AssetAlias("x")
    with pytest.warns(FlowWarning, match="must not have a user or password"):
        made = Asset("db", uri="postgres://me:secret@host:5432/db")
    assert made.uri == "postgres://host:5432/db"
    with pytest.warns(FlowWarning, match="watchers have no effect"):
        Asset("x", watchers=[object()])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Asset("mail@host")


class Outlet:
    """What ``outlet_events[asset]`` gives."""

    def __init__(self) -> None:
        self.extra: dict[str, Any] = {}
        self.added: list[Any] = []

    def add(self, asset: Asset, extra: Any = None) -> None:
        self.added.append((asset, extra))


def test_what_a_generator_yields_goes_to_its_outlets() -> None:
    events: dict[Any, Outlet] = {A: Outlet(), AssetAlias("x"): Outlet()}

    def function() -> Any:
        yield Metadata(A, {"n": 1})
        yield Metadata(A, {"m": 2})
        yield Metadata(B, {"k": 3}, alias="x")
        return "done"

    assert take_metadata(function(), events) == "done"
    assert events[A].extra == {"n": 1, "m": 2}
    assert events[AssetAlias("x")].added == [(B, {"k": 3})]
    with pytest.raises(TypeError, match=r"a task yields Metadata\(asset, extra\) only, not 3"):
        take_metadata(iter([3]), events)
