"""Room 2, child side: the operators users instantiate.

May import: ``authoring``, ``model``.
Must never: import papermill at module level, or the house side.
A change violates this when importing an operator costs more than its own words.
"""

from . import (
    asset,
    bash,
    branch,
    decorated,
    empty,
    external_python,
    master_dag,
    notebook,
    notebook_cell,
    python,
    time_branch,
    trigger,
)

__all__ = [
    "asset",
    "bash",
    "branch",
    "decorated",
    "empty",
    "external_python",
    "master_dag",
    "notebook",
    "notebook_cell",
    "python",
    "time_branch",
    "trigger",
]
