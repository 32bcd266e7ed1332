"""The runner's clock: instants as text. The one file of the runner that reads the wall clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return this instant, in UTC."""
    return datetime.fromtimestamp(time.time(), UTC)


def now_iso() -> str:
    """Return this instant as ISO 8601 in UTC with offset."""
    return now().isoformat()
