"""``python -m jupyter_flow.runner.xcom_cleaner``: delete the files of attempts' XComs in a store.

Stdin: JSON with ``settings`` (of ``XComSettings``), ``home``, ``dag_folders`` and ``attempt_ids``.
"""

from __future__ import annotations

import json
import sys

from ..model.records import XComSettings
from .xcom_store import XComStoreError, backend_for


def main() -> int:
    """Do what stdin asks; exit code 1 and one line on stderr if the store cannot be used."""
    request = json.load(sys.stdin)
    sys.path.extend(request["dag_folders"])
    try:
        backend = backend_for(XComSettings(**request["settings"]), request["home"])
        backend.delete([str(attempt_id) for attempt_id in request["attempt_ids"]])
    except (XComStoreError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
