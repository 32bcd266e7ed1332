from __future__ import annotations

import sys

import pytest

from jupyter_flow.model.imports import importing_without


def test_a_blocked_module_is_as_if_not_installed_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    with importing_without("this"), pytest.raises(ImportError):
        import this  # noqa: F401
    assert "this" not in sys.modules


def test_a_module_that_is_loaded_stays_usable() -> None:
    import json

    with importing_without("json"):
        import json as again
    assert again is json is sys.modules["json"]
