"""``python -m jupyter_flow``: the same as ``jupyter flow``."""

from __future__ import annotations

from .cli import main

main()
