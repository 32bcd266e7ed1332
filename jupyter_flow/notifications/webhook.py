"""Webhooks: a request to any address, and to Slack's."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from ..authoring.exceptions import FlowException
from .base import BaseNotifier

LONGEST_ANSWER = 500


class WebhookNotifier(BaseNotifier):
    """Sends a request to ``url``.

    ``json``: its body as data; without it the body tells the run: ``dag_id``, ``run_id``, ``task_id``, ``state``,
    ``reason``. ``data``: the body as text instead. ``timeout``: seconds. An answer of 400 or more is an error.
    """

    template_fields: ClassVar[Sequence[str]] = ("url", "json", "data", "headers")

    def __init__(
        self,
        url: str,
        json: Any = None,
        data: str | None = None,
        headers: Mapping[str, str] | None = None,
        method: str = "POST",
        timeout: float = 30.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.url = url
        self.json = json
        self.data = data
        self.headers = dict(headers or {})
        self.method = method
        self.timeout = timeout

    def body(self, context: Mapping[str, Any]) -> Any:
        """Return the body as data, where the author gave none."""
        return told(context)

    def notify(self, context: Mapping[str, Any]) -> None:
        """Send the request."""
        from urllib.error import HTTPError, URLError  # late: they cost every other DAG file 20 ms
        from urllib.request import Request, urlopen

        if not str(self.url).startswith(("http://", "https://")):
            raise FlowException(f"{type(self).__name__}: the url must begin with http:// or https://")
        headers = {"User-Agent": "jupyter-flow", **self.headers}
        if self.data is not None:
            content = self.data.encode()
        else:
            content = json.dumps(self.body(context) if self.json is None else self.json, default=str).encode()
            headers.setdefault("Content-Type", "application/json")
        request = Request(self.url, content, headers, method=self.method)  # noqa: S310 - checked above
        try:
            with urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                answer.read(LONGEST_ANSWER)
                self.log.info("%s: %d", self._place, answer.status)
        except HTTPError as error:
            text = " ".join(error.read(LONGEST_ANSWER).decode(errors="replace").split())
            raise FlowException(f"{self._place} answered {error.code} {error.reason}: {text}") from None
        except (URLError, OSError) as error:
            raise FlowException(f"{self._place} cannot be reached: {getattr(error, 'reason', error)}") from None

    @property
    def _place(self) -> str:
        """The server alone: the rest of a webhook's address is often its secret."""
        return "/".join(str(self.url).split("/")[:3])


class SlackWebhookNotifier(WebhookNotifier):
    """Posts ``text`` (and ``blocks``) to the channel of a Slack webhook.

    ``webhook_url``: the webhook's address, a template as a rule: ``{{ var.value.slack_webhook }}``.
    """

    template_fields: ClassVar[Sequence[str]] = ("url", "text", "blocks", "attachments")

    def __init__(
        self,
        *,
        webhook_url: str = "{{ var.value.slack_webhook }}",
        text: str = "{{ dag_run.dag_id }} {{ dag_run.run_id }}: {{ reason }}",
        blocks: Sequence[Any] | None = None,
        attachments: Sequence[Any] | None = None,
        unfurl_links: bool | None = None,
        unfurl_media: bool | None = None,
        timeout: float = 30.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(webhook_url, timeout=timeout, **kwargs)
        self.text = text
        self.blocks = blocks
        self.attachments = attachments
        self.unfurl_links = unfurl_links
        self.unfurl_media = unfurl_media

    def body(self, context: Mapping[str, Any]) -> Any:
        """Return Slack's message."""
        names = ("text", "blocks", "attachments", "unfurl_links", "unfurl_media")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def told(context: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a callback is about, as plain data."""
    run, ti = context.get("dag_run"), context.get("ti")
    return {
        "dag_id": getattr(run, "dag_id", None),
        "run_id": getattr(run, "run_id", None),
        "run_state": getattr(run, "state", None),
        "task_id": getattr(ti, "task_id", None),
        "map_index": getattr(ti, "map_index", None),
        "state": getattr(ti, "state", None),
        "try_number": getattr(ti, "try_number", None),
        "reason": context.get("reason"),
    }
