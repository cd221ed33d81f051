"""An issuer as a counterpart: its published keys, which rotate, and its word on whether a token still holds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from suture.gateway.identity.remembering import Remembered, fingerprint
from suture.gateway.identity.settings import Issuer
from suture.gateway.identity.tokens import Peek, PublicKey, allowed, fits, holding, peek, proven
from suture.gateway.identity.unproven import Unproven
from suture.gateway.identity.web import Web
from suture.runtime.clock import Clock
from suture.runtime.secrets import secret

#: Keys are fetched anew when they are so old; and if the issuer is silent, they are believed for so long.
FRESH, BELIEVED = timedelta(minutes=10), timedelta(hours=1)
#: Between two questions that strangers can cause by naming keys that nobody has published.
AT_MOST_EVERY = timedelta(seconds=10)
#: So long is a proven signature remembered; then the key that made it must still be published.
PROVEN_FOR = timedelta(minutes=1)
MOST_KEYS = 100


class Issuing:
    """One issuer in service: everything that is asked of it, as seldom as can be."""

    def __init__(self, settings: Issuer, clock: Clock, web: Web, skew_s: int) -> None:
        self.settings, self.clock, self.web, self.skew_s = settings, clock, web, skew_s
        self._keys: tuple[PublicKey, ...] = ()
        self._fetched: datetime | None = None
        self._asked: datetime | None = None
        self._asking = asyncio.Lock()
        self._discovered: dict[str, Any] = {}
        self._proven: Remembered[dict[str, Any]] = Remembered()
        self._answers: Remembered[dict[str, Any]] = Remembered()

    async def claims(self, token: str) -> dict[str, Any]:
        """What a token of this issuer says, proven and holding now; raises Unproven."""
        claims = await self._signed(token) if token.count(".") == 2 else {}
        if self.settings.introspection == "always":
            claims = {**await self._introspected(token), **claims}
        if not claims:
            raise Unproven("this is no token of an issuer that we believe", error="invalid_token")
        holding(claims, self.settings, self.clock.now(), self.skew_s)
        return claims

    async def endpoint(self, name: str) -> str:
        """An address of the issuer by its name in the metadata (OpenID Connect Discovery 1.0 section 3)."""
        if not self._discovered:
            found = await self.web.get(f"{self.settings.issuer.rstrip('/')}/.well-known/openid-configuration")
            if found.get("issuer") != self.settings.issuer:
                raise Unproven("the issuer calls itself by another name; whoever answers is not it", later=True)
            self._discovered = found
        address = self._discovered.get(name)
        if not isinstance(address, str):
            raise Unproven(f"the issuer has no {name}", later=True)
        return address

    # -- signatures

    async def _signed(self, token: str) -> dict[str, Any]:
        now, print = self.clock.now(), fingerprint(token)
        if (known := self._proven.get(print, now)) is not None:
            return known
        seen = peek(token)
        allowed(seen, self.settings)
        claims = proven(token, seen.algorithm, await self.key(seen))
        self._proven.put(print, claims, now + PROVEN_FOR)
        return claims

    async def key(self, seen: Peek) -> PublicKey:
        """The published key that a token names, fetched if it is new to us; raises Unproven."""
        now = self.clock.now()
        if self._fetched is None or now - self._fetched > FRESH or self._named(seen) is None:
            await self._fetch(now)
        key = self._named(seen)
        if self._fetched is None or now - self._fetched > BELIEVED:
            raise Unproven("the issuer's keys cannot be fetched; try again in a moment", later=True)
        if key is None:
            raise Unproven(
                "this token proves nothing: its key is not among those that the issuer publishes", error="invalid_token"
            )
        return key

    def _named(self, seen: Peek) -> PublicKey | None:
        fit = [key for key in self._keys if fits(key, seen.algorithm) and (not seen.key or key.get("kid") == seen.key)]
        # a token without a key's name is only clear where one key could have made it
        return fit[0] if len(fit) == 1 else None

    async def _fetch(self, now: datetime) -> None:
        async with self._asking:
            if self._asked is not None and now - self._asked < AT_MOST_EVERY:
                return
            self._asked = now
            try:
                address = self.settings.keys or await self.endpoint("jwks_uri")
                published = (await self.web.get(address)).get("keys")
            except Unproven:
                return  # what we have is believed for a while
            self._keys = tuple(_usable(published if isinstance(published, list) else []))
            self._fetched = now

    # -- revocation

    async def _introspected(self, token: str) -> dict[str, Any]:
        """What the issuer says of the token (RFC 7662 section 2.2); raises Unproven for one that is not active."""
        now, print = self.clock.now(), fingerprint(token)
        answer = self._answers.get(print, now)
        if answer is None:
            ours = self.settings
            form = {"token": token, "token_type_hint": "access_token"}
            answer = await self.web.post(
                await self.endpoint("introspection_endpoint"), form, ours.client_id, secret(ours.client_secret)
            )
            self._answers.put(print, answer, now + timedelta(seconds=ours.introspect_every_s))
        if answer.get("active") is not True:
            raise Unproven("this token proves nothing: its issuer has revoked it, or never issued it", error="invalid_token")
        return {"iss": self.settings.issuer, **answer}


def _usable(published: Iterable[Any]) -> Iterable[PublicKey]:
    """The public keys for signatures among what an issuer publishes; what we cannot use is passed over."""
    for number, told in enumerate(published):
        if number == MOST_KEYS:
            return
        if isinstance(told, dict) and told.get("kty") in ("RSA", "EC", "OKP"):
            try:
                key = import_key(told)
            except (JoseError, ValueError, TypeError, KeyError):
                continue
            if isinstance(key, RSAKey | ECKey | OKPKey):
                yield key
