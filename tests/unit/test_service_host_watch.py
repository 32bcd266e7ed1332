"""When another host stands still: told by its heartbeat and our own monotonic clock, never by two wall clocks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from support.flows import T0, at

from jupyter_flow.model.rows import Host
from jupyter_flow.service.host_watch import HostWatch
from jupyter_flow.service.wake_up import MOST, WakeUp

HOST = Host("a", "box", 1, "boot", "0", T0, T0, T0 + timedelta(seconds=8), None)


def watch(*looks: tuple[float, float]) -> bool:
    """Look at ``(monotonic instant, heartbeat in seconds after T0)`` pairs; tell whether the host stands still then."""
    found = HostWatch(8.0)
    still: list[Host] = []
    for now, beat in looks:
        still = found.standing_still([replace(HOST, heartbeat_at=at(beat))], now)
    return bool(still)


def test_a_host_whose_heartbeat_stays_the_same_for_the_whole_time_stands_still() -> None:
    assert not watch((100, 0), (102, 0), (104, 0), (106, 0))
    assert watch((100, 0), (102, 0), (104, 0), (106, 0), (108, 0))


def test_a_heartbeat_that_changes_is_a_sign_of_life_wherever_the_clock_goes() -> None:
    assert not watch((100, 0), (104, 2), (108, 2), (111, -3600))


def test_who_has_not_looked_for_long_cannot_tell() -> None:
    assert not watch((100, 0), (160, 0))
    assert watch((100, 0), (160, 0), (164, 0), (168, 0))


def test_the_next_look_is_when_the_first_may_stand_still() -> None:
    found = HostWatch(8.0)
    assert found.next_instant() is None
    found.standing_still([HOST], 100.0)
    found.standing_still([HOST, replace(HOST, host_id="b")], 102.0)
    assert found.next_instant() == 108.0
    found.standing_still([replace(HOST, host_id="b")], 104.0)
    assert found.next_instant() == 110.0


def test_news_go_over_the_wire_and_back_but_not_to_their_sender() -> None:
    news = WakeUp(runs={3, 1}, dags={"d"}, ended={"e"}, past={"p"}, slots=True)
    assert WakeUp.from_text(news.to_text("a"), "b") == news
    assert WakeUp.from_text(news.to_text("a"), "a") is None
    assert not WakeUp()
    assert WakeUp(hosts=True)


def test_news_that_are_too_long_or_unreadable_say_look_at_all() -> None:
    many = WakeUp(runs=set(range(10_000)), slots=True)
    text = many.to_text("a")
    assert len(text) < MOST
    assert WakeUp.from_text(text, "b") == WakeUp(slots=True, sweep=True)
    for bad in ("", "[]", "{}", '{"host": "a", "runs": 3}'):
        assert WakeUp.from_text(bad, "b") == WakeUp(slots=True, hosts=True, sweep=True)
