"""The environment of children: the host's without secrets, and never another attempt's tag."""

from __future__ import annotations

from collections.abc import Mapping

from ..wire.environment import PROFILE_VARIABLE, without_secrets
from .children import TAG_VARIABLE


def child_environment(host: Mapping[str, str], profile: str = "") -> dict[str, str]:
    """Return the environment that children of a host with environment ``host`` and this ``profile`` start with."""
    environment = without_secrets(host)
    environment.pop(TAG_VARIABLE, None)
    environment.pop(PROFILE_VARIABLE, None)
    return {**environment, PROFILE_VARIABLE: profile} if profile else environment
