from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_flow.wire import paths


def test_the_socket_path_is_short_and_the_same_for_all_spellings_of_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    long_home = Path("/home") / ("x" * 200)
    assert paths.house_socket(long_home) == paths.house_socket(Path("/home/../home") / ("x" * 200))
    assert len(str(paths.house_socket(long_home))) < 100


def test_two_homes_have_two_sockets() -> None:
    assert paths.house_socket(Path("/a")) != paths.house_socket(Path("/b"))


def test_a_runtime_folder_too_long_for_a_socket_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/" + "y" * 90)
    assert len(str(paths.house_socket(Path("/a")))) < 100
