"""One capability a file: DAG files on disk, a running host, an answer of the command line, REST or house.sock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.houses import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house of all tests of a file, its host running; DAG files that are written are found by themselves."""
    made = House(tmp_path_factory.mktemp("house")).start()
    try:
        yield made
    finally:
        made.close()
