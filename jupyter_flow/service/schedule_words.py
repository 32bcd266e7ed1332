"""A schedule in words, as lists and pages show it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..model.spec import ScheduleSpec


def schedule_text(schedule: ScheduleSpec) -> str | None:
    """What lists print as the schedule: the author's own text, else the expression; None for manual DAGs."""
    if schedule.kind == "none":
        return None
    if schedule.kind == "delta" and schedule.seconds is not None and schedule.assets is None:
        return f"every {_span(schedule.seconds)}"
    return schedule.summary or schedule.expression or f"@{schedule.kind}"


def spoken_schedule(schedule: ScheduleSpec) -> str | None:
    """The schedule as one would say it; None where :func:`schedule_text` says it already."""
    if schedule.kind != "cron" or schedule.expression is None or schedule.more_expressions:
        return None
    if schedule.summary not in (None, schedule.expression):
        return None
    return _spoken_cron(schedule.expression)


@lru_cache(maxsize=1_000)
def _spoken_cron(expression: str) -> str | None:
    from cron_descriptor import (  # type: ignore[import-untyped]  # late: it reads files of words
        CasingTypeEnum,
        ExpressionDescriptor,
        FormatException,
        Options,
    )

    options = Options()
    options.locale_code = "en_US"
    options.use_24hour_time_format = True
    options.casing_type = CasingTypeEnum.Sentence
    try:
        words: str = ExpressionDescriptor(expression, options).get_description()
    except (FormatException, ValueError, IndexError):  # names and forms that the house knows and the library does not
        return None
    return words


def asset_words(condition: Mapping[str, Any] | None) -> str | None:
    """A condition of assets in words, ``orders and (rates or alias "fx")``; None for a schedule without assets."""
    return None if condition is None else _words(condition, is_part=False)


def _words(condition: Mapping[str, Any], *, is_part: bool) -> str:
    for kind, joint in (("all", " and "), ("any", " or ")):
        if kind in condition:
            text = joint.join(_words(part, is_part=True) for part in condition[kind])
            return f"({text})" if is_part and len(condition[kind]) > 1 else text
    return f'alias "{condition["alias"]}"' if "alias" in condition else str(condition["asset"]["name"])


def _span(seconds: float) -> str:
    """``1 d 12 h`` and the like: all units that are needed, the largest first."""
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        count, seconds = divmod(seconds, size)
        parts += [f"{count:g} {unit}"] if count else []
    return " ".join([*parts, f"{seconds:g} s"] if seconds or not parts else parts)
