"""What a trace of ``$JUPYTER_FLOW_FAULTS`` tells: fault points that were passed, and operations that had none."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Trace:
    """The lines of a trace, in the order in which they were written."""

    records: list[dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Trace:
        return cls([json.loads(line) for line in path.read_text().splitlines()])

    @property
    def points(self) -> list[str]:
        return [record["point"] for record in self.records if "point" in record]

    @property
    def operations(self) -> Counter[str]:
        """Verb -> how many real operations."""
        return Counter(record["operation"] for record in self.records if "operation" in record)

    def unnamed(self) -> list[str]:
        """Return the operations that do not come right after a fault point of their own, in the same thread."""
        last: dict[tuple[int, int], dict[str, Any]] = {}
        found = []
        for record in self.records:
            place = (record["pid"], record["thread"])
            before, last[place] = last.get(place, {}), record
            if "operation" not in record or before.get("point", "").endswith(f".before_{record['operation']}"):
                continue
            if before.get("operation") == "start" and record["event"] == "os.posix_spawn":
                continue  # the second audit event of one start
            found.append(f"{record['role']}: {record['event']} at {record['place']}, after {before}")
        return found
