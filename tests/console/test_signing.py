"""Signing in to the console at a real OpenID provider: one browser, one journey, one session; anybody else stays outside."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from suture.console import Desk, Sessions, console_app
from suture.gateway import Access
from suture.gateway.identity import Identity, Issuer, Login, Settings
from suture.journal.memory import MemoryJournal
from suture.runtime.clock import SystemClock
from suture.runtime.network import Network
from suture.runtime.wiring import Wiring
from tests.gateway.provider import AUDIENCE, REDIRECT, SECRETS, Provider, running

T = TypeVar("T")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running() as provider:
        yield provider


def console(
    provider: Provider, folder: Path, monkeypatch: pytest.MonkeyPatch, story: Callable[[httpx2.AsyncClient], Awaitable[T]]
) -> T:
    monkeypatch.setenv("SUTURE_TEST_CLIENT", SECRETS["suture"])
    issuer = Issuer(issuer=provider.issuer, audience=AUDIENCE, roles_claim="groups", roles={"AP Clerks": ("clerk",)})
    login = Login(issuer=provider.issuer, client_id="suture", client_secret="env:SUTURE_TEST_CLIENT", redirect=REDIRECT)

    async def inside() -> T:
        wiring = Wiring(MemoryJournal(), Network(name="n"), privacy_key=b"p" * 32)
        identity = Identity(Settings(issuers=(issuer,), login=login), wiring.journal, SystemClock())
        desk = Desk(wiring, folder / "books", SystemClock(), access=Access())
        transport = httpx2.ASGITransport(app=console_app(desk, Sessions("suture-test"), identity.login))
        try:
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
                return await story(browser)
        finally:
            await identity.close()

    return asyncio.run(inside())


async def journey(provider: Provider, browser: httpx2.AsyncClient) -> dict[str, str]:
    """Out to the issuer and back to our own address, with the query that the issuer sends along."""
    out = await browser.get("/sign-in")
    assert out.status_code == 303
    back = await asyncio.to_thread(provider.browse, out.headers["location"])
    return dict(parse_qsl(urlsplit(back).query))


def test_somebody_whom_the_issuer_proves_is_in(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(browser: httpx2.AsyncClient) -> None:
        outside = await browser.get("/today")
        assert outside.status_code == 401
        assert 'href="/sign-in"' in outside.text
        query = await journey(provider, browser)
        inside = await browser.get("/signed-in", params=query)
        assert inside.status_code == 200
        assert "samesite=strict" in inside.headers["set-cookie"].lower()
        assert (await browser.get("/today")).status_code == 200
        again = await browser.get("/signed-in", params=query)
        assert again.status_code == 401, "a journey counts once"

    console(provider, tmp_path, monkeypatch, story)


def test_a_link_of_somebody_elses_login_opens_nothing(
    provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(browser: httpx2.AsyncClient) -> None:
        query = await journey(provider, browser)
        mine = browser.cookies
        browser.cookies = httpx2.Cookies()
        assert (await browser.get("/signed-in", params=query)).status_code == 401
        assert (await browser.get("/today")).status_code == 401
        browser.cookies = mine
        assert (await browser.get("/signed-in", params={**query, "state": "x"})).status_code == 401
        assert (await browser.get("/today")).status_code == 401

    console(provider, tmp_path, monkeypatch, story)
