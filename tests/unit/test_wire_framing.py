from __future__ import annotations

import socket
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_flow.wire import framing

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
messages = st.dictionaries(st.text(), json_values, max_size=5)


@given(st.lists(messages, max_size=5), st.integers(1, 64))
def test_messages_survive_any_cut_of_the_stream(sent: list[dict], cut: int) -> None:
    stream = b"".join(framing.encode(message) for message in sent)
    decoder, got = framing.Decoder(), []
    for start in range(0, len(stream), cut):
        got += decoder.feed(stream[start : start + cut])
    assert got == sent


@given(messages)
def test_blocking_ends_agree_with_the_decoder(message: dict) -> None:
    left, right = socket.socketpair()
    with left, right:
        framing.send(left, message)
        assert framing.receive(right) == message


def test_end_of_stream_is_none_and_a_cut_frame_an_error() -> None:
    left, right = socket.socketpair()
    with right:
        left.sendall(framing.encode({"a": 1})[:-1])
        left.close()
        with pytest.raises(framing.FrameError, match="ended within a frame"):
            framing.receive(right)
    left, right = socket.socketpair()
    with right:
        left.close()
        assert framing.receive(right) is None


@pytest.mark.parametrize("body", [b"[1]", b"not json", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(framing.FrameError, match="JSON"):
        framing.Decoder().feed(len(body).to_bytes(4, "big") + body)


def test_a_length_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(framing.FrameError, match="over the limit"):
        framing.Decoder().feed(b"\xff\xff\xff\xff")


def test_large_messages_pass_a_blocking_socket() -> None:
    left, right = socket.socketpair()
    message = {"text": "ä" * 3_000_000}
    with left, right:
        sender = threading.Thread(target=framing.send, args=(left, message))
        sender.start()
        assert framing.receive(right) == message
        sender.join()


def test_half_a_surrogate_pair_goes_over_the_wire() -> None:
    message = {"text": "a\ud800b\udc00", "é": "\U0001f600"}
    assert framing.Decoder().feed(framing.encode(message)) == [message]
