"""Reading a kernel's messages many at a time: what is refused and made one, and that nothing is lost."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import zmq
import zmq.asyncio
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.session import Session
from nbformat.v4 import output_from_msg

from jupyter_flow.runner.kernel_messages import MessageReader, MessageStream, merged
from jupyter_flow.runner.outputs import output_of

KEY = b"a key"


def frames(message: dict[str, Any], session: Session | None = None) -> list[bytes]:
    session = session or Session(key=KEY)
    return [b"topic", *session.serialize(message)]


def stream(text: Any, name: str = "stdout", parent: str = "r") -> dict[str, Any]:
    return said("stream", {"name": name, "text": text}, parent)


def update(display: str, text: str) -> dict[str, Any]:
    content = {"data": {"text/plain": text}, "metadata": {}, "transient": {"display_id": display}}
    return said("update_display_data", content)


def said(kind: str, content: dict[str, Any], parent: str = "r") -> dict[str, Any]:
    return {**Session(key=KEY).msg(kind, content), "parent_header": {"msg_id": parent, "date": "2026-01-31T02:00:00Z"}}


def told(messages: list[dict[str, Any]]) -> list[Any]:
    return [message["content"].get("text") or message["content"] for message in merged(messages)]


def test_a_message_is_read_as_jupyter_client_reads_it() -> None:
    session = Session(key=KEY)
    reader = MessageReader(session)
    for message in (said("status", {"execution_state": "busy"}), stream("é"), update("d", "x")):
        sent = frames(message)
        _, parts = session.feed_identities(sent)
        expected, found = session.deserialize(parts), reader.read(sent)
        assert found["content"] == expected["content"]
        assert found["metadata"] == expected["metadata"]
        assert found["msg_type"] == expected["msg_type"]
        assert found["parent_header"]["msg_id"] == "r"
        assert found["header"].keys() == expected["header"].keys()
    dated = reader.read(frames(said("status", {"execution_state": "idle"})))["header"]["date"]
    assert isinstance(dated, datetime)
    assert dated.tzinfo is not None


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (lambda good: frames(stream("x"), Session(key=b"another")), ValueError),
        (lambda good: [*good[:-1], b'{"name": "stdout", "text": "forged"}'], ValueError),
        (lambda good: good[:5], TypeError),
        (lambda good: [b"topic", b"no delimiter"], ValueError),
    ],
)
def test_what_the_kernel_did_not_sign_is_refused(bad: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        MessageReader(Session(key=KEY)).read(bad(frames(stream("x"))))


def test_content_that_is_no_object_is_refused() -> None:
    with pytest.raises(TypeError, match="must be objects"):
        MessageReader(Session(key=KEY)).read(frames(said("stream", b"[1]")))  # type: ignore[arg-type]


def test_neighbours_of_one_stream_are_one() -> None:
    assert told([stream("a\n"), stream("b"), stream("\rc"), stream("e", "stderr"), stream("d")]) == [
        "a\nb\rc",
        "e",
        "d",
    ]
    assert told([stream("a"), stream("b", parent="other"), stream("c")]) == ["a", "b", "c"]
    clear = said("clear_output", {"wait": True})
    assert told([stream("a"), clear, stream("b"), clear]) == ["a", {"wait": True}, "b", {"wait": True}]


def test_of_updates_of_one_display_the_last_counts() -> None:
    found = list(merged([update("d", "1"), update("d", "2"), update("e", "3"), stream("x"), update("d", "4")]))
    assert [m["content"].get("text") or m["content"]["data"]["text/plain"] for m in found] == ["2", "3", "x", "4"]


def test_text_that_is_none_stays_alone() -> None:
    assert told([stream("a"), stream(5), stream("b")]) == ["a", 5, "b"]


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.text(max_size=5))))
def test_no_text_is_lost_or_swapped(pieces: list[tuple[str, str]]) -> None:
    found = list(merged([stream(text, name) for name, text in pieces]))
    assert "".join(m["content"]["text"] for m in found) == "".join(text for _, text in pieces)
    names = [m["content"]["name"] for m in found]
    assert all(one != other for one, other in zip(names[1:], names[:-1], strict=True))


def test_a_stream_of_messages_arrives_whole_and_the_unreadable_is_told(tmp_path: Path) -> None:
    asyncio.run(asyncio.wait_for(_read_five_thousand(f"ipc://{tmp_path}/s"), 60))


async def _read_five_thousand(address: str) -> None:
    unusable: list[Exception] = []
    with zmq.Context() as plain, zmq.asyncio.Context() as context:
        sender, channel = plain.socket(zmq.PUSH), type("Channel", (), {})()
        channel.socket = context.socket(zmq.PULL)
        with sender, channel.socket:
            for socket, end in ((sender, zmq.SNDHWM), (channel.socket, zmq.RCVHWM)):
                socket.setsockopt(end, 0)
            channel.socket.bind(address)
            sender.connect(address)
            session = Session(key=KEY)
            for number in range(5_000):
                sender.send_multipart(frames(stream(f"{number}\n"), session))
                if number == 77:
                    sender.send_multipart([b"nonsense"])
            reader, got = MessageStream(channel, session, unusable.append), []
            while len(got) < 5_000:
                got += [message["content"]["text"] for message in await reader.next()]
    assert got == [f"{number}\n" for number in range(5_000)]
    assert len(unusable) == 1


@pytest.mark.parametrize(
    "content",
    [
        {"data": {"text/plain": "x", "image/png": "aGk="}, "metadata": {"image/png": {"width": 3}}},
        {"data": {"application/vnd.x+json": {"a": [1, {"b": None}]}}, "metadata": {}},
        {"data": {"text/plain": ["several", "lines"]}, "metadata": {}},
        {"data": {}, "metadata": {}},
    ],
)
def test_a_display_is_made_as_nbformat_makes_it(content: dict[str, Any]) -> None:
    message = said("display_data", content)
    assert output_of(message) == output_from_msg(message)
    assert type(output_of(message)["data"]) is type(output_from_msg(message)["data"])
