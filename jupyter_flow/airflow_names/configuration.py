"""``airflow.configuration.conf``: Airflow's settings, as far as the environment has them."""

from __future__ import annotations

import os
from typing import Any

_NONE: Any = object()


class Configuration:
    """Settings from ``AIRFLOW__<SECTION>__<KEY>``: there is no airflow.cfg here."""

    def get(self, section: str, key: str, fallback: Any = _NONE, **_: Any) -> Any:
        """Return the setting from the environment, else ``fallback``. LookupError says where it may be set."""
        name = f"AIRFLOW__{section.upper().replace('.', '_')}__{key.upper()}"
        found = os.environ.get(name, fallback)
        if found is _NONE:
            raise LookupError(
                f"conf.get({section!r}, {key!r}): there is no airflow.cfg here: set {name}, or use a variable"
            )
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise LookupError(f"conf.{name}: conf has get(section, key); the configuration of the run is dag_run.conf")


conf = Configuration()
