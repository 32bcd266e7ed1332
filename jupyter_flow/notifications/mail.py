"""Mail: a server that takes it by SMTP, and messages."""

from __future__ import annotations

import mimetypes
import smtplib
import ssl
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from ..authoring import runtime
from ..authoring.exceptions import FlowException

TIMEOUT = 30.0


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in. ``starttls``: encrypt after the greeting; ``ssl``: from the start on."""

    host: str
    port: int = 25
    user: str = ""
    password: str = ""
    starttls: bool = True
    ssl: bool = False
    from_email: str = "jupyter-flow@localhost"

    @classmethod
    def of_house(cls) -> MailServer:
        """Return the server that the house's settings name.

        Raises :class:`FlowException` if they name none, RuntimeError where no house answers.
        """
        current = runtime.current()
        if current is None:
            raise RuntimeError("no house answers here: name the mail server, SmtpNotifier(host=…)")
        found = current.ask("ask.mail_server")
        if not found.get("host"):
            raise FlowException("no mail server is known: set c.JupyterFlow.smtp_host, or SmtpNotifier(host=…)")
        return cls(**{item.name: found[item.name] for item in fields(cls)})

    def send(self, message: EmailMessage) -> None:
        """Hand ``message`` in. What smtplib raises comes through; addresses that were refused are an error too."""
        trust = ssl.create_default_context()
        cls: Any = smtplib.SMTP_SSL if self.ssl else smtplib.SMTP
        more = {"context": trust} if self.ssl else {}
        with cls(self.host, self.port, timeout=TIMEOUT, **more) as server:
            if self.starttls and not self.ssl:
                server.ehlo()
                if not server.has_extn("starttls"):
                    raise FlowException(
                        f"{self.host}:{self.port} does not offer STARTTLS: set c.JupyterFlow.smtp_starttls = False, "
                        "or smtp_ssl = True, if that is meant"
                    )
                server.starttls(context=trust)
                server.ehlo()
            if self.user:
                server.login(self.user, self.password)
            refused = server.send_message(message)
        if refused:
            raise FlowException(f"{self.host}:{self.port} refused {', '.join(sorted(refused))}")


def make_message(
    sender: str,
    to: Sequence[str],
    subject: str,
    html: str,
    *,
    text: str | None = None,
    cc: Sequence[str] = (),
    bcc: Sequence[str] = (),
    files: Iterable[str | Path] = (),
    headers: Mapping[str, str] | None = None,
) -> EmailMessage:
    """Return a mail with a plain and an HTML form (``text`` None: taken from ``html``) and attached ``files``."""
    message = EmailMessage()
    message["From"], message["To"] = sender, ", ".join(to)
    for name, addresses in (("Cc", cc), ("Bcc", bcc)):
        if addresses:
            message[name] = ", ".join(addresses)
    message["Subject"] = " ".join(subject.split())[:500]
    message["Date"] = formatdate(localtime=False)
    message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2] or None)
    for name, value in (headers or {}).items():
        message[name] = value
    message.set_content(_text_of(html) if text is None else text)
    message.add_alternative(html, subtype="html")
    for file in files:
        path = Path(file)
        kind, _, subtype = (mimetypes.guess_type(path.name)[0] or "application/octet-stream").partition("/")
        message.add_attachment(path.read_bytes(), maintype=kind, subtype=subtype, filename=path.name)
    return message


class _Text(HTMLParser):
    """Collects the text of a page."""

    _BREAKS = frozenset({"p", "br", "div", "tr", "li", "pre", "h1", "h2", "h3", "table"})

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a line, and show where links lead."""
        if tag in self._BREAKS:
            self.parts.append("\n")
        self.parts += [f"{value} " for name, value in attrs if tag == "a" and name == "href" and value]

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.parts.append(data)


def _text_of(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    lines = (line.rstrip() for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line) + "\n"
