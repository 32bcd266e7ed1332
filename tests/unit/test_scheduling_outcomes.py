from __future__ import annotations

from dataclasses import replace

import pytest
from support.flows import T0, at, report, task, task_row

from jupyter_flow.model.state import TaskState as S
from jupyter_flow.scheduling.outcomes import after_loss, after_report, retry_delay_for

SPEC = task("a", retries=2, retry_delay=30.0)


def running(try_number: int = 1, **more: object):
    return task_row(SPEC, 7, S.RUNNING, try_number=try_number, attempt_count=try_number, attempt_id="f" * 32, **more)


@pytest.mark.parametrize("outcome", ["success", "skipped", "cancelled"])
def test_outcomes_become_states(outcome: str) -> None:
    change = after_report(running(), SPEC, report("f" * 32, outcome), at(1))
    assert change.state == outcome
    assert change.attempt_id == "f" * 32
    assert change.check_at is None


def test_a_failure_is_tried_again_while_tries_are_left() -> None:
    change = after_report(running(2), SPEC, report("f" * 32, "failed"), at(1))
    assert change.state is S.UP_FOR_RETRY
    assert change.check_at == at(30)
    assert str(change.reason) == "ValueError: no"
    assert after_report(running(3), SPEC, report("f" * 32, "failed"), at(1)).state is S.FAILED


def test_the_author_can_forbid_another_try() -> None:
    assert after_report(running(), SPEC, report("f" * 32, "failed", no_retry=True), at(1)).state is S.FAILED


def test_a_failure_under_a_cancel_request_is_a_cancellation() -> None:
    failed = report("f" * 32, "failed")
    assert after_report(running(), SPEC, failed, at(1), cancel_requested=True).state is S.CANCELLED
    asked = running(cancel_requested_at=T0, cancel_requested_by="ada")
    assert after_report(asked, SPEC, failed, at(1)).state is S.CANCELLED
    assert after_report(asked, SPEC, report("f" * 32), at(1)).state is S.SUCCESS


def test_the_child_cannot_date_its_end_into_the_future_or_break_the_house_with_it() -> None:
    assert after_report(running(), SPEC, report("f" * 32, now=at(-100)), at(1)).at == at(-100)
    assert after_report(running(), SPEC, report("f" * 32, now=at(100)), at(1)).at == at(1)
    assert after_report(running(), SPEC, replace(report("f" * 32), end_date="yesterday"), at(1)).at == at(1)


def test_a_loss_stays_in_the_same_try_until_its_own_budget_is_spent() -> None:
    change = after_loss(running(), "signal 9", 3, at(1))
    assert change.state is S.SCHEDULED
    assert change.infra_loss
    assert change.attempt_id == "f" * 32
    assert "signal 9" in str(change.reason)
    spent = after_loss(running(infra_losses=3), "signal 9", 3, at(1))
    assert spent.state is S.FAILED
    assert str(spent.reason) == "the runner was lost 4 times: signal 9"
    assert after_loss(running(), "signal 9", 3, at(1), cancel_requested=True).state is S.CANCELLED


def test_constant_delay_and_its_bound() -> None:
    assert retry_delay_for(SPEC, 2, "k") == 30.0
    assert retry_delay_for(replace(SPEC, max_retry_delay=10.0), 2, "k") == 10.0
    assert retry_delay_for(replace(SPEC, retry_delay=0.0), 1, "k") == 0.0


def test_growing_delay_is_spread_bounded_and_always_alike() -> None:
    growing = replace(SPEC, retry_exponential_backoff=2.0)
    for number in range(1, 8):
        base = 30 * 2 ** (number - 1)
        delays = {retry_delay_for(growing, number, f"k{i}") for i in range(20)}
        assert all(base <= delay < 2 * base and delay == int(delay) for delay in delays)
        assert len(delays) > 10
        assert retry_delay_for(growing, number, "k1") in delays
    assert retry_delay_for(growing, 5000, "k") == 86_400.0
    assert retry_delay_for(replace(growing, max_retry_delay=50.0), 4, "k") == 50.0


@pytest.mark.parametrize(
    ("delay", "factor", "number", "least", "most"),
    [
        (0.0, 2.0, 1, 1, 1),  # never less than a second
        (0.2, 2.0, 1, 1, 1),
        (0.2, 2.0, 5, 4, 7),  # 3.2 is rounded up, then spread
        (10.0, 3.0, 3, 90, 179),
        (10.0, 1.0, 9, 10, 10),  # a factor of one is no growth
        (60.0, 2.0, 40, 86_400, 86_400),
    ],
)
def test_growing_delay_counts_as_airflow_does(delay: float, factor: float, number: int, least: int, most: int) -> None:
    growing = replace(SPEC, retry_delay=delay, retry_exponential_backoff=factor)
    found = [retry_delay_for(growing, number, f"k{i}") for i in range(200)]
    assert least <= min(found) <= max(found) <= most
    assert replace(growing, max_retry_delay=200_000.0).max_retry_delay == 200_000.0
    assert max(retry_delay_for(replace(growing, max_retry_delay=200_000.0), number, f"k{i}") for i in range(9)) <= most


def test_a_retry_is_due_after_the_end_of_the_try_however_late_the_report_is_read() -> None:
    late = after_report(running(), SPEC, report("f" * 32, "failed", at(10)), at(500))
    assert late.check_at == at(10 + 30)
    asked = after_report(running(), SPEC, report("f" * 32, "failed", at(10), retry_delay=5.0), at(11))
    assert asked.check_at == at(15)
