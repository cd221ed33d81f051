"""How a person signs in at an issuer: authorization code with PKCE, as two steps with a browser's journey between them.

OpenID Connect Core 1.0 section 3.1, with what OAuth's best practice asks for (RFC 9700 section 2.1): PKCE by S256
(RFC 7636), a state that only this browser has, a nonce in the ID token, and the issuer's name in the answer (RFC 9207).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from suture.gateway.access import Caller
from suture.gateway.identity.issuers import Issuing
from suture.gateway.identity.meaning import caller_of
from suture.gateway.identity.settings import Login
from suture.gateway.identity.tokens import holding, peek, proven
from suture.gateway.identity.unproven import Unproven
from suture.runtime.secrets import secret

#: How long the journey may take.
JOURNEY = timedelta(minutes=10)


class Pending(Struct, frozen=True):
    """A journey that has begun: kept by the house for this one browser, and spent when it comes back."""

    state: str
    nonce: str
    verifier: str
    begun: datetime


class SignIn:
    """The way to the issuer and back."""

    def __init__(self, settings: Login, issuing: Issuing) -> None:
        self.settings, self.issuing = settings, issuing

    async def start(self) -> tuple[str, Pending]:
        """Where to send the browser, and what to keep until it is back; raises Unproven (later) if the issuer is silent."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        query = {
            "response_type": "code",
            "client_id": self.settings.client_id,
            "redirect_uri": self.settings.redirect,
            "scope": self.settings.scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": _b64(hashlib.sha256(verifier.encode()).digest()),
            "code_challenge_method": "S256",
        }
        address = await self.issuing.endpoint("authorization_endpoint")
        return f"{address}?{urlencode(query)}", Pending(state, nonce, verifier, self.issuing.clock.now())

    async def finish(self, pending: Pending, query: Mapping[str, str]) -> Caller:
        """The person who came back with this query; raises Unproven. A code counts once, at the issuer's."""
        now = self.issuing.clock.now()
        if not hmac.compare_digest(pending.state.encode(), query.get("state", "").encode()):
            raise Unproven("this login was not begun by this browser; begin again")
        if now - pending.begun > JOURNEY:
            raise Unproven("this login took too long; begin again")
        if query.get("iss", self.issuing.settings.issuer) != self.issuing.settings.issuer:
            raise Unproven("this answer is another issuer's; begin again")
        if "code" not in query:
            raise Unproven("the issuer did not sign you in; begin again, or ask who administers it")
        claims = await self._claims(await self._redeemed(query["code"], pending), pending)
        person = caller_of(claims, self.issuing.settings, narrowed=False)
        if person.kind != "person":
            raise Unproven("this is a machine's login; people sign in here")
        return msgspec.structs.replace(person, until=now + timedelta(seconds=self.settings.session_s))

    async def _redeemed(self, code: str, pending: Pending) -> str:
        ours = self.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": ours.redirect,
            "code_verifier": pending.verifier,
        }
        address = await self.issuing.endpoint("token_endpoint")
        answer = await self.issuing.web.post(address, form, ours.client_id, secret(ours.client_secret))
        return str(answer.get("id_token", ""))

    async def _claims(self, token: str, pending: Pending) -> dict[str, object]:
        """What the ID token says (OpenID Connect Core 1.0 section 3.1.3.7)."""
        seen, issuer, client = peek(token), self.issuing.settings, self.settings.client_id
        if seen.algorithm not in issuer.algorithms:
            raise Unproven("the ID token is signed with an algorithm that this house does not allow")
        claims = proven(token, seen.algorithm, await self.issuing.key(seen))
        holding(claims, issuer, self.issuing.clock.now(), self.issuing.skew_s, audience=client)
        if claims.get("azp", client) != client:
            raise Unproven("the ID token was issued for another client")
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), pending.nonce.encode()):
            raise Unproven("the ID token is of another login; begin again")
        return {name: value for name, value in claims.items() if name not in ("azp", "client_id")}


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
