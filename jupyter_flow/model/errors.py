"""Refusals: every expected failure of a command, as a class with a code that all doors share.

The CLI prints ``str(error)`` as one line on stderr; the server turns ``code`` into an HTTP status once;
``house.sock`` carries ``code`` and ``message`` and the client raises the same class again.
"""

from __future__ import annotations


class FlowError(Exception):
    """A refusal: one sentence that says what, where and what to do."""

    code = "error"


class InvalidInput(FlowError):
    """The caller's input is unusable (HTTP 400, exit code 2)."""

    code = "invalid"


class NotFound(FlowError):
    """The named object does not exist (HTTP 404, exit code 2)."""

    code = "not_found"


class Conflict(FlowError):
    """The request contradicts what is recorded, e.g. a taken logical date (HTTP 409, exit code 2)."""

    code = "conflict"


class Forbidden(FlowError):
    """The actor may not do this (HTTP 403, exit code 2)."""

    code = "forbidden"


class NoHost(FlowError):
    """A host is needed and none answers (HTTP 503, exit code 3)."""

    code = "no_host"


class DatabaseAway(NoHost):
    """The database does not answer for now; running tasks go on, ask again later (HTTP 503, exit code 3)."""

    code = "database_away"


class IllegalTransition(FlowError):
    """A state change that the table in ``model.state`` does not allow."""

    code = "illegal_transition"


class StaleReport(FlowError):
    """A report carries an attempt id that is no longer the current one (HTTP 409)."""

    code = "stale"


BY_CODE: dict[str, type[FlowError]] = {
    cls.code: cls
    for cls in (
        FlowError,
        InvalidInput,
        NotFound,
        Conflict,
        Forbidden,
        NoHost,
        DatabaseAway,
        IllegalTransition,
        StaleReport,
    )
}


def from_code(code: str, message: str) -> FlowError:
    """Return the refusal of class ``code`` (unknown codes give :class:`FlowError`)."""
    return BY_CODE.get(code, FlowError)(message)
