"""Retention: what is too old, too many or too large goes, in small steps, rows first and their files after.

A crash between the two leaves files that no row names: they go at the next pruning.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from ..model.config import FlowConfig
from ..model.errors import InvalidInput
from ..model.records import Actor
from ..storage import pruning, queries
from . import plain_settings, xcom_files
from .commanding import command
from .documents import Document
from .house import House
from .kept_kernels import KeptKernels

log = logging.getLogger(__name__)

BATCH = 50
"""Runs that are deleted in one transaction: the scheduler waits for no more."""
YOUNG = timedelta(days=1)
"""Folders without a record stay as long: somebody may just be making them."""
BUDGET = 0.02
"""Seconds of one turn of the host that pruning may take."""
SHOWN = 50
_ATTEMPT = re.compile(r"[0-9a-f]{32}")
_BUNDLE = re.compile(r"[0-9a-f]{64}")


@dataclass
class Pruned:
    """What went (or would go): counts, bytes of files, and the first runs by name."""

    runs: int = 0
    attempts: int = 0
    bytes: int = 0
    versions: int = 0
    bundles: int = 0
    notes: int = 0
    strays: int = 0
    names: list[dict[str, str]] = field(default_factory=list)

    def document(self, dry_run: bool) -> Document:
        """Return it as JSON-ready data."""
        return {"dry_run": dry_run, **vars(self)}


@dataclass(frozen=True)
class Keep:
    """What stays: see :class:`~..storage.pruning.KeepRule`; ``bytes`` of spool (0: all)."""

    rule: pruning.KeepRule
    bytes: int


def keep_of(config: FlowConfig, **other: float | None) -> Keep:
    """Return what ``config`` keeps, with ``days``, ``runs`` or ``bytes`` in place of its own if given.

    Raises :class:`InvalidInput` for numbers that mean nothing.
    """
    given = plain_settings.checked({f"keep_{name}": value for name, value in other.items() if value is not None})
    config = replace(config, **given)
    rule = pruning.KeepRule(config.keep_days, config.keep_runs, config.keep_failed_factor)
    return Keep(rule, config.keep_bytes)


def prune(
    house: House,
    actor: Actor,
    dry_run: bool = False,
    days: float | None = None,
    runs: int | None = None,
    bytes: int | None = None,
) -> Document:
    """Prune now, in one go, and return what went; ``dry_run``: only what would go."""
    keep = allow(house, actor, dry_run, days, runs, bytes)
    pruned = Pruned()
    for _ in steps(house, keep, pruned, dry_run):
        pass
    return pruned.document(dry_run)


def allow(
    house: House,
    actor: Actor,
    dry_run: bool = False,
    days: float | None = None,
    runs: int | None = None,
    bytes: int | None = None,
) -> Keep:
    """Ask whether ``actor`` may prune, leave the audit row, and return what is to be kept."""
    if not isinstance(dry_run, bool):
        raise InvalidInput("dry_run must be true or false")
    keep = keep_of(house.config, days=days, runs=runs, bytes=bytes)
    arguments = {"dry_run": dry_run, "days": keep.rule.days, "runs": keep.rule.runs, "bytes": keep.bytes}
    with command(house, actor, "house.prune", "admin", arguments=arguments):
        pass
    return keep


def delete_run(house: House, actor: Actor, dag_id: str, run_id: str) -> Document:
    """Delete a finished run with its records, logs, notebooks and XComs."""
    with command(house, actor, "runs.delete", "delete", dag_id=dag_id, run_id=run_id) as (connection, now):
        run = queries.get_run(connection, dag_id, run_id)
        gone = pruning.OldRun(run.id, run.dag_id, run.run_id, str(run.state))
        names = pruning.delete_run(connection, gone, now, actor)
    for name in names:
        remove(house.spool / name)
    xcom_files.delete(house.config, names)
    house.effects.run_changed(run.id)
    return {}


def steps(house: House, keep: Keep, pruned: Pruned, dry_run: bool) -> Iterator[None]:
    """Do the work piece by piece (each takes some milliseconds), counting in ``pruned``."""
    now = house.clock.wall()
    with house.reading() as connection:
        old = pruning.old_runs(connection, keep.rule, now)
    pruned.runs = len(old)
    pruned.names = [{"dag_id": run.dag_id, "run_id": run.run_id, "state": run.state} for run in old[:SHOWN]]
    yield
    for start in range(0, 0 if dry_run else len(old), BATCH):
        with house.writing() as connection:
            names = pruning.delete_runs(connection, old[start : start + BATCH], now)
        for name in names:
            pruned.attempts += 1
            pruned.bytes += remove(house.spool / name)
            yield
        xcom_files.delete(house.config, names)
        yield
    yield from _unused(house, keep, pruned, dry_run)
    yield from _files(house, keep, pruned, dry_run)


def _unused(house: House, keep: Keep, pruned: Pruned, dry_run: bool) -> Iterator[None]:
    """Let go of versions and bundles that nothing names, and of old notes."""
    if dry_run:
        return
    now = house.clock.wall()
    with house.writing() as connection:
        if keep.rule.days > 0:
            before = now - timedelta(days=keep.rule.days)
            pruned.notes = pruning.delete_old_notes(connection, before)
            pruned.versions = pruning.delete_unused_versions(connection, before)
        pruning.delete_unused_bundles(connection, now - YOUNG)
        folders = _names(house.bundles, _BUNDLE)
        known = pruning.known_bundles(connection, folders)
    for name in folders:  # also those whose record went with the pruning of another home
        if name not in known and _age(house.bundles / name, now.timestamp()) > YOUNG.total_seconds():
            pruned.bundles += 1
            pruned.bytes += remove(house.bundles / name)
            yield


def _files(house: House, keep: Keep, pruned: Pruned, dry_run: bool) -> Iterator[None]:
    """Bring the spool under ``keep.bytes``, oldest attempts first, and remove folders that no record names."""
    sizes: dict[str, int] = {}
    for name in _names(house.spool, _ATTEMPT):
        sizes[name] = _size(house.spool / name)
        yield
    with house.reading() as connection:
        known = pruning.known_attempts(connection, sizes)
        finished = pruning.attempts_with_files(connection, sizes)
    yield
    now = house.clock.wall()
    for name in sizes.keys() - known:
        if _age(house.spool / name, now.timestamp()) > YOUNG.total_seconds():
            pruned.strays += 1
            pruned.bytes += sizes[name] if dry_run else remove(house.spool / name)
            sizes[name] = 0
            yield
    if keep.bytes <= 0:
        return
    factor = keep.rule.factor
    finished.sort(key=lambda item: (now - item.finished_at) / (factor if item.failed else 1.0), reverse=True)
    left = sum(sizes.values())
    for item in finished:
        if left <= keep.bytes:
            return
        left -= sizes[item.id]
        pruned.attempts += 1
        if dry_run:
            pruned.bytes += sizes[item.id]
            continue
        with house.writing() as connection:
            pruning.forget_files(connection, [item.id])
        pruned.bytes += remove(house.spool / item.id)
        yield


class Retention:
    """Prunes beside the host's other work: every ``prune_interval`` seconds, or when somebody asks.

    It looks after the kernels of failed notebooks, too, which are kept for a short while only.
    """

    def __init__(self, house: House) -> None:
        self._house = house
        self._kept = KeptKernels(house)
        self._next = house.clock.monotonic() + min(60.0, house.config.prune_interval)
        self._work: Iterator[None] | None = None
        self._pruned = Pruned()
        self._waiters: list[Callable[[Document], None]] = []

    def ask(self, keep: Keep, answer: Callable[[Document], None]) -> None:
        """Prune now, from the start on; ``answer`` gets the document of what went."""
        self._waiters.append(answer)
        self._begin(keep)

    def next_tick(self) -> float | None:
        """Return the monotonic instant of the next :meth:`tick`; None: never."""
        if self._work is not None:
            return 0.0
        own = self._next if self._house.config.prune_interval > 0 else None
        return min((at for at in (own, self._kept.next_tick()) if at is not None), default=None)

    def tick(self, now: float) -> bool:
        """Work for :data:`BUDGET` seconds if it is time; True when something may have been committed."""
        changed = self._kept.tick(now)
        if self._work is None:
            if self._house.config.prune_interval <= 0 or now < self._next:
                return changed
            self._begin(keep_of(self._house.config))
        clock = self._house.clock
        begun = clock.monotonic()
        try:
            while self._work is not None and clock.monotonic() - begun < BUDGET:
                next(self._work)
        except StopIteration:
            self._end()
        except Exception:
            self._end()
            raise
        return True

    def _begin(self, keep: Keep) -> None:
        self._pruned = Pruned()
        self._work = steps(self._house, keep, self._pruned, False)

    def _end(self) -> None:
        self._work = None
        self._next = self._house.clock.monotonic() + self._house.config.prune_interval
        found = self._pruned.document(False)
        if self._pruned.bytes or self._pruned.runs:
            log.info("pruned %(runs)d runs and %(bytes)d bytes of files", found)
        for answer in self._waiters:
            answer(found)
        self._waiters.clear()


def remove(folder: Path) -> int:
    """Remove a folder of the house, read-only files in it too; return the bytes it had. What stays is logged."""
    size = _size(folder)

    def make_writable(function: Callable[[str], Any], path: str, _problem: BaseException) -> None:
        try:
            os.chmod(Path(path).parent, 0o700)
            function(path)
        except OSError as error:
            log.warning("%s was not removed: %s", path, error.strerror or error)

    if folder.is_symlink() or not folder.is_dir():
        return 0
    shutil.rmtree(folder, onerror=lambda function, path, info: make_writable(function, path, info[1]))
    return size


def _names(folder: Path, pattern: re.Pattern[str]) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if pattern.fullmatch(name)]
    except OSError:
        return []


def _size(folder: Path) -> int:
    """Return the bytes of the files in ``folder``; links are not followed."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total


def _age(folder: Path, now: float) -> float:
    try:
        return now - folder.stat().st_mtime
    except OSError:
        return 0.0
