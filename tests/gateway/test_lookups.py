"""Live questions: shared, remembered for moments, within the system's quota, and an explicit unknown when it is silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from msgspec import structs

from suture.gateway.lookups import SHARE, Lookups, Unheard
from suture.model import Ref
from suture.runtime.clock import ManualClock, SystemClock
from suture.runtime.share import Share
from suture.transports import Http, HttpReply
from suture.transports.exchange import Link
from tests.gateway.house import House, body, house
from tests.small_network import SYSTEMS, arrivals, story

STATUS = "/api/process/v1/orders/PO-R-1"


def opened(test: Callable[[House], Awaitable[None]], **more: Any) -> None:
    """Run a test in a house of its own."""

    async def run() -> None:
        async with house(**more) as there:
            await test(there)

    asyncio.run(run())


def test_a_hundred_who_ask_the_same_are_one_call() -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        before = there.links["erp"].calls["GET"]
        said = await asyncio.gather(*(there.call("buyer", "GET", STATUS) for _ in range(100)))
        assert {body(each)["erp"]["state"] for each in said} == {"held"}
        assert there.links["erp"].calls["GET"] - before == 1

    opened(test)


def test_a_silent_erp_is_an_explicit_unknown_with_its_age_within_the_target() -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        held = body(await there.call("buyer", "GET", STATUS))["erp"]
        assert (held["state"], held["source"]) == ("held", "erp")
        there.gateway.house.lookups._answers.clear()  # as if moments had passed
        there.links["erp"].silent = True
        began = time.perf_counter()
        said = await there.call("buyer", "GET", STATUS)
        assert time.perf_counter() - began < 0.5 + 0.25
        erp = body(said)["erp"]
        assert (said.status_code, erp["state"], erp["last"]) == (200, "unknown", "held")
        assert erp["age_s"] >= 0
        assert erp["at"]
        assert erp["why"]
        assert body(said)["state"] == "confirmed", "what is known here does not wait for anybody"

    opened(test)


def test_an_erp_that_hangs_costs_no_more_than_the_target() -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        hanging = there.links["erp"]

        async def never(request: Any) -> Any:
            await asyncio.sleep(30)

        hanging.perform = never  # type: ignore[method-assign]
        began = time.perf_counter()
        said = await there.call("buyer", "GET", STATUS)
        assert time.perf_counter() - began < 0.75
        assert body(said)["erp"]["state"] == "unknown"

    opened(test)


def test_an_erp_that_fails_again_and_again_is_left_alone_and_asked_again_later() -> None:
    clock = ManualClock(SystemClock().now())

    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        there.links["erp"].silent = True
        calls = there.links["erp"].calls
        for _ in range(12):
            await there.call("buyer", "GET", STATUS)
        asked = calls["GET"]
        assert asked < 12, "the breaker opens after five failures in a row"
        there.links["erp"].silent = False
        assert "left alone" in body(await there.call("buyer", "GET", STATUS))["erp"]["why"]
        clock.move_to(clock.now() + timedelta(seconds=31))
        assert body(await there.call("buyer", "GET", STATUS))["erp"]["state"] == "held"

    opened(test, clock=clock)


def test_a_system_that_a_person_has_paused_is_not_asked() -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        before = there.links["erp"].calls["GET"]
        there.service.delivering.paused = {"erp"}
        said = body(await there.call("buyer", "GET", STATUS))["erp"]
        assert (said["state"], said["last"], said["why"]) == ("unknown", "held", "a person has paused it")
        assert there.links["erp"].calls["GET"] == before

    opened(test)


def test_what_is_not_there_is_absent_and_not_unknown() -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        there.links["erp"]._perform = lambda request: _empty()
        assert body(await there.call("buyer", "GET", STATUS))["erp"]["state"] == "absent"

    opened(test)


def _empty() -> Any:
    return HttpReply(status=200, body=b'{"items":[]}')


def test_excess_waits_the_critical_first() -> None:
    """Of forty questions at once to a system that takes few, the critical ones are asked before the bulk."""

    async def test(there: House) -> None:
        lookups, order = there.gateway.house.lookups, list[str]()

        def question(name: str) -> Callable[[Link], Awaitable[str]]:
            async def ask(link: Link) -> str:
                order.append(name)
                await asyncio.sleep(0.01)
                return name

            return ask

        bulk = [lookups.ask("erp", f"bulk-{n}", question("bulk"), fresh_s=0, within_s=20, urgency="bulk") for n in range(30)]
        first = asyncio.gather(*bulk)
        await asyncio.sleep(0)
        critical = [
            lookups.ask("erp", f"critical-{n}", question("critical"), fresh_s=0, within_s=20, urgency="critical")
            for n in range(10)
        ]
        told = [*await asyncio.gather(*critical), *await first]
        assert all(not heard.why for heard in told), "nothing is refused"
        assert order.index("critical") <= 6
        assert set(order[:14]) >= {"critical"}
        assert order.count("critical") == 10
        assert "critical" not in order[25:]

    opened(test, systems=_throttled(200.0))


def test_ten_times_the_load_stays_below_the_ceiling_and_what_is_owed_goes_first() -> None:
    """Calls are counted at the peer: look-ups of ten times what it takes, while documents are carried to it all the same."""
    rate = 20.0

    async def test(there: House) -> None:
        for number in range(1, 4):
            await there.service.accept(arrivals(story(number))[0])
        erp, lookups = there.links["erp"], there.gateway.house.lookups
        before = sum(erp.calls.values())
        began = time.perf_counter()
        asked: list[asyncio.Task[Any]] = []
        for wave in range(20):  # 200 distinct questions a second for a second; the peer takes 20
            for number in range(10):
                name = f"{wave}-{number}"
                asked.append(asyncio.create_task(lookups.ask("erp", name, _listed(erp), fresh_s=5, within_s=1.5, urgency="bulk")))
            await asyncio.sleep(0.05)
            if wave == 5:
                await there.service.accept(arrivals(story(9))[0])
        told = await asyncio.gather(*asked)
        await lookups.close()
        spent = sum(erp.calls.values()) - before
        seconds = time.perf_counter() - began
        refused = sum(bool(heard.why) for heard in told)
        assert spent <= rate * seconds + rate, f"{spent} calls in {seconds:.1f} s to a system that takes {rate:g} a second"
        assert lookups.calls["erp"] <= rate * SHARE * seconds + rate * SHARE
        assert refused, "without excess this would prove nothing"
        for _ in range(100):
            there.service.wake()
            if there.service.wiring.journal.find(Ref("PurchaseOrder", "PO-R-9")):
                break
            await asyncio.sleep(0.05)
        status = body(await there.call("buyer", "GET", "/api/process/v1/orders/PO-R-9"))
        assert status["state"] == "confirmed", "what was accepted during the load was carried to the ERP"

    opened(test, systems=_throttled(rate))


def test_a_gateway_among_four_that_does_not_deliver_has_a_sixteenth_until_others_leave() -> None:
    rate, seconds = 160.0, 1.0  # a quarter is 40, for four gateways

    async def calls(there: House, wave: str) -> int:
        lookups, erp = there.gateway.house.lookups, there.links["erp"]
        before = lookups.calls["erp"]
        asked = (lookups.ask("erp", f"{wave}-{n}", _listed(erp), fresh_s=5, within_s=seconds) for n in range(400))
        told = await asyncio.gather(*asked)
        assert any(heard.why for heard in told), "without excess this would prove nothing"
        made = lookups.calls["erp"] - before
        await lookups.close()
        return made

    def among(there: House, others: int) -> Callable[[], None]:
        def change() -> None:
            there.service.wiring.share = Share(frozenset(), others)
            there.service.delivering.take_over([], there.service.clock.now())

        return change

    async def test(there: House) -> None:
        await there.service.in_thread(among(there, 3))
        few = await calls(there, "four")
        assert 8 <= few <= 20, "ten a second, and ten at once at the beginning"
        await there.service.in_thread(among(there, 0))
        assert 30 <= await calls(there, "alone") <= 80, "the whole quarter"

    opened(test, systems=_throttled(rate))


def _listed(erp: Any) -> Callable[[Link], Awaitable[str]]:
    async def ask(link: Link) -> str:
        await link.perform(Http(method="GET", path="/api/purchase-orders?externalRef=none"))
        return "asked"

    return ask


def _throttled(rate: float) -> dict[str, Any]:
    return {**SYSTEMS, "erp_rest": structs.replace(SYSTEMS["erp_rest"], rate_per_s=rate)}


def test_a_question_that_fails_is_not_remembered() -> None:
    async def test(there: House) -> None:
        lookups = Lookups(there.service)
        answers = iter(["no", "yes"])

        async def ask(link: Link) -> str:
            if (said := next(answers)) == "no":
                raise Unheard("busy")
            return said

        first = await lookups.ask("erp", "q", ask, fresh_s=5, within_s=1)
        second = await lookups.ask("erp", "q", ask, fresh_s=5, within_s=1)
        assert (first.value, first.why, second.value) == (None, "busy", "yes")

    opened(test)
