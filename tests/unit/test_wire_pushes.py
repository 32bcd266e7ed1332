"""What a subscriber hears of a host that says nothing."""

from __future__ import annotations

import socket

from jupyter_flow.wire import framing
from jupyter_flow.wire.client import HouseClient


def test_silence_is_told_and_nothing_is_lost_by_it() -> None:
    ours, theirs = socket.socketpair()
    client = HouseClient.__new__(HouseClient)
    client._socket = ours
    pushes = client.pushes(quiet_after=0.01)
    assert next(pushes) == {"push": "quiet"}
    assert next(pushes) == {"push": "quiet"}
    framing.send(theirs, {"push": "changed", "cursor": 3})
    framing.send(theirs, {"push": "alive"})
    assert next(pushes) == {"push": "changed", "cursor": 3}
    assert next(pushes) == {"push": "alive"}
    theirs.close()
    assert list(pushes) == []
    client.close()
