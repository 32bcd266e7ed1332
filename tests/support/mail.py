"""A mail server that speaks SMTP, for tests: it keeps what it gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from .waiting import wait_for

USER, PASSWORD = "flow", "s3cret-of-the-mail-server"


@dataclass
class Received:
    """One mail: who it came from and went to on the wire, and its content."""

    sender: str
    recipients: list[str]
    message: EmailMessage

    @property
    def text(self) -> str:
        """The plain form."""
        part = self.message.get_body(("plain",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")

    @property
    def html(self) -> str:
        """The HTML form."""
        part = self.message.get_body(("html",))
        assert part is not None
        return str(part.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """A running server. Recipients that begin with ``nobody`` are refused."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if not session.authenticated:
            return "530 authentication required"
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.received.append(Received(envelope.mail_from, list(envelope.rcpt_tos), message))
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        self.logins.append(f"{data.login.decode()} {'in' if good else 'refused'}")
        return AuthResult(success=good)

    def to(self, address: str, count: int = 1) -> list[Received]:
        """Wait for ``count`` mails to ``address`` and return all of them."""

        def found() -> list[Received] | None:
            mails = [mail for mail in list(self.received) if address in mail.recipients]
            return mails if len(mails) >= count else None

        return wait_for(found, f"{count} mails to {address}", 30) or []

    @property
    def options(self) -> tuple[str, ...]:
        """The options with which a host sends its mail here."""
        words = ("--smtp-host", "127.0.0.1", "--smtp-port", str(self.port), "--smtp-user", USER)
        return (*words, "--smtp-starttls", "false", "--smtp-from", "flow@example.com")


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """Run a mail server on a free port of this machine."""
    server = MailServer()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.port = free.getsockname()[1]
    controller = Controller(
        server,
        hostname="127.0.0.1",
        port=server.port,
        authenticator=server.authenticate,
        auth_require_tls=False,
    )
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
