"""Tokens and logins of a real OpenID provider: client credentials, PKCE, rotation of keys, revocation, bound tokens."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import uuid
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from suture.gateway import Access, Caller
from suture.gateway.identity import Identity, Issuer, Login, Settings, Unproven
from suture.gateway.identity.settings import Client
from suture.journal.memory import MemoryJournal
from suture.runtime.clock import ManualClock, SystemClock

from .provider import AUDIENCE, REDIRECT, SECRETS, Provider, running

URL = "http://127.0.0.1/v1/orders"
T = TypeVar("T")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running() as provider:
        yield provider


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def settings(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("SUTURE_TEST_CLIENT", SECRETS["suture"])
    issuer = Issuer(
        issuer=provider.issuer,
        audience=AUDIENCE,
        roles_claim="groups",
        roles={"AP Clerks": ("clerk",)},
        scopes={"orders": ("orders.read",)},
        clients=(Client(id="erp", roles=("buyer",), instance="erp"),),
        client_id="suture",
        client_secret="env:SUTURE_TEST_CLIENT",
    )
    login = Login(issuer=provider.issuer, client_id="suture", client_secret="env:SUTURE_TEST_CLIENT", redirect=REDIRECT)
    return Settings(issuers=(issuer,), login=login)


def at_the_door(settings: Settings, clock: ManualClock, do: Callable[[Identity], Awaitable[T]]) -> T:
    async def inside() -> T:
        door = Identity(settings, MemoryJournal(), clock)
        try:
            return await do(door)
        finally:
            await door.close()

    return asyncio.run(inside())


def asks(door: Identity, token: str, scheme: str = "Bearer", **more: str) -> Awaitable[Caller]:
    return door.caller({"authorization": f"{scheme} {token}", **more}, "127.0.0.1", "GET", URL)


def changed(settings: Settings, **fields: Any) -> Settings:
    return msgspec.structs.replace(settings, issuers=(msgspec.structs.replace(settings.issuers[0], **fields),))


def test_a_machine_is_what_it_was_declared_as_narrowed_by_its_scopes(
    provider: Provider, settings: Settings, clock: ManualClock
) -> None:
    caller = at_the_door(settings, clock, lambda door: asks(door, provider.token()))
    assert (caller.subject, caller.kind, caller.roles, caller.instance) == ("client/erp", "machine", ("buyer",), "erp")
    assert caller.scopes == ("orders.read",)


def test_a_machine_without_a_scope_of_ours_may_do_nothing(provider: Provider, settings: Settings, clock: ManualClock) -> None:
    caller = at_the_door(settings, clock, lambda door: asks(door, provider.token(scope="")))
    assert not Access().allows(caller, "orders.read")


def test_a_client_that_is_not_declared_is_nobody(provider: Provider, settings: Settings, clock: ManualClock) -> None:
    with pytest.raises(Unproven, match="not declared"):
        at_the_door(settings, clock, lambda door: asks(door, provider.token("stranger")))


def test_a_token_for_somebody_else_is_refused(provider: Provider, settings: Settings, clock: ManualClock) -> None:
    with pytest.raises(Unproven, match="somebody else"):
        at_the_door(settings, clock, lambda door: asks(door, provider.token(resource="urn:another:api")))


def test_a_token_ends(provider: Provider, settings: Settings, clock: ManualClock) -> None:
    token = provider.token()
    clock.move_to(clock.now() + timedelta(seconds=1800 + 55))
    assert at_the_door(settings, clock, lambda door: asks(door, token)).subject == "client/erp"  # within the skew of clocks
    clock.move_to(clock.now() + timedelta(seconds=30))
    with pytest.raises(Unproven, match="expired"):
        at_the_door(settings, clock, lambda door: asks(door, token))


def test_keys_rotate_without_a_break_and_withdrawn_ones_end(provider: Provider, settings: Settings, clock: ManualClock) -> None:
    async def life(door: Identity) -> None:
        old = provider.token()
        assert await asks(door, old)
        provider.post("/test/rotate", {})
        new = provider.token()
        clock.move_to(clock.now() + timedelta(seconds=11))  # strangers cannot make us ask more often
        assert await asks(door, new)
        assert await asks(door, old)
        provider.post("/test/withdraw", {})
        clock.move_to(clock.now() + timedelta(minutes=11))
        with pytest.raises(Unproven, match="not among those"):
            await asks(door, old)

    at_the_door(changed(settings, issuer=provider.issuer), clock, life)


def test_a_revoked_token_is_refused_when_the_issuer_is_asked_again(
    provider: Provider, settings: Settings, clock: ManualClock
) -> None:
    async def life(door: Identity) -> None:
        token = provider.token(resource=f"{AUDIENCE}:opaque")
        assert (await asks(door, token)).subject == "client/erp"
        provider.revoke(token)
        clock.move_to(clock.now() + timedelta(seconds=31))
        with pytest.raises(Unproven, match="revoked"):
            await asks(door, token)

    at_the_door(changed(settings, introspection="always"), clock, life)


def signed(key: ECKey, method: str, url: str, at: float, token: str, id: str = "") -> str:
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": key.as_dict(private=False)}
    ath = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
    said = {"htm": method, "htu": url, "iat": int(at), "jti": id or uuid.uuid4().hex, **({"ath": ath} if token else {})}
    return jwt.encode(header, said, key, ["ES256"])


def test_a_bound_token_is_worth_nothing_to_a_thief(provider: Provider, settings: Settings, clock: ManualClock) -> None:
    key, now = ECKey.generate_key("P-256"), clock.now().timestamp()
    token = provider.token(headers={"DPoP": signed(key, "POST", f"{provider.issuer}/token", now, "")})
    good = signed(key, "GET", URL, now, token)

    async def life(door: Identity) -> None:
        assert (await asks(door, token, "DPoP", dpop=good)).subject == "client/erp"
        for what, scheme, proof in (
            ("used before", "DPoP", good),
            ("no proof", "DPoP", ""),
            ("scheme DPoP", "Bearer", ""),
            ("another key", "DPoP", signed(ECKey.generate_key("P-256"), "GET", URL, now, token)),
            ("another request", "DPoP", signed(key, "POST", URL, now, token)),
            ("another request", "DPoP", signed(key, "GET", URL + "/7", now, token)),
            ("another token", "DPoP", signed(key, "GET", URL, now, "other")),
            ("this minute", "DPoP", signed(key, "GET", URL, now - 120, token)),
        ):
            with pytest.raises(Unproven, match=what):
                await asks(door, token, scheme, dpop=proof)

    at_the_door(changed(settings, bound=True), clock, life)


def test_a_house_that_asks_for_bonds_takes_no_other_token(provider: Provider, settings: Settings, clock: ManualClock) -> None:
    with pytest.raises(Unproven, match="not bound"):
        at_the_door(changed(settings, bound=True), clock, lambda door: asks(door, provider.token()))


def back(provider: Provider, url: str) -> dict[str, str]:
    """The query with which the provider sends the browser home."""
    return dict(parse_qsl(urlsplit(provider.browse(url)).query))


def test_a_person_signs_in_with_a_code_and_its_proof(provider: Provider, settings: Settings, clock: ManualClock) -> None:
    async def life(door: Identity) -> Caller:
        assert door.login is not None
        url, pending = await door.login.start()
        query = await asyncio.to_thread(back, provider, url)
        caller = await door.login.finish(pending, query)
        with pytest.raises(Unproven):  # the code is spent
            await door.login.finish(pending, query)
        return caller

    caller = at_the_door(settings, clock, life)
    assert (caller.subject, caller.kind, caller.roles, caller.scopes) == ("ana", "person", ("clerk",), ())
    assert caller.until == clock.now() + timedelta(hours=8)


def test_a_login_of_another_browser_another_issuer_or_an_hour_ago_is_refused(
    provider: Provider, settings: Settings, clock: ManualClock
) -> None:
    async def life(door: Identity) -> None:
        assert door.login is not None
        url, pending = await door.login.start()
        query = await asyncio.to_thread(back, provider, url)
        _, other = await door.login.start()
        for wrong in ({**query, "state": "x"}, {**query, "iss": "https://evil.example"}, {"state": query["state"]}):
            with pytest.raises(Unproven):
                await door.login.finish(pending, wrong)
        with pytest.raises(Unproven, match="this browser"):
            await door.login.finish(other, query)
        # a stolen code without the verifier that began it
        with pytest.raises(Unproven, match="refuses"):
            await door.login.finish(other, {**query, "state": other.state})
        clock.move_to(clock.now() + timedelta(minutes=11))
        with pytest.raises(Unproven, match="too long"):
            await door.login.finish(pending, query)

    at_the_door(settings, clock, life)
