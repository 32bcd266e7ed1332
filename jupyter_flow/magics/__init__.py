"""Room 5, child side: ``%%dag``, ``%%task``, ``%flow`` in the author's kernel.

May import: ``authoring``, ``operators``, ``model``, ``wire``, IPython.
Must never: open the database or import the house side.
A change violates this when the author's kernel could write state.
"""

from __future__ import annotations

from typing import Any


def register(ipython: Any) -> None:
    """Make the magics known to the IPython shell ``ipython`` (``%load_ext jupyter_flow`` does)."""
    from .flow_magics import FlowMagics

    ipython.register_magics(FlowMagics)
