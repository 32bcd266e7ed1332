from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from jupyter_flow.model.config import FlowConfig
from jupyter_flow.model.errors import InvalidInput
from jupyter_flow.service import slot_settings


def test_queues_go_to_the_host_and_back() -> None:
    config = FlowConfig(home=Path(), queues={"gpu": 2, "a=b": 1}, max_map_length=7)
    parser = argparse.ArgumentParser()
    slot_settings.add_options(parser)
    given = parser.parse_args(slot_settings.options(config))
    assert slot_settings.settings_of(given, parser) == {"queues": {"gpu": 2, "a=b": 1}, "max_map_length": 7}


@pytest.mark.parametrize("text", ["gpu", "=1", "gpu=two", "gpu=-1"])
def test_an_unusable_queue_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"must be written NAME=SLOTS, e\.g\. gpu=2"):
        slot_settings.read_queues([text])
