"""Retry policies: what a failure was decides whether, and when, a task is tried again."""

from __future__ import annotations

import builtins
import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from . import checks
from .exceptions import DagError, FlowTaskTimeout, TaskFailure
from .location import warn

KERNEL_DIED = "KernelDied"
TIMEOUT = "Timeout"
_REASONS = {
    "kernel_died": KERNEL_DIED,
    "kernel_died_exit": KERNEL_DIED,
    "timeout": TIMEOUT,
    "timeout_cell": TIMEOUT,
}
"""Code of a reason -> the name under which rules know it."""

ExceptionSpec = type[BaseException] | str


class RetryAction(StrEnum):
    """What happens after a failure. ``RETRY`` never gives more tries than ``retries`` says."""

    RETRY = "retry"
    FAIL = "fail"
    DEFAULT = "default"


@dataclass(frozen=True)
class RetryDecision:
    """What a policy says of one failure. ``retry_delay``: in place of the task's own; ``reason``: for the log."""

    action: RetryAction = RetryAction.DEFAULT
    retry_delay: timedelta | None = None
    reason: str | None = None

    @classmethod
    def fail(cls, reason: str | None = None) -> RetryDecision:
        """Do not try again."""
        return cls(RetryAction.FAIL, None, reason)

    @classmethod
    def retry(cls, delay: timedelta | None = None, reason: str | None = None) -> RetryDecision:
        """Try again, after ``delay`` if given."""
        return cls(RetryAction.RETRY, delay, reason)

    @classmethod
    def default(cls) -> RetryDecision:
        """Do what the task's own arguments say."""
        return cls()


class RetryPolicy(ABC):
    """Base of retry policies: subclass it for rules of your own.

    It is asked in the process of the task, with the exception at hand. ``FlowFailException`` and a sensor's timeout
    always fail: the policy is not asked.
    """

    @abstractmethod
    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Mapping[str, Any] | None = None
    ) -> RetryDecision:
        """Return what to do after try ``try_number`` (from 1) of ``max_tries`` failed with ``exception``."""


@dataclass
class RetryRule:
    """What to do after one kind of failure.

    ``exception``: a class, its dotted name, or the bare name that a notebook shows (``"ZeroDivisionError"``); also
    ``"KernelDied"`` (the notebook's kernel ended by itself) and ``"Timeout"`` (of the task or of a cell). A list
    means any of them. ``match_subclasses``: whether subclasses count.

    Raises :class:`DagError` for arguments that cannot be used.
    """

    exception: ExceptionSpec | list[ExceptionSpec]
    action: RetryAction = RetryAction.RETRY
    retry_delay: timedelta | None = None
    reason: str | None = None
    match_subclasses: bool = True

    def __post_init__(self) -> None:
        if self.action not in set(RetryAction):
            known = ", ".join(f"RetryAction.{action.name}" for action in RetryAction)
            raise DagError(f"RetryRule: action {self.action!r} must be one of {known}")
        self.action = RetryAction(self.action)
        if self.retry_delay is not None:
            self.retry_delay = timedelta(seconds=checks.seconds("RetryRule", "retry_delay", self.retry_delay))
        specs = self._specs
        if not specs:
            raise DagError("RetryRule: exception names nothing: give a class, a name or a list of them")
        for spec in specs:
            _check_spec(spec)

    @property
    def _specs(self) -> list[ExceptionSpec]:
        return list(self.exception) if isinstance(self.exception, (list, tuple)) else [self.exception]

    def matches(self, exception: BaseException) -> bool:
        """Tell whether the rule is about ``exception``."""
        return any(self._is_meant(spec, exception) for spec in self._specs)

    def _is_meant(self, spec: ExceptionSpec, exception: BaseException) -> bool:
        if isinstance(spec, type):
            if isinstance(exception, spec) if self.match_subclasses else type(exception) is spec:
                return True
            spec = spec.__name__
            if not isinstance(exception, TaskFailure):
                return False
        names = _names_of(exception, self.match_subclasses)
        return spec in names or (isinstance(exception, TaskFailure) and spec.rpartition(".")[2] in names)


class ExceptionRetryPolicy(RetryPolicy):
    """Rules in order; the first that matches counts, else ``default``."""

    def __init__(self, rules: list[RetryRule], default: RetryAction = RetryAction.DEFAULT) -> None:
        bad = [rule for rule in rules if not isinstance(rule, RetryRule)]
        if bad:
            raise DagError(f"ExceptionRetryPolicy: rules must be RetryRule objects, not {bad[0]!r}")
        self.rules = list(rules)
        self.default = RetryAction(default)

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Mapping[str, Any] | None = None
    ) -> RetryDecision:
        """Return what the first matching rule says."""
        for rule in self.rules:
            if rule.matches(exception):
                return RetryDecision(rule.action, rule.retry_delay, rule.reason or f"rule for {_shown(exception)}")
        return RetryDecision(self.default)


def check_retry_policy(where: str, value: Any) -> RetryPolicy | None:
    """Return ``value`` if it is a policy or None."""
    if value is None or isinstance(value, RetryPolicy):
        return value
    if isinstance(value, type) and issubclass(value, RetryPolicy):
        raise DagError(f"{where}: retry_policy is the class {value.__name__}: give an object, {value.__name__}(…)")
    raise DagError(f"{where}: retry_policy must be a RetryPolicy, e.g. ExceptionRetryPolicy(rules=[…]), not {value!r}")


def _names_of(exception: BaseException, with_bases: bool) -> set[str]:
    """The names, bare and dotted, that ``exception`` answers to."""
    if isinstance(exception, FlowTaskTimeout):
        return {TIMEOUT, *_class_names(type(exception), with_bases)}
    if not isinstance(exception, TaskFailure):
        return _class_names(type(exception), with_bases)
    reason = exception.reason
    if reason.code != "cell_error":
        return {_REASONS.get(reason.code, reason.code), *_class_names(type(exception), with_bases)}
    name = str(reason.args.get("type"))
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, BaseException):
        return _class_names(known, with_bases)
    return {name}


def _class_names(cls: type, with_bases: bool) -> set[str]:
    found: set[str] = set()
    for each in cls.__mro__ if with_bases else (cls,):
        if issubclass(each, BaseException):
            found |= {each.__name__, f"{each.__module__}.{each.__qualname__}"}
    return found


def _shown(exception: BaseException) -> str:
    if not isinstance(exception, TaskFailure):
        return type(exception).__name__
    reason = exception.reason
    return str(reason.args.get("type")) if reason.code == "cell_error" else _REASONS.get(reason.code, reason.code)


def _check_spec(spec: Any) -> None:
    if isinstance(spec, type) and issubclass(spec, BaseException):
        return
    if not isinstance(spec, str) or not all(part.isidentifier() for part in spec.split(".")):
        raise DagError(
            f"RetryRule: exception must be an exception class or its name, e.g. 'ZeroDivisionError', not {spec!r}"
        )
    known = [name for name in vars(builtins) if isinstance(getattr(builtins, name), type)]
    known = [name for name in known if issubclass(getattr(builtins, name), BaseException)] + [KERNEL_DIED, TIMEOUT]
    near = difflib.get_close_matches(spec, known, n=1, cutoff=0.85)
    if "." not in spec and spec not in known and near:
        warn(f"RetryRule: exception {spec!r} is a name of the author's own, or is {near[0]!r} meant?")
