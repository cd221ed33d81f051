"""One HTTP/1.1 connection as we accept it: headers in good time and of bearable size, and the certificate that TLS has verified.

The server beneath limits neither how long a caller may take over its headers nor how large they grow, so that a few thousand
connections that send a byte now and then, or one that never ends a line, would keep everybody else out.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: So long may a caller take from the first byte of a request, or from the connection, to the end of the headers, in seconds.
HEADERS_S = 10.0
#: So large may request line and headers be, in bytes; the identity's largest token fits several times.
HEADERS_BYTES = 65_536
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that dawdle or swell before the application hears of them; tells it of a client certificate."""

    headers_s, headers_bytes = HEADERS_S, HEADERS_BYTES
    #: Runs while headers are waited for; they are from the first byte of a request on.
    _waiting: asyncio.TimerHandle | None = None
    _heard = 0
    _in_body = False
    _certificate: bytes | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own does
        """A connection begins, and with it the time for its first headers."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        if isinstance(tls, ssl.SSLObject | ssl.SSLSocket):
            self._certificate = tls.getpeercert(binary_form=True)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """A connection ends."""
        self._wait_no_more()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes come; those of headers are counted."""
        if self._waiting is None and not self._in_body:
            self._wait()
        super().data_received(data)
        if self._waiting is not None:
            self._heard += len(data)
            if self._heard > self.headers_bytes and not self.transport.is_closing():
                self._refuse()

    def on_message_begin(self) -> None:
        """A request begins: the first of the connection, or the next."""
        super().on_message_begin()
        self.scope["extensions"] = {"tls": {"certificate": self._certificate}}
        self._wait()

    def on_headers_complete(self) -> None:
        """The headers are complete; the body is the application's to limit."""
        self._wait_no_more()
        self._in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is complete."""
        self._in_body = False
        super().on_message_complete()

    def _wait(self) -> None:
        self._wait_no_more()
        self._waiting = self.loop.call_later(self.headers_s, self.transport.abort)

    def _wait_no_more(self) -> None:
        self._heard = 0
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _refuse(self) -> None:
        self._wait_no_more()
        self.transport.write(_TOO_LARGE)
        self.transport.close()


def certificate_of(scope: MutableMapping[str, Any]) -> bytes | None:
    """The client certificate (DER) of a request's connection, if it has one that TLS has verified."""
    found = scope.get("extensions", {}).get("tls", {}).get("certificate")
    return found if isinstance(found, bytes) else None
