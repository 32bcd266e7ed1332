"""HttpSensor: waits until a web address answers as wanted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode, urljoin, urlsplit

from ..authoring import checks
from ..authoring.connection import Connection, ConnectionNotFound
from ..authoring.context import Context
from ..authoring.exceptions import DagError, FlowException, FlowFailException
from ..operators.python import call
from .base import FIELDS, BaseSensorOperator, PokeReturnValue

SECONDS = 10.0
"""How long one request may take, if ``extra_options`` has no ``timeout``."""
LARGEST = 10_000_000
"""Bytes of an answer that are read."""


@dataclass(frozen=True)
class HttpResponse:
    """An answer as ``response_check`` sees it, with the names that the requests library has."""

    url: str
    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    @property
    def text(self) -> str:
        """The body as UTF-8 text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return what the body says as JSON."""
        return json.loads(self.content)


class HttpSensor(BaseSensorOperator):
    """Waits until a request is answered with a status below 400, and ``response_check(response)`` is true if given.

    ``endpoint``: a whole ``http(s)://`` address, or a path below the connection ``http_conn_id``. A status in
    ``response_error_codes_allowlist`` (404 if not given) means "not yet", any other from 400 on is a failure, as is no
    answer at all. ``request_params``: the query of a GET, the JSON body otherwise. ``extra_options``: ``timeout`` in
    seconds. ``endpoint``, ``headers`` and ``request_params`` are templated.
    """

    template_fields: ClassVar[Sequence[str]] = ("endpoint", "headers", "request_params", "env", "cwd")
    spec_fields: ClassVar[Sequence[str]] = (
        *FIELDS,
        *("endpoint", "method", "headers", "request_params", "http_conn_id"),
        *("response_error_codes_allowlist", "extra_options"),
    )

    def __init__(
        self,
        task_id: str,
        *,
        endpoint: str,
        http_conn_id: str = "http_default",
        method: str = "GET",
        request_params: Mapping[str, Any] | None = None,
        request_kwargs: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        response_error_codes_allowlist: Sequence[str | int] | None = None,
        response_check: Callable[..., bool | PokeReturnValue] | None = None,
        extra_options: Mapping[str, Any] | None = None,
        **sensor_args: Any,
    ) -> None:
        super().__init__(task_id, **sensor_args)
        where = f"task {task_id!r}"
        if not endpoint or not (isinstance(endpoint, str) or hasattr(endpoint, "resolve")):
            raise DagError(f"{where}: endpoint must be a web address or a path, not {endpoint!r}")
        if response_check is not None and not callable(response_check):
            raise DagError(f"{where}: response_check must be a function, not {response_check!r}")
        self.endpoint = endpoint
        self.http_conn_id = str(http_conn_id)
        self.method = str(method).upper()
        self.request_params = checks.mapping(where, "request_params", request_params or request_kwargs)
        self.headers = checks.mapping(where, "headers", headers)
        allowed = ("404",) if response_error_codes_allowlist is None else response_error_codes_allowlist
        self.response_error_codes_allowlist = [str(code) for code in allowed]
        self.response_check = response_check
        self.extra_options = checks.mapping(where, "extra_options", extra_options)
        checks.positive_seconds(where, "extra_options['timeout']", self.extra_options.get("timeout", SECONDS))

    @property
    def needs_dag_file(self) -> bool:  # type: ignore[override]
        """Only a function that looks at the answer is not data."""
        return self.response_check is not None

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Send the request and look at the answer."""
        response = self._ask()
        self.log.info("%s %s: status %d", self.method, response.url, response.status_code)
        if not response.ok:
            if str(response.status_code) in self.response_error_codes_allowlist:
                return False
            raise FlowException(f"{self.method} {response.url}: status {response.status_code}: {response.text[:200]}")
        if self.response_check is None:
            return True
        answer = call(self.response_check, [response], {}, context, context)
        return answer if isinstance(answer, PokeReturnValue) else bool(answer)

    def _ask(self) -> HttpResponse:
        from urllib.error import HTTPError, URLError  # late: they cost every other sensor 20 ms
        from urllib.request import Request, urlopen

        url, body = self._address(), None
        headers = {str(name): str(value) for name, value in self.headers.items()}
        if self.request_params and self.method in ("GET", "HEAD"):
            url += ("&" if "?" in url else "?") + urlencode(self.request_params, doseq=True)
        elif self.request_params:
            body = json.dumps(self.request_params).encode()
            headers.setdefault("Content-Type", "application/json")
        request = Request(url, data=body, headers=headers, method=self.method)  # noqa: S310 - http(s) only, see _address
        try:
            with urlopen(request, timeout=float(self.extra_options.get("timeout", SECONDS))) as answer:  # noqa: S310
                return HttpResponse(answer.url, answer.status, dict(answer.headers), answer.read(LARGEST))
        except HTTPError as error:
            with error:
                return HttpResponse(url, error.code, dict(error.headers), error.read(LARGEST))
        except (URLError, OSError) as error:
            raise FlowException(f"{self.method} {url}: no answer: {getattr(error, 'reason', error)}") from None

    def _address(self) -> str:
        url = str(self.endpoint)
        if not url.startswith(("http://", "https://")):
            try:
                base = Connection.get(self.http_conn_id)
            except ConnectionNotFound as error:
                raise FlowFailException(f"endpoint {url!r} is no whole address, and {error}") from None
            kind = base.schema if base.schema in ("http", "https") else "http"
            host = base.host or ""
            root = host if "://" in host else f"{kind}://{host}" + (f":{base.port}" if base.port else "")
            url = urljoin(root.rstrip("/") + "/", url.lstrip("/"))
        if urlsplit(url).scheme not in ("http", "https"):
            raise FlowFailException(f"endpoint {url!r} must be an http or https address")
        return url
