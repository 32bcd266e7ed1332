"""The environment of children: the host's without secrets, and never another attempt's tag."""

from __future__ import annotations

from collections.abc import Mapping

from ..wire.environment import without_secrets
from .children import TAG_VARIABLE


def child_environment(host: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that children of a host with environment ``host`` start with."""
    environment = without_secrets(host)
    environment.pop(TAG_VARIABLE, None)
    return environment
