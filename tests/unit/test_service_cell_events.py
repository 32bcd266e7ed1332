"""Events of cells, folded: what later ones undo is left out, and a reader ends where one that saw all of them ends."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from jupyter_flow.service.cell_events import _parse, fold, overwritten
from jupyter_flow.service.log_lines import read_records

Event = dict[str, Any]


def stream(seq: int, text: str, cell: int = 0, name: str = "stdout") -> Event:
    output = {"output_type": "stream", "name": name, "text": text}
    return {"seq": seq, "at": "", "cell": cell, "event": "output", "output": output}


def display(seq: int, text: str, cell: int = 0, **more: Any) -> Event:
    output = {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}
    return {"seq": seq, "at": "", "cell": cell, "event": "output", "output": output, **more}


def replay(events: list[Event], outputs: dict[int, list[Event]] | None = None) -> dict[int, list[Event]]:
    """What a reader makes of events: the outputs of each cell."""
    outputs = {} if outputs is None else outputs
    for event in events:
        kept = outputs.setdefault(event["cell"], [])
        if event["event"] == "cleared":
            kept.clear()
        elif event["event"] == "updated":
            kept[event["position"]] = event["output"]
        elif event["event"] == "output":
            new = event["output"]
            last = kept[-1] if kept else None
            if last and last["output_type"] == new["output_type"] == "stream" and last["name"] == new["name"]:
                kept[-1] = {**last, "text": overwritten(last["text"] + new["text"])}
            else:
                kept.append(new)
    return outputs


def test_an_endless_progress_bar_is_one_short_line() -> None:
    events = [stream(n, f"\r{n}%|{'#' * (n % 80)}", name="stderr") for n in range(1, 2001)]
    folded = fold(events)
    assert len(folded) == 1
    assert len(folded[0]["output"]["text"]) < 100
    assert folded[0]["seq"] == 2000


def test_text_that_goes_on_a_line_that_was_sent_before_writes_over_it() -> None:
    assert overwritten("1%\r2%\r3%") == "\r3%"
    assert overwritten("a\r\nb\r\n") == "a\nb\n"
    assert overwritten("10%" + overwritten("\r20%\r30%\nend")) == "\r30%\nend"
    assert overwritten("done\r") == "done\r"
    assert overwritten("done\r" + "next") == "\rnext"


def test_what_was_cleared_or_replaced_does_not_come() -> None:
    events = [display(1, "a"), {"seq": 2, "at": "", "cell": 0, "event": "cleared"}, display(3, "b")]
    events += [{**display(4, "c"), "event": "updated", "position": 0}]
    events += [{**display(5, "d"), "event": "updated", "position": 0}]
    assert [event["seq"] for event in fold(events)] == [2, 3, 5]


def test_folded_in_any_pieces_a_reader_ends_with_the_same_outputs() -> None:
    chance = random.Random(7)
    for _ in range(200):
        events: list[Event] = []
        outputs: dict[int, list[Event]] = {}
        for seq in range(1, 40):
            cell = chance.randrange(2)
            shown = outputs.get(cell, [])
            places = [at for at, output in enumerate(shown) if output["output_type"] == "display_data"]
            kind = chance.choice(["text", "text", "text", "display", "update", "clear"])
            if kind == "text":
                text = chance.choice(["a", "\rb", "c\n", "\r", "\n"])
                event = stream(seq, text, cell, chance.choice(["stdout", "stderr"]))
            elif kind == "update" and places:
                event = {**display(seq, str(seq), cell), "event": "updated", "position": chance.choice(places)}
            elif kind == "clear":
                event = {"seq": seq, "at": "", "cell": cell, "event": "cleared"}
            else:
                event = display(seq, str(seq), cell)
            events.append(event)
            replay([event], outputs)
        pieces: dict[int, list[Event]] = {}
        rest = events
        while rest:
            size = chance.randrange(1, 15)
            replay(fold(rest[:size]), pieces)
            rest = rest[size:]
        assert {cell: kept for cell, kept in pieces.items() if kept} == {c: kept for c, kept in outputs.items() if kept}


def test_only_events_come_from_the_file(tmp_path: Path) -> None:
    lines = [{"seq": 1, "at": "x", "cell": 0, "event": "started", "more": 1}]
    lines += [{"seq": 2, "cell": -1, "event": "started"}]
    lines += [{"seq": 3, "cell": 0, "event": "what"}, {"seq": 4, "cell": 0, "event": "output", "output": "text"}]
    lines += [stream(5, "x" * 3_000_000), {"seq": "6", "cell": 0, "event": "started"}]
    path = tmp_path / "cells.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + '\n{"seq": 7, "cell": 0, "eve')
    found = read_records(path, 0, 100, _parse, longest=8 << 20)
    assert [event["seq"] for event in found] == [1, 5]
    assert "more" not in found[0]
    assert [event["seq"] for event in read_records(path, 1, 100, _parse, longest=8 << 20)] == [5]
