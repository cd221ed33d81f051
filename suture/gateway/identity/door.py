"""The door of the gateway: headers, address and certificate of one request become a caller, or nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Protocol, TypeVar

from suture.gateway.access import Access, Caller
from suture.gateway.identity import api_keys, certificates, emergency
from suture.gateway.identity.issuers import Issuing
from suture.gateway.identity.login import SignIn
from suture.gateway.identity.meaning import caller_of
from suture.gateway.identity.possession import Possession
from suture.gateway.identity.remembering import Remembered
from suture.gateway.identity.settings import Settings
from suture.gateway.identity.tokens import MOST_BYTES, peek
from suture.gateway.identity.unproven import Scheme, Unproven
from suture.gateway.identity.web import Web
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

    ``journal`` knows the keys and who took emergency rights; it is asked through ``in_thread``, and what it says is remembered
    for ``settings.remembered_s``: a key revoked in another process opens nothing after that, in this one after ``forget``.
    """

    def __init__(
        self,
        settings: Settings,
        journal: Journal,
        clock: Clock,
        in_thread: InThread = directly,
        access: Access | None = None,
    ) -> None:
        self.settings, self.journal, self.clock, self.in_thread = settings, journal, clock, in_thread
        self.access = access or Access()
        self.web = Web()
        self.issuers = {each.issuer: Issuing(each, clock, self.web, settings.skew_s) for each in settings.issuers}
        self._possession = Possession()
        self._keys: Remembered[api_keys.Key] = Remembered()
        self._rights: Remembered[tuple[emergency.Taken | None]] = Remembered()
        self._remembered = timedelta(seconds=settings.remembered_s)
        #: How people sign in to the console; None where no issuer is named for it.
        self.login = SignIn(settings.login, self.issuers[settings.login.issuer]) if settings.login else None

    async def caller(
        self, headers: Mapping[str, str], address: str, method: str, url: str, client_certificate: bytes | None = None
    ) -> Caller:
        """Who sends this request; raises Unproven.

        ``headers`` have lower-case names; ``url`` is what the caller asked for, without its query if it likes;
        ``client_certificate`` is the DER of a certificate that TLS has verified. A request with a key and a token is refused:
        nobody can tell for whom it speaks.
        """
        key, authorization = headers.get(api_keys.HEADER), headers.get("authorization", "")
        if key is not None and authorization:
            raise Unproven("send an API key or a token, not both")
        if key is not None:
            return await self._by_key(key)
        if authorization:
            scheme, token = _credentials(authorization)
            return await self._by_token(scheme, token, headers.get("dpop", ""), (method, url), client_certificate)
        if client_certificate is not None:
            return certificates.caller_of(client_certificate, self.settings.certificates, self.clock.now())
        raise Unproven("this needs an API key, a bearer token or a client certificate")

    async def with_rights(self, caller: Caller) -> Caller:
        """A person with the emergency rights that they hold at the moment; a session asks this at each request."""
        now = self.clock.now()
        if caller.kind != "person":
            return caller
        name = caller.subject.encode()
        found = self._rights.get(name, now)
        if found is None:
            found = (await self.in_thread(lambda: emergency.held(self.journal, caller.subject, now)),)
            self._rights.put(name, found, now + self._remembered)
        return emergency.with_rights(self.access, caller, found[0])

    def forget(self) -> None:
        """Ask the journal again: keys or rights were changed here a moment ago."""
        self._keys.forget()
        self._rights.forget()

    async def close(self) -> None:
        """Let go of connections."""
        await self.web.close()

    async def _by_key(self, text: str) -> Caller:
        id, secret = api_keys.parted(text)
        now = self.clock.now()
        key = self._keys.get(id.encode(), now)
        if key is None:
            key = await self.in_thread(lambda: api_keys.known(self.journal, id))
            if key is not None:
                self._keys.put(id.encode(), key, now + self._remembered)
        return api_keys.caller_of(key, secret, now)

    async def _by_token(
        self, scheme: Scheme, token: str, proof: str, asked: tuple[str, str], certificate: bytes | None
    ) -> Caller:
        issuing = self._issuing(token)
        claims = await issuing.claims(token)
        asked = (asked[0], self._public(asked[1]))
        now, bound = self.clock.now(), issuing.settings.bound
        self._possession.check(token, scheme, claims, proof, asked, certificate, now, bound=bound)
        return await self.with_rights(caller_of(claims, issuing.settings))

    def _public(self, url: str) -> str:
        """The address as the caller knows it, where something stands between."""
        known = self.settings.public.rstrip("/")
        return f"{known}/{url.split('://', 1)[-1].partition('/')[2]}" if known else url

    def _issuing(self, token: str) -> Issuing:
        """Whom to ask about this token: the issuer that it names, or the only one that is asked about tokens without a name."""
        if token.count(".") == 2:
            found = self.issuers.get(peek(token).issuer)
        else:
            opaque = [each for each in self.issuers.values() if each.settings.introspection == "always"]
            found = opaque[0] if len(opaque) == 1 else None
        if found is None:
            raise Unproven("this is no token of an issuer that we believe", error="invalid_token")
        return found


def _credentials(authorization: str) -> tuple[Scheme, str]:
    """The scheme and the token of a header (RFC 9110 section 11.4); raises Unproven for another scheme."""
    scheme, _, token = authorization.partition(" ")
    known: dict[str, Scheme] = {"bearer": "Bearer", "dpop": "DPoP"}
    token = token.strip()
    if scheme.lower() not in known or not token or len(token) > MOST_BYTES or not token.isascii() or not token.isprintable():
        raise Unproven("the header Authorization has the form: Bearer TOKEN")
    return known[scheme.lower()], token
