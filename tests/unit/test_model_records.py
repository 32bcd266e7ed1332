"""Reports of children are read with suspicion: what a database would refuse is refused for the one attempt."""

from __future__ import annotations

from typing import Any

import pytest

from jupyter_flow.model.records import LONGEST_KEY, Report

REPORT = {
    "attempt_id": "0" * 32,
    "outcome": "success",
    "reason": {"code": "ok", "args": {}},
    "start_date": "2026-01-01T00:00:00+00:00",
    "end_date": "2026-01-01T00:00:01+00:00",
}


def test_a_key_of_an_xcom_may_be_long_but_not_longer_than_an_index_takes() -> None:
    Report.from_json({**REPORT, "xcoms": [{"key": "k" * LONGEST_KEY, "value": 1}]})
    with pytest.raises(ValueError, match="an XCom key of 513 characters, more than 512"):
        Report.from_json({**REPORT, "xcoms": [{"key": "k" * (LONGEST_KEY + 1), "value": 1}]})


@pytest.mark.parametrize("field", [{"cpu_time": "much"}, {"exit_code": 1.5}, {"peak_rss": True}, {"label": 7}])
def test_numbers_are_numbers_and_text_is_text(field: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"is not (a number|an integer|text)"):
        Report.from_json({**REPORT, **field})
