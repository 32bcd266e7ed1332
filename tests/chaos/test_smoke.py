"""Every board at a tiny scale: that it runs, and that what comes out is right, if perhaps slow on a busy machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import boards

pytestmark = pytest.mark.timeout(300)  # on a busy machine; a free one needs less than three minutes for all
NAMES = [name for name in boards.names() if boards.load(name).smoke is not None]


@pytest.mark.parametrize("name", NAMES)
def test_board(name: str, tmp_path: Path) -> None:
    board = boards.load(name)
    assert board.smoke is not None
    result = boards.play(board, board.smoke, 1, tmp_path / "board")
    assert result.sound, f"{name}: {result.detail} {result.figures}"
