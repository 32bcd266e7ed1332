"""The mail server's settings: from the command line and the environment to the host, from there to who sends."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..model.config import MAIL_FIELDS, FlowConfig
from ..model.errors import InvalidInput

if TYPE_CHECKING:
    from .house import House

PASSWORD_VARIABLE = "JUPYTER_FLOW_SMTP_PASSWORD"  # noqa: S105 - its name
_DEFAULTS = {item.name: item.default for item in fields(FlowConfig) if item.name in MAIL_FIELDS}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let the command line of a host take these settings."""
    given = from_environment()
    for name, default in _DEFAULTS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", default=given.get(name, default), type=_reader(default))


def settings_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of a :class:`FlowConfig` that the command line gave."""
    return {name: getattr(given, name) for name in MAIL_FIELDS}


def options(config: FlowConfig) -> list[str]:
    """Return the words of a host's command line for ``config``: what differs from the defaults, no secrets."""
    words = []
    for name, default in _DEFAULTS.items():
        value = getattr(config, name)
        if value != default:
            words += [f"--{name.replace('_', '-')}", str(value)]
    return words


def from_environment(environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Return the fields that ``$JUPYTER_FLOW_SMTP_HOST``, ``$JUPYTER_FLOW_BASE_URL`` … give.

    Raises :class:`InvalidInput` for one that cannot be read.
    """
    found = {}
    for name, default in _DEFAULTS.items():
        text = environment.get(f"JUPYTER_FLOW_{name.upper()}")
        if text:
            try:
                found[name] = _reader(default)(text)
            except (ValueError, argparse.ArgumentTypeError) as error:
                raise InvalidInput(f"$JUPYTER_FLOW_{name.upper()}: {text!r} cannot be used: {error}") from None
    return found


def ask_mail_server(house: House, attempt_id: str) -> dict[str, Any]:
    """Answer how mail is sent: what a notifier needs that names no server of its own."""
    config = house.config
    return {
        "host": config.smtp_host,
        "port": config.smtp_port,
        "user": config.smtp_user,
        "password": _password(config),
        "starttls": config.smtp_starttls,
        "ssl": config.smtp_ssl,
        "from_email": config.smtp_from,
    }


def _password(config: FlowConfig) -> str:
    if not config.smtp_password_file:
        return os.environ.get(PASSWORD_VARIABLE, "")
    try:
        return Path(config.smtp_password_file).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"smtp_password_file {config.smtp_password_file} cannot be read: {error}") from None


def _reader(default: Any) -> Any:
    return _flag if isinstance(default, bool) else type(default)


def _flag(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise argparse.ArgumentTypeError("use true or false")
