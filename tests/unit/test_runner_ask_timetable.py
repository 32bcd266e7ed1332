"""Asking authors' timetables: what they answer is checked, and each defect is one line."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jupyter_flow.runner.ask_timetable import Question, TimetableFailure, manual_interval, runs_to_come
from jupyter_flow.timetables import moment
from jupyter_flow.timetables.base import DagRunInfo, DataInterval, TimeRestriction, Timetable

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
FREE = TimeRestriction(START, None, True)


class Made(Timetable):
    """A timetable whose answer is a function."""

    def __init__(self, answer: Callable[[DataInterval | None, TimeRestriction], Any]) -> None:
        self.answer = answer

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> Any:
        return self.answer(last_automated_data_interval, restriction)


def daily(last: DataInterval | None, restriction: TimeRestriction) -> DagRunInfo:
    start = last.end if last else restriction.earliest
    return DagRunInfo.interval(start, start + DAY)


def test_runs_follow_on_each_other_from_the_last_one_or_the_first_date_on() -> None:
    infos, ended = runs_to_come(Made(daily), Question(None, FREE, 3), NOW)
    assert [info[1] for info in infos] == [START, START + DAY, START + 2 * DAY]
    assert [info[0] for info in infos] == [START + DAY, START + 2 * DAY, START + 3 * DAY]
    assert not ended
    last = DataInterval(START, START + DAY)
    infos, _ = runs_to_come(Made(daily), Question(last, FREE, 1), NOW)
    assert infos == [(START + 2 * DAY, START + DAY, START + 2 * DAY)]


def test_later_dates_are_walked_to() -> None:
    infos, _ = runs_to_come(Made(daily), Question(None, FREE, 2, after=START + 1000 * DAY), NOW)
    assert [info[0] for info in infos] == [START + 1001 * DAY, START + 1002 * DAY]


def test_an_end_is_told() -> None:
    until = Made(lambda last, rule: daily(last, rule) if last is None or last.end < START + 2 * DAY else None)
    infos, ended = runs_to_come(until, Question(None, FREE), NOW)
    assert (len(infos), ended) == (2, True)


def test_all_questions_are_asked_at_one_instant() -> None:
    today = Made(lambda last, rule: DagRunInfo.exact(last.end + DAY if last else moment.now()))
    infos, _ = runs_to_come(today, Question(None, FREE, 2), NOW)
    assert [info[0] for info in infos] == [NOW, NOW + DAY]


def test_any_zone_becomes_utc() -> None:
    from zoneinfo import ZoneInfo

    berlin = datetime(2026, 7, 1, 2, tzinfo=ZoneInfo("Europe/Berlin"))
    infos, _ = runs_to_come(
        Made(lambda last, rule: None if last else DagRunInfo.exact(berlin)), Question(None, FREE), NOW
    )
    assert infos == [(datetime(2026, 7, 1, tzinfo=UTC),) * 3]
    assert infos[0][0].tzinfo is UTC


def jump(last: DataInterval | None, rule: TimeRestriction) -> DagRunInfo:
    return DagRunInfo.exact((last.end if last else START) + random.randint(1, 10**6) * DAY / 1000)


def fails(last: DataInterval | None, rule: TimeRestriction) -> None:
    raise KeyError("no\nholidays")


BAD: list[tuple[Callable[..., Any], str]] = [
    (fails, "timetable Made: next_dagrun_info failed: KeyError: 'no\\\\nholidays'"),
    (jump, "timetable Made is not deterministic: asked twice, it said run_after 20.* and run_after 20"),
    (lambda last, rule: START, r"next_dagrun_info must return a DagRunInfo or None, not datetime.datetime\("),
    (lambda last, rule: DagRunInfo.exact(datetime(2026, 1, 1)), "data interval 2026-01-01T00:00:00 has no timezone"),
    (lambda last, rule: DagRunInfo.exact("2026-01-01"), "data interval must be a datetime, not '2026-01-01'"),
    (lambda last, rule: DagRunInfo(START, START), "a data interval must be a DataInterval, not datetime"),
    (lambda last, rule: DagRunInfo(None, DataInterval.exact(START)), "run_after must be a datetime, not None"),
    (
        lambda last, rule: DagRunInfo.interval(START, START - DAY),
        r"a data interval ends at 2025-12-31T00:00:00\+00:00, before its start 2026-01-01T00:00:00\+00:00",
    ),
    (
        lambda last, rule: DagRunInfo.exact(START),
        r"does not go on: after the run of 2026-01-01T00:00:00\+00:00 it gave the one of 2026-01-01T00:00:00\+00:00",
    ),
]


@pytest.mark.parametrize(("answer", "sentence"), BAD)
def test_what_is_wrong_with_an_answer_is_one_line(answer: Callable[..., Any], sentence: str) -> None:
    with pytest.raises(TimetableFailure, match=sentence) as failure:
        runs_to_come(Made(answer), Question(None, FREE), NOW)
    assert "\n" not in str(failure.value)


def test_a_timetable_that_remembers_its_questions_is_not_deterministic() -> None:
    count = iter(range(1000))
    shorter = Made(lambda last, rule: daily(last, rule) if next(count) < 70 else None)
    with pytest.raises(TimetableFailure, match="asked twice, it said 64 runs and 6 runs"):
        runs_to_come(shorter, Question(None, FREE), NOW)


def test_intervals_of_manual_runs() -> None:
    class Own(Timetable):
        def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
            return DataInterval(run_after - DAY, run_after)

    class Without(Timetable):
        def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
            raise NotImplementedError

    class Broken(Timetable):
        def infer_manual_data_interval(self, *, run_after: datetime) -> DataInterval:
            raise RuntimeError("no calendar")

    assert manual_interval(Own(), START, NOW) == (START - DAY, START)
    assert manual_interval(Without(), START, NOW) == (START, START)
    assert manual_interval(Timetable(), START, NOW) == (START, START)
    with pytest.raises(TimetableFailure, match="Broken: infer_manual_data_interval failed: RuntimeError: no calendar"):
        manual_interval(Broken(), START, NOW)
