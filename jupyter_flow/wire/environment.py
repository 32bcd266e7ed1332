"""What no task, kernel or parse child may find in its environment: the one list, for both sides of the wall."""

from __future__ import annotations

from collections.abc import Mapping

DB_URL_VARIABLE = "JUPYTER_FLOW_DB_URL"
"""Carries the database URL to a host and to commands: it may hold a password, which must stand in no command line."""
COPY_TO_VARIABLE = "JUPYTER_FLOW_COPY_TO"
"""Carries the URL of the database that ``jupyter flow db copy`` fills; it may hold a password too."""
DENIED_NAMES = frozenset(
    {"JUPYTER_TOKEN", DB_URL_VARIABLE, COPY_TO_VARIABLE, "JUPYTER_FLOW_SECRET_KEY", "JUPYTER_FLOW_SMTP_PASSWORD"}
)
DENIED_PREFIXES = ("JUPYTERHUB_", "JPY_")

PROFILE_VARIABLE = "JUPYTER_FLOW_PROFILE"
"""Tells children which of the named ``default_args_profiles`` of DAGs counts."""


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """Return ``environment`` without the Jupyter Server's tokens, JupyterHub's names and our keys and URLs."""
    return {
        name: value
        for name, value in environment.items()
        if name not in DENIED_NAMES and not name.startswith(DENIED_PREFIXES)
    }
