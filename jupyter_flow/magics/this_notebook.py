"""Which notebook is this kernel's, and what does its saved file hold?"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..authoring.dag_cell import DEFINING, split_cell
from ..model.errors import InvalidInput

SESSION_VARIABLE = "JPY_SESSION_NAME"
"""Set by Jupyter Server: the path of the document the kernel was started for."""


def notebook_path(given: str | None, namespace: Mapping[str, Any]) -> Path:
    """Return the notebook's absolute path: the one ``given``, else the one the front end told the kernel.

    Raises :class:`InvalidInput` when it is not known or not there.
    """
    name = (
        given or os.environ.get(SESSION_VARIABLE) or namespace.get("__session__") or namespace.get("__vsc_ipynb_file__")
    )
    if not name:
        raise InvalidInput("this kernel does not know its notebook: name it, e.g. `%flow register analysis.ipynb`")
    path = Path(str(name)).expanduser().absolute()
    if path.suffix != ".ipynb":
        raise InvalidInput(f"{path.name} is not a notebook (.ipynb)")
    if not path.is_file():
        raise InvalidInput(f"{path} does not exist: save the notebook, or name it as it is called now")
    return path.resolve()


def dag_cells(path: Path) -> int:
    """Return how many saved code cells start with ``%%dag`` or ``%%task``. Raises :class:`InvalidInput`."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{path} cannot be read as a notebook: {error}") from None
    texts = [source if isinstance(source, str) else "".join(source) for source in sources]
    return sum((cell := split_cell(text)) is not None and cell.magic in DEFINING for text in texts)
