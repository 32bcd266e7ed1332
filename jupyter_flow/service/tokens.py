"""Tokens of attempts: what a runner shows when it asks. Only their digest is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_token() -> str:
    """Return a new token."""
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    """Return the sha256 hex digest of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def matches(token: object, digest: str | None) -> bool:
    """Tell whether ``token`` is the one with that digest, in constant time."""
    return isinstance(token, str) and digest is not None and hmac.compare_digest(hash_token(token), digest)
