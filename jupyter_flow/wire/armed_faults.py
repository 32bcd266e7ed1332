"""Arms the fault points of a process by ``$JUPYTER_FLOW_FAULTS``: a tool for tests, see docs/reliability.md.

The text is a list of items with ``;`` between them:

- ``NAME=ACTION`` or ``NAME=ACTION@HITS``: what happens at a fault point. NAME may hold ``*``. ACTION is ``crash``
  (SIGKILL to this process), ``stop`` (SIGSTOP), ``delay:SECONDS`` or ``raise:ENOSPC`` (an OSError of that number).
  HITS is ``3`` or ``1-5`` (from 1); without it: every hit.
- ``count=PATH``: hits are counted over all processes, in files that begin with PATH; else each process counts its own.
- ``trace=PATH``: each fault point is noted in this file, and each real operation too (:mod:`.fault_trace`).

Standard library only, and no import of ours: the kernel forkserver loads this file by its path.
"""

from __future__ import annotations

import errno
import fnmatch
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping

FAULTS_VARIABLE = "JUPYTER_FLOW_FAULTS"

Hook = Callable[[str], None]


class Rule:
    """``NAME=ACTION@HITS``: what happens at fault points that match ``pattern``."""

    def __init__(self, pattern: str, action: str, argument: float, first: int, last: float) -> None:
        self.pattern, self.action, self.argument = pattern, action, argument
        self.first, self.last = first, last
        self.hits = 0

    def count(self, path: str | None) -> int:
        """Return the number of this hit: of this process, or of all that share the files at ``path``."""
        if path is None:
            self.hits += 1
            return self.hits
        name = "".join(letter if letter.isalnum() else "-" for letter in self.pattern)
        file = os.open(f"{path}.{name}.{self.action}", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, b".")
            return os.lseek(file, 0, os.SEEK_CUR)  # after an appending write: how long the file was with our byte
        finally:
            os.close(file)

    def act(self) -> None:
        """Crash, stop, wait or raise."""
        if self.action == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.action == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif self.action == "delay":
            time.sleep(self.argument)
        else:
            number = int(self.argument)
            raise OSError(number, os.strerror(number))


class Faults:
    """The hook of an armed process. ``role`` says in the trace what the process is."""

    def __init__(self, rules: list[Rule], count: str | None, trace: str | None, role: str) -> None:
        self._rules, self._count, self._trace, self._role = rules, count, trace, role

    def __call__(self, name: str) -> None:
        """Note the fault point ``name``, then do what its rules say."""
        if self._trace is not None:
            self.note({"point": name})
        for rule in self._rules:
            if fnmatch.fnmatchcase(name, rule.pattern) and rule.first <= rule.count(self._count) <= rule.last:
                rule.act()

    def note(self, record: dict[str, object]) -> None:
        """Append a line to the trace."""
        if self._trace is None:
            return
        line = json.dumps({"pid": os.getpid(), "thread": threading.get_ident(), "role": self._role, **record})
        file = os.open(self._trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, line.encode() + b"\n")
        finally:
            os.close(file)

    @property
    def is_tracing(self) -> bool:
        """Whether there is a trace."""
        return self._trace is not None


def faults_of(environment: Mapping[str, str], role: str) -> Faults | None:
    """Return what ``$JUPYTER_FLOW_FAULTS`` asks for, None if it is not set. Raises ValueError (one line)."""
    text = environment.get(FAULTS_VARIABLE, "").strip()
    if not text:
        return None
    rules: list[Rule] = []
    files: dict[str, str] = {}
    for item in filter(None, (part.strip() for part in text.split(";"))):
        name, found, value = (word.strip() for word in item.partition("="))
        if not found or not name or not value:
            raise ValueError(f"${FAULTS_VARIABLE}: {item!r} is not NAME=ACTION, count=PATH or trace=PATH")
        if name in ("count", "trace"):
            files[name] = value
        else:
            rules.append(_rule(item, name, value))
    return Faults(rules, files.get("count"), files.get("trace"), role)


def _rule(item: str, name: str, value: str) -> Rule:
    text, counted, hits = value.partition("@")
    action, _, argument = text.partition(":")
    first, last = 1, float("inf")
    try:
        if counted:
            begin, several, end = hits.partition("-")
            first = int(begin)
            last = int(end) if several else first
        number = 0.0
        if action == "delay":
            number = float(argument)
        elif action == "raise":
            number = getattr(errno, argument)
        elif action not in ("crash", "stop") or argument:
            raise ValueError(action)
        if first < 1 or last < first or not 0 <= number < 1e6:
            raise ValueError(hits)
    except (ValueError, AttributeError, TypeError):
        raise ValueError(
            f"${FAULTS_VARIABLE}: {item!r} cannot be read: use NAME=crash, stop, delay:SECONDS or raise:ENOSPC, "
            "then @N or @N-M if not every hit is meant"
        ) from None
    return Rule(name, action, number, first, last)
