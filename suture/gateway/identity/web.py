"""Small JSON answers from issuers: over TLS, without redirects, within a time and a size."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import aiohttp
import msgspec

from suture.gateway.identity.settings import trustworthy
from suture.gateway.identity.unproven import Unproven

#: So long an issuer may take, in seconds, and so large its answer may be, in bytes.
TIMEOUT_S, MOST_BYTES = 5.0, 262_144


class Web:
    """The connections to issuers, opened when the first is asked."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str) -> dict[str, Any]:
        """What stands there; raises Unproven (later) for no answer or none that can be read."""
        return await self._ask("GET", url)

    async def post(self, url: str, form: Mapping[str, str], client_id: str, secret: str) -> dict[str, Any]:
        """The answer to a form of a client that proves itself (RFC 6749 section 2.3.1), a public one by name only."""
        if not secret:
            return await self._ask("POST", url, form={**form, "client_id": client_id})
        both = f"{quote_plus(client_id)}:{quote_plus(secret)}".encode()
        return await self._ask("POST", url, form, {"Authorization": f"Basic {base64.b64encode(both).decode()}"})

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(
        self, method: str, url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        if not trustworthy(url):
            raise Unproven("the issuer points to an address without TLS", later=True)
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        said = {"Accept": "application/json", **(headers or {})}
        try:
            async with self._session.request(method, url, data=form, headers=said, allow_redirects=False) as answer:
                raw = await _limited(answer)
                status = answer.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            raise Unproven("the issuer does not answer; try again in a moment", later=True) from None
        return _read(status, raw)


def _read(status: int, raw: bytes) -> dict[str, Any]:
    if 400 <= status < 500:
        raise Unproven("the issuer refuses: what was handed over is wrong, spent or too old", error="invalid_token")
    try:
        answer = msgspec.json.decode(raw)
    except (msgspec.DecodeError, ValueError):
        answer = None
    if status != 200 or not isinstance(answer, dict):
        raise Unproven(f"the issuer answers {status} with something unreadable; try again in a moment", later=True)
    return answer


async def _limited(answer: aiohttp.ClientResponse) -> bytes:
    raw = b""
    async for piece in answer.content.iter_chunked(65_536):
        raw += piece
        if len(raw) > MOST_BYTES:
            raise ValueError("too large")
    return raw
