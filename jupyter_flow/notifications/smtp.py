"""The notifier that sends mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from .base import BaseNotifier


class SmtpNotifier(BaseNotifier):
    """Sends a mail. Without ``host`` the house's settings (``c.JupyterFlow.smtp_*``) say how.

    ``to``, ``cc``, ``bcc``: an address or several. ``html_content``: the body; its text is sent beside it. ``files``:
    paths to attach. ``user``, ``password``, ``port``, ``starttls``, ``ssl`` belong to ``host``.
    """

    template_fields: ClassVar[Sequence[str]] = ("from_email", "to", "cc", "bcc", "subject", "html_content", "files")

    def __init__(
        self,
        to: str | Iterable[str],
        from_email: str | None = None,
        subject: str | None = None,
        html_content: str | None = None,
        files: Iterable[str] | None = None,
        cc: str | Iterable[str] | None = None,
        bcc: str | Iterable[str] | None = None,
        custom_headers: Mapping[str, str] | None = None,
        *,
        host: str | None = None,
        port: int = 25,
        user: str = "",
        password: str = "",
        starttls: bool = True,
        ssl: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.to, self.cc, self.bcc = _addresses(to), _addresses(cc), _addresses(bcc)
        self.from_email = from_email
        self.subject = subject or "Jupyter Flow: {{ dag_run.dag_id }} {{ dag_run.run_id }}"
        self.html_content = html_content or "<p>{{ dag_run.dag_id }} {{ dag_run.run_id }}: {{ reason }}</p>"
        self.files = list(files or ())
        self.custom_headers = dict(custom_headers or {})
        self.server = None
        if host is not None:
            from .mail import MailServer

            self.server = MailServer(host, port, user, password, starttls, ssl)

    def notify(self, context: Mapping[str, Any]) -> None:
        """Send the mail."""
        from .mail import MailServer, make_message  # late: what it needs costs every other DAG file 50 ms

        server = self.server or MailServer.of_house()
        message = make_message(
            self.from_email or server.from_email,
            self.to,
            self.subject,
            self.html_content,
            cc=self.cc,
            bcc=self.bcc,
            files=self.files,
            headers=self.custom_headers,
        )
        server.send(message)
        self.log.info("mail to %s: %s", ", ".join(self.to), message["Subject"])


send_smtp_notification = SmtpNotifier


def _addresses(value: str | Iterable[str] | None) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return [part.strip() for part in value.replace(";", ",").split(",") if part.strip()]
    return list(value)
