"""Frames over non-blocking sockets, plain and TLS, in a loop."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.tls import certificates

from jupyter_flow.wire.frame_stream import FrameStream
from jupyter_flow.wire.link import lease_of, tls_context
from jupyter_flow.wire.stream_loop import StreamLoop


class Ends:
    """Two ends of a connection in one loop. ``got``: messages of the second end."""

    def __init__(self, first: FrameStream, second: FrameStream) -> None:
        self.first, self.second = first, second
        self.got: list[dict[str, Any]] = []
        self.closed: list[FrameStream] = []
        self.loop = StreamLoop()
        self.loop.add(first, lambda stream, message: None, self.closed.append)
        self.loop.add(second, lambda stream, message: self.got.append(message), self.closed.append)

    def until(self, count: int) -> None:
        for _ in range(10_000):
            if len(self.got) >= count or len(self.closed) == 2:
                return
            self.loop.step(5)
        raise AssertionError("nothing comes")


@pytest.fixture
def pair() -> Iterator[Ends]:
    left, right = socket.socketpair()
    ends = Ends(FrameStream(left), FrameStream(right))
    yield ends
    ends.loop.close()


def test_messages_arrive_in_order_whatever_their_size(pair: Ends) -> None:
    sent = [{"n": number, "text": "x" * (number * 40_000)} for number in range(12)]
    for message in sent:
        pair.first.send(message)
    assert pair.first.unsent > 0  # more than a socket takes at once
    pair.until(12)
    assert pair.got == sent
    assert pair.first.unsent == 0


def test_an_end_that_closes_is_seen_once_and_drops_what_is_sent(pair: Ends) -> None:
    pair.first.send({"last": True})
    pair.first.close("enough")
    pair.until(1)
    for _ in range(3):
        pair.loop.step(0.01)
    assert pair.got == [{"last": True}]
    assert sorted(str(stream.closed_because) for stream in pair.closed) == ["enough", "the peer closed the connection"]
    pair.first.send({"more": True})


def test_what_is_no_frame_closes_the_connection(pair: Ends) -> None:
    pair.first._socket.send(b"\xff\xff\xff\xffrubbish")
    pair.loop.step(1)
    assert "limit" in str(pair.second.closed_because)


def test_a_peer_that_does_not_read_is_given_up() -> None:
    left, right = socket.socketpair()
    stream = FrameStream(left, unsent_max=1_000_000)
    stream.send({"text": "x" * 3_000_000})
    assert stream.closed_because == "the peer does not read"
    stream.release()
    right.close()


def connect(server: ssl.SSLContext | None, client: ssl.SSLContext | None) -> Ends:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        first = FrameStream.connect("127.0.0.1", listener.getsockname()[1], client)
        connection, _ = listener.accept()
    return Ends(first, FrameStream(connection, server, server_side=True))


def test_tls_with_certificates_of_one_authority(tmp_path: Path) -> None:
    files = certificates(tmp_path)
    ends = connect(tls_context(files, server_side=True), tls_context(files, server_side=False))
    sent = [{"n": number, "text": "y" * 300_000} for number in range(5)]
    for message in sent:
        ends.first.send(message)
    ends.until(5)
    assert ends.got == sent
    ends.loop.close()


def test_a_certificate_of_another_authority_is_refused(tmp_path: Path) -> None:
    own, other = certificates(tmp_path / "own"), certificates(tmp_path / "other")
    mixed = {**own, "cert": other["cert"], "key": other["key"]}
    ends = connect(tls_context(own, server_side=True), tls_context(mixed, server_side=False))
    ends.first.send({"secret": 1})
    ends.until(1)
    assert not ends.got
    assert ends.closed
    ends.loop.close()


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    stream = FrameStream.connect("127.0.0.1", port)
    loop = StreamLoop()
    gone: list[FrameStream] = []
    loop.add(stream, lambda stream, message: None, gone.append)
    loop.step(5)
    assert gone
    assert "ECONNREFUSED" in str(stream.closed_because)
    loop.close()


def test_a_lease_is_six_beats_and_never_none_at_all() -> None:
    assert lease_of(5.0) == 30.0
    assert lease_of(0.0) > 1.0
