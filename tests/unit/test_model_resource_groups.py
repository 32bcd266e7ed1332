"""What resource groups let start, and what tasks may ask for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support import flows

from jupyter_flow.authoring.exceptions import DagError
from jupyter_flow.authoring.resources import check_resources
from jupyter_flow.model.errors import InvalidInput
from jupyter_flow.model.resource_groups import ResourceGroup
from jupyter_flow.model.slots import Ready, SlotLimits, Usage
from jupyter_flow.operators.empty import EmptyOperator
from jupyter_flow.scheduling.slots import pick
from jupyter_flow.service import plain_settings


def ready(number: int, group: str = "batch", **resources: float) -> Ready:
    item = Ready(number, 1, 1, 1, f"t{number}", -1, False, 99, "default_pool", 1, 1, flows.T0, flows.T0)
    return replace(item, resource_group=group, resources=resources)


def limits(**group: float) -> SlotLimits:
    return SlotLimits(pools={"default_pool": 99}, groups={"batch": ResourceGroup(**group)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("group", "asked", "started", "why"),
    [
        ({"slots": 2}, {}, 2, "resource group batch: slots 2 of 2 are held, 1 more are needed"),
        ({"memory": 10}, {"memory": 4.0}, 2, "resource group batch: memory 8 of 10 are held, 4 more are needed"),
        ({"cpu": 1.5}, {}, 1, "resource group batch: cpu 1 of 1.5 are held, 1 more are needed"),
        ({"cpu": 1.5}, {"CPU": 0.5}, 3, "resource group batch: cpu 1.5 of 1.5 are held, 0.5 more are needed"),
        ({"gpu": 1}, {"GPU": 1.0}, 1, "resource group batch: gpu 1 of 1 are held, 1 more are needed"),
    ],
)
def test_a_group_holds_so_much_together(
    group: dict[str, float], asked: dict[str, float], started: int, why: str
) -> None:
    picked = pick([ready(number, **asked) for number in range(5)], Usage(), limits(**group))
    assert len(picked.chosen) == started
    assert {str(reason) for _, reason in picked.refused} == {why}


def test_what_ends_gives_back_what_it_held() -> None:
    used = Usage()
    item = ready(1, GPU=1.0)
    assert used.take(item, limits(gpu=1)) is None
    assert used.copy().take(ready(2, GPU=1.0), limits(gpu=1)) is not None
    used.release(item)
    assert used.take(ready(2, GPU=1.0), limits(gpu=1)) is None


def test_tasks_of_other_groups_and_of_none_are_not_counted() -> None:
    bounds = replace(limits(slots=0), groups={"batch": ResourceGroup(slots=0), "fast": ResourceGroup()})
    picked = pick([ready(1), ready(2, "fast"), ready(3, ""), ready(4, "nowhere")], Usage(), bounds)
    assert [item.task_instance_id for item in picked.chosen] == [2, 3]
    reasons = {item.task_instance_id: str(reason) for item, reason in picked.refused}
    assert reasons[4] == "resource group nowhere is not one of this host: add it to resource_groups"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, {}),
        ({"memory": "8 GB", "GPU": 1}, {"memory": 8e9, "GPU": 1.0}),
        ({"cpus": 2, "ram": 512, "gpus": 1}, {"CPU": 2.0, "memory": 512e6, "GPU": 1.0}),
        ({"memory": "1.5 GiB", "license": 3}, {"memory": 1.5 * 2**30, "license": 3.0}),
    ],
)
def test_what_a_task_asks_for(given: object, kept: dict[str, float]) -> None:
    assert check_resources("task 'a'", "resources", given) == kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("8 GB", "resources must be a mapping such as"),
        ({"GPU": -1}, r"resources\['GPU'\] must be a number from 0 on, not -1"),
        ({"GPU": True}, r"resources\['GPU'\] must be a number from 0 on, not True"),
        ({"memory": "much"}, r"resources\['memory'\] 'much' is no size: write a number of bytes, or '8 GB'"),
    ],
)
def test_what_means_nothing_is_refused(given: object, message: str) -> None:
    with pytest.raises(DagError, match=f"task 'a': {message}"):
        EmptyOperator("a", resources=given)


def test_settings_of_groups_are_checked() -> None:
    text = 'resource_groups={"batch": {"slots": 2, "priority": 5}}'
    assert plain_settings.read([text]) == {"resource_groups": {"batch": ResourceGroup(slots=2, priority=5)}}
    for wrong, message in (
        ('resource_groups={"batch": {"slot": 2}}', "resource group 'batch' takes cpu, gpu, memory"),
        ('resource_groups={"batch": {"slots": "two"}}', "resource group 'batch': slots 'two' must be a number"),
        ("resource_groups=3", "resource_groups must be an object"),
        ("keep_dayz=3", "there is no setting 'keep_dayz'"),
        ("keep_days", "setting 'keep_days' must be written NAME=VALUE"),
        ("keep_days=-1", "keep_days -1 must be a number from 0 on"),
        ("executor=fast", "executor 'fast' is unknown"),
        ("worker_num_min=5", "worker_num_min 5 is more than worker_num_max 2"),
    ):
        with pytest.raises(InvalidInput, match=message.replace("(", r"\(")):
            plain_settings.read([wrong])
