"""The host's ear: what hosts of other homes tell, on a connection that is opened again when it is lost."""

from __future__ import annotations

import logging
import selectors
from collections.abc import Callable

from ..storage.database import Listener
from .wake_up import WakeUp

log = logging.getLogger(__name__)


class Hearing:
    """``on_news`` is called in the loop of ``selector`` with what another host than ``host_id()`` tells."""

    def __init__(
        self,
        url: str,
        selector: selectors.BaseSelector,
        host_id: Callable[[], str],
        on_news: Callable[[WakeUp], None],
    ) -> None:
        self._url = url
        self._selector = selector
        self._host_id = host_id
        self._on_news = on_news
        self._listener: Listener | None = None

    def keep_open(self) -> None:
        """Begin to listen, if nobody does: then much may have been told that was not heard."""
        if self._listener is not None:
            return
        self._listener = Listener(self._url)
        self._selector.register(self._listener, selectors.EVENT_READ, self._on_ready)
        self._on_news(WakeUp(slots=True, hosts=True, sweep=True))

    def _on_ready(self, mask: int) -> None:
        messages = self._listener.take() if self._listener is not None else []
        if messages is None:
            log.warning("the connection for notifications was lost: it is opened again")
            self.close()
            return
        for text in messages:
            news = WakeUp.from_text(text, self._host_id())
            if news is not None:
                self._on_news(news)

    def close(self) -> None:
        """Listen no more."""
        listener, self._listener = self._listener, None
        if listener is not None:
            self._selector.unregister(listener)
            listener.close()
