from __future__ import annotations

import pytest

from jupyter_flow.authoring.trigger_rule import TriggerRule
from jupyter_flow.model.errors import InvalidInput
from jupyter_flow.model.state import TaskState as S
from jupyter_flow.scheduling.trigger_rules import MEANINGS, RULES, UpstreamCounts, check_rule, judge

MEANT = {"W": S.WAITING, "R": S.SCHEDULED, "K": S.SKIPPED, "U": S.UPSTREAM_FAILED}


def counts(ends: str) -> UpstreamCounts:
    """One letter per upstream task: s(uccess) k(skipped) f(ailed) u(pstream failed) w(aiting); capitals are setups."""
    low = ends.lower()
    setups = sum(letter.isupper() for letter in ends)
    return UpstreamCounts(
        len(ends), low.count("s"), low.count("k"), low.count("f"), low.count("u"),
        setups, ends.count("S"), ends.count("K"),
    )  # fmt: skip


# How the upstream tasks stand, then what each rule says: W(aits) R(uns) K(skipped) U(pstream failed).
TABLE = """
        all_success all_failed all_done all_done_min_one_success all_done_setup_success one_success one_failed one_done none_failed none_failed_min_one_success none_skipped all_skipped always
ww      W           W          W        W                        W                      W           W          W        W           W                           W            W           R
sw      W           K          W        W                        W                      R           W          R        W           W                           W            K           R
ss      R           K          R        R                        R                      R           K          R        R           R                           R            K           R
sk      K           K          R        K                        R                      R           K          R        R           R                           K            K           R
kk      K           K          R        K                        R                      K           K          K        R           K                           K            R           R
kw      K           K          W        K                        W                      W           W          W        W           W                           K            W           R
fw      U           W          W        W                        W                      W           R          R        U           U                           W            K           R
sf      U           K          R        R                        R                      R           R          R        U           U                           R            K           R
kf      U           K          R        K                        R                      U           R          R        U           U                           K            K           R
ff      U           R          R        U                        R                      U           R          R        U           U                           R            K           R
uw      U           W          W        W                        W                      W           R          W        U           U                           W            K           R
uu      U           R          R        U                        R                      U           R          K        U           U                           R            K           R
su      U           K          R        R                        R                      R           R          R        U           U                           R            K           R
fu      U           R          R        U                        R                      U           R          R        U           U                           R            K           R
uk      U           K          R        K                        R                      U           R          K        U           U                           K            K           R
Sf      U           K          R        R                        R                      R           R          R        U           U                           R            K           R
Ff      U           R          R        U                        U                      U           R          R        U           U                           R            K           R
Kf      U           K          R        K                        K                      U           R          R        U           U                           K            K           R
KS      K           K          R        K                        R                      R           K          R        R           R                           K            K           R
KF      U           K          R        K                        U                      U           R          R        U           U                           K            K           R
Fw      U           W          W        W                        W                      W           R          R        U           U                           W            K           R
-       R           R          R        R                        R                      R           R          R        R           R                           R            R           R
"""  # noqa: E501
HEAD, *LINES = [line.split() for line in TABLE.strip().splitlines()]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_rules_mean_what_airflow_says(line: list[str]) -> None:
    ends, *meant = line
    found = {rule: judge(rule, counts(ends.strip("-"))) for rule in HEAD}
    assert found == {rule: MEANT[letter] for rule, letter in zip(HEAD, meant, strict=True)}


def test_authors_and_the_house_know_the_same_rules() -> None:
    assert set(TriggerRule) == set(RULES) == set(MEANINGS) == set(HEAD)


def test_unknown_rules_are_refused_with_the_list() -> None:
    sentence = check_rule("whenever")
    assert sentence is not None
    assert all(name in sentence for name in RULES)
    assert check_rule("all_done") is None
    with pytest.raises(InvalidInput, match="whenever"):
        judge("whenever", counts("s"))
