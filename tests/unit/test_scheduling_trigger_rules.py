from __future__ import annotations

import pytest

from jupyter_flow.model.errors import InvalidInput
from jupyter_flow.model.state import TaskState as S
from jupyter_flow.scheduling.trigger_rules import RULES, UpstreamCounts, check_rule, judge

WAIT, RUN, SKIP, UPF = S.WAITING, S.SCHEDULED, S.SKIPPED, S.UPSTREAM_FAILED


def counts(ends: str) -> UpstreamCounts:
    """One letter per upstream task: s(uccess) k(skipped) f(ailed) u(pstream failed) w(aiting)."""
    return UpstreamCounts(len(ends), ends.count("s"), ends.count("k"), ends.count("f"), ends.count("u"))


TABLE = [
    #  ends   all_success  all_done  one_failed  none_failed
    ("ww", WAIT, WAIT, WAIT, WAIT),
    ("sw", WAIT, WAIT, WAIT, WAIT),
    ("ss", RUN, RUN, SKIP, RUN),
    ("sk", SKIP, RUN, SKIP, RUN),
    ("kk", SKIP, RUN, SKIP, RUN),
    ("kw", SKIP, WAIT, WAIT, WAIT),
    ("fw", UPF, WAIT, RUN, UPF),
    ("sf", UPF, RUN, RUN, UPF),
    ("kf", UPF, RUN, RUN, UPF),
    ("ff", UPF, RUN, RUN, UPF),
    ("uw", UPF, WAIT, RUN, UPF),
    ("su", UPF, RUN, RUN, UPF),
    ("fk", UPF, RUN, RUN, UPF),
    ("", RUN, RUN, RUN, RUN),
]


@pytest.mark.parametrize(("ends", "all_success", "all_done", "one_failed", "none_failed"), TABLE)
def test_rules_mean_what_airflow_says(ends: str, all_success: S, all_done: S, one_failed: S, none_failed: S) -> None:
    assert judge("all_success", counts(ends)) is all_success
    assert judge("all_done", counts(ends)) is all_done
    assert judge("one_failed", counts(ends)) is one_failed
    assert judge("none_failed", counts(ends)) is none_failed


def test_unknown_rules_are_refused_with_the_list() -> None:
    sentence = check_rule("whenever")
    assert sentence is not None
    assert all(name in sentence for name in RULES)
    assert check_rule("all_done") is None
    with pytest.raises(InvalidInput, match="whenever"):
        judge("whenever", counts("s"))
