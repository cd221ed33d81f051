"""Break-glass where people are: over HTTP, by persons, as the policy offers it, with a reason, an alarm and a way back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx2
import msgspec
import pytest
from msgspec import structs

from suture.gateway.access import Access
from suture.gateway.identity import emergency
from suture.gateway.identity.glass import Glass
from suture.gateway.trail import calls_of
from suture.model import Case, Decision
from tests.gateway.house import House, body, house, told

POLICY = Access(version="2", author="ana", approver="ben", emergency={"operator": ("buyer",)})
HERE = "/api/emergency"


def opened(test: Callable[[House, list[str]], Awaitable[None]]) -> None:
    async def run() -> None:
        async with house(access=POLICY) as there:
            forgotten: list[str] = []
            journal, service = there.service.wiring.journal, there.service
            glass = Glass(journal, service.clock, service.in_thread, lambda: POLICY, lambda: forgotten.append("forgotten"))
            there.gateway.beside["emergency"] = glass
            await test(there, forgotten)

    asyncio.run(run())


async def post(there: House, who: str, path: str = HERE, **said: Any) -> httpx2.Response:
    return await there.call(who, "POST", path, content=msgspec.json.encode(said))


def test_a_person_takes_what_is_offered_and_gives_it_back() -> None:
    async def test(there: House, forgotten: list[str]) -> None:
        assert body(await there.call("operator", "GET", HERE)) == {"offered": ["buyer"], "seconds": 3600}
        taken = await post(there, "operator", role="buyer", reason="the order desk burns")
        shown = body(taken)
        assert (taken.status_code, shown["held"], shown["reason"]) == (201, ["buyer"], "the order desk burns")
        journal, now = there.service.wiring.journal, there.service.clock.now()
        assert emergency.held(journal, "operator-1", now) is not None
        said = [row.event.data for row in journal.read(0, 10_000)]
        assert [each.reason for each in said if isinstance(each, Case)] == ["emergency_rights"]
        back = body(await post(there, "operator", f"{HERE}/give-back", reason="it is out"))
        assert "held" not in back
        assert emergency.held(journal, "operator-1", now) is None
        assert forgotten == ["forgotten"] * 2, "what is remembered of their rights is asked anew"
        verbs = [row.event.data.verb for row in journal.read(0, 10_000) if isinstance(row.event.data, Decision)]
        assert verbs == ["take", "give_back"]

    opened(test)


@pytest.mark.parametrize(
    ("who", "said", "status"),
    [
        ("operator", {"role": "treasurer", "reason": "r"}, 403),
        ("buyer", {"role": "operator", "reason": "r"}, 403),
        ("machine", {"role": "buyer", "reason": "r"}, 403),
        ("supplier", {"role": "buyer", "reason": "r"}, 403),
        ("operator", {"role": "buyer", "reason": " "}, 422),
        ("operator", {"role": "buyer"}, 422),
        ("operator", {"role": "buyer", "reason": "r", "for": "ever"}, 422),
        ("stranger", {"role": "buyer", "reason": "r"}, 401),
    ],
)
def test_nobody_takes_more_than_that_or_without_a_reason(who: str, said: dict[str, str], status: int) -> None:
    async def test(there: House, forgotten: list[str]) -> None:
        before = told(there.service.wiring.journal)
        assert (await post(there, who, **said)).status_code == status
        assert (told(there.service.wiring.journal), forgotten) == (before, [])

    opened(test)


def test_a_narrowed_token_is_not_made_wide_and_rights_are_not_piled_up() -> None:
    async def test(there: House, forgotten: list[str]) -> None:
        plain = there.believing.callers["operator"]
        callers = dict(there.believing.callers)
        callers["narrow"] = structs.replace(plain, scopes=("orders.read",))
        callers["taken"] = structs.replace(plain, roles=("operator", "buyer"), emergency="the order desk burns")
        there.believing.callers = callers
        assert (await post(there, "narrow", role="buyer", reason="r")).status_code == 403
        assert (await post(there, "taken", role="buyer", reason="r")).status_code == 422
        assert (await post(there, "operator", f"{HERE}/give-back", reason="r")).status_code == 422
        assert (await there.call("operator", "GET", f"{HERE}/other")).status_code == 404

    opened(test)


def test_who_looked_and_who_took_stands_in_the_trail() -> None:
    async def test(there: House, forgotten: list[str]) -> None:
        await there.call("operator", "GET", HERE)
        await post(there, "machine", role="buyer", reason="r")
        await there.gateway.trail.close()
        now = there.service.clock.now()
        calls = calls_of(there.service.wiring.journal, now - timedelta(minutes=5), now + timedelta(minutes=5))
        assert [(each.actor, each.operation, each.status) for each in calls] == [
            ("operator-1", "emergency", 200),
            ("machine-1", "emergency", 403),
        ]

    opened(test)
