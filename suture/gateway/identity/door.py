"""The door of the gateway: headers, address and certificate of one request become a caller, or nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from suture.gateway.access import Caller
from suture.gateway.identity import api_keys
from suture.gateway.identity.settings import Settings
from suture.gateway.identity.unproven import Unproven
from suture.journal import Journal
from suture.runtime.clock import Clock

T = TypeVar("T")


class InThread(Protocol):
    """Runs a step that touches the journal where no other step does (``Service.in_thread``)."""

    def __call__(self, step: Callable[[], T]) -> Awaitable[T]:
        """The step's answer."""


async def directly(step: Callable[[], T]) -> T:
    """Where nobody else touches the journal."""
    return step()


class Identity:
    """Whom this house believes: holders of API keys, bearers of an issuer's tokens, and machines with a certificate.

    ``journal`` knows the keys and who took emergency rights; it is asked through ``in_thread``.
    """

    def __init__(self, settings: Settings, journal: Journal, clock: Clock, in_thread: InThread = directly) -> None:
        self.settings, self.journal, self.clock, self.in_thread = settings, journal, clock, in_thread

    async def caller(
        self, headers: Mapping[str, str], address: str, method: str, url: str, client_certificate: bytes | None = None
    ) -> Caller:
        """Who sends this request; raises Unproven.

        ``headers`` have lower-case names; ``url`` is what the caller asked for, without its query if it likes;
        ``client_certificate`` is the DER of a certificate that TLS has verified. A request with proofs of two identities is
        refused: nobody can tell for whom it speaks.
        """
        if (text := headers.get(api_keys.HEADER)) is not None:
            return await self._by_key(text)
        raise Unproven("this needs an API key, a bearer token or a client certificate")

    async def close(self) -> None:
        """Let go of connections."""

    async def _by_key(self, text: str) -> Caller:
        id, secret = api_keys.parted(text)
        key = await self.in_thread(lambda: api_keys.known(self.journal, id))
        return api_keys.caller_of(key, secret, self.clock.now())
