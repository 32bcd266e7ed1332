"""A client at a door with a crowd before it: it waits, as long as it was told to."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_flow.model.errors import NoHost
from jupyter_flow.wire import framing
from jupyter_flow.wire.client import HouseClient
from jupyter_flow.wire.paths import ensure_private_dir, house_socket


@pytest.fixture
def crowded(tmp_path: Path) -> Iterator[socket.socket]:
    """A listener that has as many callers waiting as it takes."""
    path = house_socket(tmp_path)
    ensure_private_dir(path.parent.parent)
    ensure_private_dir(path.parent)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(0)
    waiting = []
    while True:
        caller = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        caller.setblocking(False)
        waiting.append(caller)
        try:
            caller.connect(str(path))
        except BlockingIOError:
            break
    yield listener
    for item in [listener, *waiting]:
        item.close()
    path.unlink()


def test_a_client_waits_for_its_turn(crowded: socket.socket, tmp_path: Path) -> None:
    def serve() -> None:
        crowded.accept()[0].close()  # who came before says nothing
        peer, _address = crowded.accept()
        with peer:
            request = framing.receive(peer)
            assert request is not None
            framing.send(peer, {"id": request["id"], "ok": request["op"]})

    answers: list[object] = []

    def ask() -> None:
        with HouseClient(tmp_path, timeout=30) as client:
            answers.append(client.call("host.status"))

    asking = threading.Thread(target=ask)
    asking.start()
    serve()
    asking.join(30)
    assert answers == ["host.status"]


def test_it_waits_no_longer_than_it_was_told_to(crowded: socket.socket, tmp_path: Path) -> None:
    begun = time.monotonic()
    with pytest.raises(NoHost, match="no host answers"):
        HouseClient(tmp_path, timeout=0.3)
    assert time.monotonic() - begun > 0.25, "it was refused at once"
