"""Claims what is ready as far as there are slots: from then on an attempt of ours exists, with its token."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from ..model.rows import TaskInstance
from ..storage import runs
from .book import RunBook
from .house import House
from .run_snapshots import slot_limits, slots_in_use
from .tokens import hash_token, new_token

CHECK_WITHIN = timedelta(seconds=60)
"""How long an active row goes unlooked at: it is renewed with the heartbeat."""
OWN_LIMITS = frozenset({"parallelism", "notebook_parallelism", "queue_full", "resource_group_full"})
"""Reasons by which tasks wait for this host and no other one."""


@dataclass(frozen=True)
class Claims:
    """Claimed task instances, each with the token of its attempt.

    ``is_full``: others wait for slots of this host. ``no_slot``: it has none left, for whatever task.
    """

    rows: list[tuple[TaskInstance, str]]
    is_full: bool = False
    no_slot: bool = False


def claim_ready(
    connection: Connection,
    house: House,
    book: RunBook,
    host_id: str,
    boot_id: str | None,
    now: datetime,
    only: Collection[int] | None,
) -> Claims:
    """Claim ready task instances (of the runs ``only``, if given) and return each with the token of its attempt."""
    groups = house.config.resource_groups
    ready = book.ready({name: group.priority for name, group in groups.items() if group.priority})
    if not ready:
        return Claims([])
    limits = slot_limits(connection, house.config)
    used = slots_in_use(connection, house.config, host_id)
    tokens: dict[str, str] = {}
    claims = []
    picked = ready.pick(used.copy(), limits, only)
    for item in picked.ready:
        attempt_id, token = uuid.uuid4().hex, new_token()
        tokens[attempt_id] = token
        check_at = now + CHECK_WITHIN
        claims.append(
            runs.Claim(item, attempt_id, hash_token(token), check_at, executor=house.config.executor, boot_id=boot_id)
        )
    claimed = runs.claim(connection, claims, limits, host_id, now, used)
    for claim, reason in claimed.refused:
        if reason.code == "changed":  # the snapshot was behind the row
            book.distrust(claim.ready.dag_run_id)
    refused = picked.refused | {reason.code for _, reason in claimed.refused}
    rows = [(row, tokens[row.attempt_id or ""]) for row in claimed.tasks]
    return Claims(rows, not refused.isdisjoint(OWN_LIMITS), "parallelism" in refused)
