"""Connection: where an outside system is, and how to log in there. This version reads them from the environment."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

PREFIXES = ("JUPYTER_FLOW_CONN_", "AIRFLOW_CONN_")
"""Environment variables with a connection: one of these and the id in capitals. The first found counts."""
_EXTRA = "__extra__"
_FIELDS = ("conn_type", "host", "login", "password", "schema", "port", "extra", "description")


class ConnectionNotFound(LookupError):
    """There is no such connection."""


class Connection:
    """One connection. ``extra``: JSON text. ``uri``: ``type://login:password@host:port/schema?name=value``."""

    def __init__(
        self,
        conn_id: str | None = None,
        conn_type: str | None = None,
        description: str | None = None,
        host: str | None = None,
        login: str | None = None,
        password: str | None = None,
        schema: str | None = None,
        port: int | None = None,
        extra: str | dict[str, Any] | None = None,
        uri: str | None = None,
    ) -> None:
        self.conn_id = conn_id
        self.conn_type = conn_type
        self.description = description
        self.host, self.login, self.password, self.schema = host, login, password, schema
        self.port = int(port) if port is not None else None
        self.extra = json.dumps(extra) if isinstance(extra, dict) else extra
        if uri is not None:
            self._read_uri(uri)

    @classmethod
    def get(cls, conn_id: str) -> Connection:
        """Return the connection ``conn_id``. Raises :class:`ConnectionNotFound`, ValueError for an unusable one."""
        for prefix in PREFIXES:
            name = f"{prefix}{conn_id.upper()}"
            if text := os.environ.get(name):
                return cls._from_text(conn_id, text, name)
        raise ConnectionNotFound(
            f"connection {conn_id!r} is not set: connections stored in the house come later, until then set the "
            f"environment variable {PREFIXES[0]}{conn_id.upper()} to type://login:password@host:port/schema"
        )

    get_connection_from_secrets = get

    @classmethod
    def from_uri(cls, uri: str, conn_id: str | None = None) -> Connection:
        """Return the connection that ``uri`` describes."""
        return cls(conn_id, uri=uri)

    @classmethod
    def _from_text(cls, conn_id: str, text: str, name: str) -> Connection:
        try:
            if text.lstrip().startswith("{"):
                values = json.loads(text)
                if unknown := set(values) - set(_FIELDS):
                    raise ValueError(f"unknown fields {sorted(unknown)}")
                return cls(conn_id, **values)
            return cls(conn_id, uri=text)
        except (ValueError, TypeError) as error:
            message = f"{name} is no connection: {error}; write type://login:password@host:port/schema"
            raise ValueError(message) from None

    @property
    def extra_dejson(self) -> dict[str, Any]:
        """``extra`` as a dict."""
        found = json.loads(self.extra) if self.extra else {}
        if not isinstance(found, dict):
            raise ValueError(f"connection {self.conn_id!r}: extra is no JSON object")
        return found

    def get_uri(self) -> str:
        """Return the connection as one URI; it contains the password."""
        login = quote(self.login or "", safe="")
        password = f":{quote(self.password, safe='')}" if self.password else ""
        at = "@" if login or password else ""
        port = f":{self.port}" if self.port is not None else ""
        extra = f"?{urlencode(self._query())}" if self.extra else ""
        host, schema = quote(self.host or "", safe="[]"), quote(self.schema or "", safe="")
        path = f"/{schema}" if schema or extra else ""
        return f"{(self.conn_type or '').replace('_', '-')}://{login}{password}{at}{host}{port}{path}{extra}"

    def _query(self) -> dict[str, str]:
        extra = self.extra_dejson
        plain = all(isinstance(value, str) for value in extra.values()) and _EXTRA not in extra
        return extra if plain else {_EXTRA: self.extra or ""}

    def _read_uri(self, uri: str) -> None:
        parts = urlsplit(uri)
        if not parts.scheme or "://" not in uri:
            raise ValueError("it has no type://")
        kind = parts.scheme.replace("-", "_")
        self.conn_type = "postgres" if kind == "postgresql" else kind
        host = parts.hostname
        # urlsplit gives hosts in small letters; paths as hosts (quoted sockets) keep their own
        _, _, written = parts.netloc.rpartition("@")
        if host is not None and (start := written.lower().find(host)) >= 0:
            host = written[start : start + len(host)]
        self.host = unquote(host) if host else host
        self.login = unquote(parts.username) if parts.username else parts.username
        self.password = unquote(parts.password) if parts.password else parts.password
        self.port = parts.port
        self.schema = unquote(parts.path[1:]) if parts.path else ""
        if query := dict(parse_qsl(parts.query, keep_blank_values=True)):
            self.extra = query[_EXTRA] if _EXTRA in query else json.dumps(query)

    def __repr__(self) -> str:
        return f"<Connection: {self.conn_id} {self.conn_type}>"
