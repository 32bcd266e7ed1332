"""What the records of an attempt must not show: values under sensitive names, and those values wherever they stand."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..model.records import Workload

SENSITIVE = (
    *("access_key", "access_token", "api_key", "apikey", "auth_header", "authorization", "bearer"),
    *("connection_string", "dsn", "keyfile_dict", "passphrase", "passwd", "password", "private_key", "proxy"),
    *("proxies", "secret", "service_account", "service_key", "token", "webhook_url"),
)
"""A name that contains one of these is sensitive."""
_PATTERN = re.compile("|".join(SENSITIVE))
MASK = "***"
SHORTEST = 3
"""Characters: a shorter text is no secret, and masking it would spoil every other text."""


def is_sensitive(name: str) -> bool:
    """Tell whether what is called ``name`` (of a variable, a field, a param) is a secret."""
    return _PATTERN.search(name.lower()) is not None


def secrets_in(workload: Workload) -> set[str]:
    """Return the texts under sensitive names in the run's params and conf."""
    found: set[str] = set()
    for values in (workload.run.params, workload.run.conf):
        for name, value in values.items():
            if is_sensitive(str(name)):
                found.update(_texts(value))
            elif isinstance(value, Mapping):
                found.update(text for key, item in value.items() if is_sensitive(str(key)) for text in _texts(item))
    return found


def masked(value: Any, secrets: Iterable[str]) -> Any:
    """Return JSON ``value`` without its secrets: what stands under sensitive names, and ``secrets`` in its texts."""
    texts = sorted({text for secret in secrets for text in _forms(secret)}, key=len, reverse=True)
    return _masked(value, texts)


def _masked(value: Any, texts: list[str]) -> Any:
    if isinstance(value, str):
        for text in texts:
            value = value.replace(text, MASK)
        return value
    if type(value) is dict or isinstance(value, Mapping):
        return {
            name: MASK if is_sensitive(str(name)) and item not in (None, "") else _masked(item, texts)
            for name, item in value.items()
        }
    return [_masked(item, texts) for item in value] if isinstance(value, list) else value


def _forms(secret: str) -> set[str]:
    """The secret as it stands in texts: whole, and the texts within it if it is JSON."""
    found = {secret}
    if secret.lstrip()[:1] in ("{", "["):
        try:
            found.update(_texts(json.loads(secret)))
        except (ValueError, RecursionError):
            pass  # no JSON: it is one text
    return {text for text in found if len(text) >= SHORTEST}


def _texts(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value}
    if isinstance(value, Mapping):
        return {text for item in value.values() for text in _texts(item)}
    return {text for item in value for text in _texts(item)} if isinstance(value, (list, tuple)) else set()
