"""How calls behave: keys, conditions, pages, problems, limits, traces, versions, and what a mock says."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec
import pytest
from msgspec import structs

from suture.gateway import samples
from suture.gateway.limits import Allowance, Limits
from suture.gateway.problem import FAULTS
from suture.model import Crosswalk, MessageReceived, OrderChange, encode
from suture.runtime.clock import ManualClock
from suture.transports import Reply, Request
from tests.gateway.house import House, body, caller, house, told

ORDERS = "/api/process/v1/orders"
ASKED = structs.replace(samples.REQUISITION, id="R-9", requester="buyer-1")


def opened(test: Callable[[House], Awaitable[None]], **more: Any) -> None:
    """Run a test in a house of its own."""

    async def run() -> None:
        async with house(**more) as there:
            await test(there)

    asyncio.run(run())


# -- keys


def test_a_key_is_good_for_one_request_and_a_repeat_gets_the_first_answer() -> None:
    async def test(there: House) -> None:
        first = await there.call("buyer", "POST", ORDERS, ASKED, key="k-1")
        again = await there.call("buyer", "POST", ORDERS, ASKED, key="k-1")
        assert (first.status_code, again.status_code) == (202, 202)
        assert again.content == first.content
        assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
        other = await there.call("buyer", "POST", ORDERS, structs.replace(ASKED, id="R-10"), key="k-1")
        assert (other.status_code, body(other)["code"]) == (422, "key-reused")
        messages = [row.event.data for row in there.service.wiring.journal.read(0, 1000)]
        kept = [each for each in messages if isinstance(each, MessageReceived)]
        assert [(each.actor, each.operation) for each in kept] == [("buyer-1", "create_order")]

    opened(test)


def test_what_was_parked_is_told_as_parked_again() -> None:
    async def test(there: House) -> None:
        strange = structs.replace(samples.WORK, number="WO-7")
        row = Crosswalk(system="portal", kind="place", local="theirs", golden="NSH")
        there.service.wiring.learn([row])
        first = await there.call("technician", "PUT", "/api/process/v1/work-orders/WO-7", strange, key="p-1")
        assert (first.status_code, body(first)["outcome"]) == (202, "parked")
        assert "unknown_place" in [finding["code"] for finding in body(first)["findings"]]
        again = await there.call("technician", "PUT", "/api/process/v1/work-orders/WO-7", strange, key="p-1")
        assert body(again)["outcome"] == "parked"
        status = await there.call("technician", "GET", body(first)["status"])
        assert body(status)["outcome"] == "parked"

    opened(test)


def test_two_requests_with_one_key_at_once_make_one_document() -> None:
    async def test(there: House) -> None:
        both = await asyncio.gather(*(there.call("buyer", "POST", ORDERS, ASKED, key="k-2") for _ in range(8)))
        assert {each.status_code for each in both} <= {202, 409}
        assert sum(each.status_code == 202 for each in both) >= 1
        assert all(each.headers["retry-after"] for each in both if each.status_code == 409)
        rows = there.service.wiring.journal.read(0, 1000)
        assert sum(isinstance(row.event.data, MessageReceived) for row in rows) == 1

    opened(test)


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 129, '"half', "a/b"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    async def test(there: House) -> None:
        headers = {"x-caller": "buyer", "content-type": "application/json", "idempotency-key": key}
        raw = {name: value.encode("utf-8") for name, value in headers.items()}
        said = await there.client.post(ORDERS, headers=raw, content=encode(ASKED))
        assert (said.status_code, body(said)["code"]) == (400, "no-key")

    opened(test)


def test_whoever_prefers_not_to_wait_is_told_so_and_where_to_look() -> None:
    async def test(there: House) -> None:
        said = await there.call("buyer", "POST", ORDERS, ASKED, key="k-3", headers={"prefer": "respond-async"})
        assert (said.status_code, said.headers["preference-applied"]) == (202, "respond-async")
        await there.service.settle()
        status = body(await there.call("buyer", "GET", said.headers["location"]))
        assert (status["outcome"], status["documents"]) == ("accepted", ["Requisition:R-9"])
        assert {part["source"] for part in status["has"]} >= {"procurement"}

    opened(test)


def test_head_is_get_without_the_body() -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        for path in (f"{ORDERS}/PO-R-1", "/openapi.json", "/api/operations", f"{ORDERS}/NONE"):
            whole, head = await there.call("buyer", "GET", path), await there.client.head(path, headers={"x-caller": "buyer"})
            assert (head.status_code, head.content) == (whole.status_code, b"")
            assert int(head.headers["content-length"]) > 0
            for name in ("content-type", "etag", "cache-control", "content-length"):
                if path == "/openapi.json" or name != "content-length":  # elsewhere an age or a count goes on between the two
                    assert head.headers.get(name) == whole.headers.get(name), (path, name)
        assert (await there.client.head(ORDERS)).status_code == 401
        refused = await there.call("buyer", "DELETE", f"{ORDERS}/PO-R-1")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        nothing = await there.client.head(f"{ORDERS}/PO-R-1/changes", headers={"x-caller": "buyer"})
        assert (nothing.status_code, nothing.headers["allow"]) == (405, "POST")

    opened(test)


@pytest.mark.parametrize(
    ("prefer", "state", "applied"),
    [
        ("", "unknown", None),
        ("wait=4", "held", "wait=4"),
        ("respond-async, Wait=4; x=y", "held", "wait=4"),
        ("wait=0", "unknown", "wait=0"),
        ("wait=soon", "unknown", None),
        ("wait=4, wait=0", "held", "wait=4"),
    ],
)
def test_a_caller_says_how_long_a_system_may_think(prefer: str, state: str, applied: str | None) -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        erp = there.links["erp"]
        perform = erp.perform

        async def slowly(request: Request) -> Reply:
            await asyncio.sleep(0.8)  # more than the look-up's target
            return await perform(request)

        erp.perform = slowly  # type: ignore[method-assign]
        said = await there.call("buyer", "GET", f"{ORDERS}/PO-R-1", headers={"prefer": prefer} if prefer else {})
        assert (said.status_code, body(said)["erp"]["state"]) == (200, state)
        assert said.headers.get("preference-applied") == applied

    opened(test)


# -- conditions and pages


def test_a_change_rests_on_what_was_seen() -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        seen = await there.call("buyer", "GET", f"{ORDERS}/PO-R-1")
        change = OrderChange(order="PO-R-1", version=2, supplier="ALDER", at=datetime(2026, 3, 3, tzinfo=UTC), kind="cancel")
        path = f"{ORDERS}/PO-R-1/changes"
        stale = await there.call("buyer", "POST", path, change, headers={"if-match": '"0"'})
        assert (stale.status_code, body(stale)["code"]) == (412, "stale")
        fresh = await there.call("buyer", "POST", path, change, headers={"if-match": seen.headers["etag"]})
        assert fresh.status_code == 202, fresh.text
        await there.service.settle()
        after = await there.call("buyer", "GET", f"{ORDERS}/PO-R-1")
        assert after.headers["etag"] != seen.headers["etag"]
        assert body(after)["state"] == "cancelled"

    opened(test)


def test_what_has_not_changed_is_not_told_again() -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        seen = await there.call("buyer", "GET", f"{ORDERS}/PO-R-1")
        again = await there.call("buyer", "GET", f"{ORDERS}/PO-R-1", headers={"if-none-match": seen.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

    opened(test)


def test_pages_follow_each_other_without_gaps() -> None:
    async def test(there: House) -> None:
        for number in range(1, 6):
            await there.buy(number, upto=1)
        path, found = f"{ORDERS}?limit=2&supplier=ALDER", []
        for _ in range(10):
            said = await there.call("buyer", "GET", path)
            found += [row["id"] for row in body(said)["items"]]
            following = re.search(r'<([^>]+)>; rel="next"', said.headers.get("link", ""))
            if following is None:
                break
            path = following[1]
        assert found == [f"PO-R-{number}" for number in range(1, 6)]

    opened(test)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=x", "after=x", "state=gone", "nothing=1", "supplier=a&supplier=b", "supplier=%00", "supplier=%ff"]
)
def test_a_query_that_cannot_be_read_is_a_problem(query: str) -> None:
    async def test(there: House) -> None:
        said = await there.call("buyer", "GET", f"{ORDERS}?{query}")
        assert (said.status_code, body(said)["code"]) == (400, "bad-parameter")

    opened(test)


# -- bodies


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", {}, 400, "malformed"),
        (b"{", {}, 400, "malformed"),
        (b"[" * 100_000, {}, 400, "malformed"),
        (b'{"type":"Requisition"' + b',"a":' + b'[{"a":' * 40 + b"1" + b"}]" * 40 + b"}", {}, 422, "unacceptable"),
        (b'{"type":"Requisition"}', {}, 422, "unacceptable"),
        (encode(samples.RECEIPT), {}, 422, "unacceptable"),
        (b'{"documents":[]}', {}, 422, "unacceptable"),
        (encode(ASKED), {"content-type": "text/plain"}, 415, "media-type"),
        (encode(ASKED), {"content-encoding": "br"}, 415, "media-type"),
        (encode(ASKED), {"content-encoding": "gzip"}, 400, "malformed"),
        (gzip.compress(encode(ASKED))[:-4], {"content-encoding": "gzip"}, 400, "malformed"),
        (gzip.compress(b" " * 30_000_000), {"content-encoding": "gzip"}, 413, "too-large"),
        (b" " * 1_200_000, {}, 413, "too-large"),
    ],
)
def test_a_body_that_cannot_be_taken_is_a_problem(content: bytes, headers: dict[str, str], status: int, code: str) -> None:
    async def test(there: House) -> None:
        said = await there.call("buyer", "POST", ORDERS, content=content, headers=headers)
        assert (said.status_code, body(said)["code"]) == (status, code), said.text
        assert not [each for each in told(there.service.wiring.journal) if isinstance(each, MessageReceived)]

    opened(test)


def test_a_packed_body_is_taken_and_a_long_answer_is_packed() -> None:
    async def test(there: House) -> None:
        said = await there.call(
            "buyer", "POST", ORDERS, content=gzip.compress(encode(ASKED)), headers={"content-encoding": "gzip"}
        )
        assert said.status_code == 202
        contract = await there.call("buyer", "GET", "/openapi.json", headers={"accept-encoding": "gzip"})
        assert contract.headers["content-encoding"] == "gzip"
        assert body(contract)["openapi"] == "3.1.0"

    opened(test)


def test_what_is_wrong_is_told_with_its_place() -> None:
    async def test(there: House) -> None:
        raw = encode(ASKED).replace(b'"value":"10"', b'"value":"ten"')
        said = await there.call("buyer", "POST", ORDERS, content=raw)
        assert body(said)["errors"] == [
            {
                "code": "json.value",
                "text": "expected a decimal of at most 18 digits before the point and 9 after it",
                "path": "$.lines[0].quantity.value",
            }
        ]

    opened(test)


# -- problems


def test_every_problem_says_what_it_is_and_what_to_do() -> None:
    for code, fault in FAULTS.items():
        assert re.fullmatch(r"[a-z-]+", code)
        assert 400 <= fault.status < 600
        assert fault.title
        assert fault.action
        assert (fault.of == "permanent") == (fault.status < 500 and fault.status not in (408, 409, 429)), code


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/process/v1/nothing", 404, "no-operation"),
        ("GET", "/api/process/v9/orders", 404, "no-operation"),
        ("DELETE", ORDERS, 405, "method"),
        ("GET", f"{ORDERS}/PO-NONE", 404, "not-found"),
        ("GET", "/api/process/v1/orders/%ff", 404, "no-operation"),
        ("GET", "/api/process/v1/orders/../../../etc/passwd", 404, "no-operation"),
        ("GET", "/api/process/v1/orders/%2e%2e%2f%2e%2e%2fetc%2fpasswd", 404, "not-found"),
        ("GET", "/api/process/v1/trace/%27%3B%20drop%20table%20events%3B--", 403, "forbidden"),
    ],
)
def test_what_is_not_there_is_a_problem(method: str, path: str, status: int, code: str) -> None:
    async def test(there: House) -> None:
        who = "treasurer" if "trace" not in path else "supplier"
        said = await there.call("buyer" if who == "treasurer" else who, method, path)
        assert (said.status_code, body(said)["code"]) == (status, code)
        assert said.headers["content-type"] == "application/problem+json"
        assert {"type", "title", "status", "code", "class", "action", "instance"} <= set(body(said))

    opened(test)


def test_a_fault_of_ours_is_an_unknown_outcome_without_a_word_of_content() -> None:
    async def test(there: House) -> None:
        async def broken(arrival: Any) -> Any:
            raise OverflowError("R-9 nurse-1 secret")

        there.service.accept = broken  # type: ignore[method-assign]
        said = await there.call("buyer", "POST", ORDERS, ASKED)
        assert (said.status_code, body(said)["class"]) == (500, "unknown outcome")
        assert "secret" not in said.text

    opened(test)


def test_a_house_that_cannot_take_anything_in_says_when_to_come_back() -> None:
    async def test(there: House) -> None:
        there.service.trouble = "the journal is out of reach"
        said = await there.call("buyer", "POST", ORDERS, ASKED)
        assert (said.status_code, body(said)["class"]) == (503, "retryable")
        assert int(said.headers["retry-after"]) > 0

    opened(test)


def test_an_intake_that_does_not_end_is_an_unknown_outcome() -> None:
    async def test(there: House) -> None:
        async def never(arrival: Any) -> Any:
            await asyncio.sleep(60)

        there.service.accept = never  # type: ignore[method-assign]
        said = await there.call("buyer", "POST", ORDERS, ASKED)
        assert (said.status_code, body(said)["class"]) == (504, "unknown outcome")

    opened(test, limits=Limits(intake_s=0.05))


# -- allowances, traces, versions


def test_calls_over_the_allowance_are_told_when_to_come_back() -> None:
    clock = ManualClock(samples.AT)
    narrow = Limits(allowances={name: Allowance(1.0, 3) for name in ("critical", "standard", "bulk")})

    async def test(there: House) -> None:
        said = [await there.call("buyer", "GET", ORDERS) for _ in range(5)]
        assert [each.status_code for each in said] == [200, 200, 200, 429, 429]
        assert said[0].headers["ratelimit"] == '"standard";r=2;t=1'
        assert said[0].headers["ratelimit-policy"] == '"standard";q=3;w=3'
        assert said[3].headers["retry-after"] == "1"
        assert (await there.call("viewer", "GET", "/api/process/v2/suppliers/ALDER/validation")).status_code == 200
        clock.move_to(samples.AT.replace(second=2))
        assert (await there.call("buyer", "GET", ORDERS)).status_code == 200

    opened(test, limits=narrow, clock=clock)


def test_a_trace_is_carried_on_and_a_wrong_one_begun_anew() -> None:
    async def test(there: House) -> None:
        trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        said = await there.call("buyer", "GET", ORDERS, headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"})
        assert re.fullmatch(rf"00-{trace}-[0-9a-f]{{16}}-01", said.headers["traceparent"])
        assert "00f067aa0ba902b7" not in said.headers["traceparent"]
        for wrong in ("", "00-0-0-0", f"ff-{trace}-00f067aa0ba902b7-01", f"00-{'0' * 32}-00f067aa0ba902b7-01"):
            said = await there.call("buyer", "GET", ORDERS, headers={"traceparent": wrong})
            assert re.fullmatch(r"00-(?!0{32})[0-9a-f]{32}-[0-9a-f]{16}-00", said.headers["traceparent"])

    opened(test)


def test_two_versions_answer_side_by_side_and_the_older_says_when_it_ends() -> None:
    async def test(there: House) -> None:
        old = await there.call("viewer", "GET", "/api/process/v1/suppliers/ALDER/validation")
        new = await there.call("viewer", "GET", "/api/process/v2/suppliers/ALDER/validation")
        assert (body(old), body(new)["verdict"]) == ({"id": "ALDER", "valid": True, "reason": ""}, "valid")
        deprecated = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
        assert old.headers["deprecation"] == f"@{deprecated}"
        assert parsedate_to_datetime(old.headers["sunset"]) == datetime(2027, 6, 30, tzinfo=UTC)
        assert '</api/process/v2/suppliers/{supplier}/validation>; rel="successor-version"' in old.headers["link"]
        assert "deprecation" not in new.headers
        rows = {row["name"]: row for row in body(await there.call("viewer", "GET", "/api/operations"))["operations"]}
        assert rows["validate_supplier"]["calls"] == {"viewer-1": 1}
        assert rows["validate_supplier"]["sunset"] == "2027-06-30"

    opened(test, clock=ManualClock(samples.AT))


def test_a_version_that_has_ended_answers_no_more() -> None:
    async def test(there: House) -> None:
        said = await there.call("viewer", "GET", "/api/process/v1/suppliers/ALDER/validation")
        assert (said.status_code, body(said)["code"]) == (410, "gone")

    opened(test, clock=ManualClock(datetime(2027, 7, 1, tzinfo=UTC)))


# -- mocks, logs, figures


def test_a_mock_says_the_example_and_does_nothing() -> None:
    async def test(there: House) -> None:
        said = await there.call("clerk", "GET", "/api/process/v1/invoices/NONE", params={"mock": "true"})
        assert body(said) == msgspec.json.decode(msgspec.json.encode(samples.INVOICE_STANDING))
        assert said.headers["suture-mock"] == "true"
        taken = await there.call("buyer", "POST", ORDERS, ASKED, params={"mock": "true"})
        assert taken.status_code == 202
        assert not [row for row in there.service.wiring.journal.read(0, 1000) if isinstance(row.event.data, MessageReceived)]

    opened(test)


def test_every_call_leaves_one_line_without_what_people_look_for(caplog: pytest.LogCaptureFixture) -> None:
    async def test(there: House) -> None:
        await there.call("buyer", "GET", f"{ORDERS}/PO-NONE")
        await there.call("viewer", "GET", "/api/process/v1/trace/MRN-4711")
        await there.client.get(ORDERS)

    with caplog.at_level(logging.INFO, logger="suture.gateway.calls"):
        opened(test)
    lines = [record.getMessage() for record in caplog.records if record.name == "suture.gateway.calls"]
    assert len(lines) == 3
    assert "operation=order_status version=1 actor=buyer-1 object=/api/process/v1/orders/PO-NONE status=404" in lines[0]
    assert "actor=viewer-1" in lines[1]
    assert "status=401" in lines[2]
    assert "MRN-4711" not in "".join(lines)


def test_calls_are_counted_by_operation_consumer_and_status() -> None:
    async def test(there: House) -> None:
        await there.call("buyer", "GET", ORDERS)
        text = there.gateway.usage.exposition()
        line = 'suture_gateway_calls_total{operation="list_orders",version="1",consumer="buyer-1",status="200"} 1'
        assert line in text
        assert 'suture_gateway_seconds_count{operation="list_orders"} 1' in text

    opened(test)


def test_attributes_narrow_what_is_seen() -> None:
    async def test(there: House) -> None:
        await there.buy(1, upto=1)
        there.believing.callers["lake"] = caller("buyer", subject="lake-1", entities=("LAKE",))
        assert (await there.call("lake", "GET", f"{ORDERS}/PO-R-1")).status_code == 404
        assert body(await there.call("lake", "GET", ORDERS)) == {"items": []}
        refused = await there.call("lake", "POST", ORDERS, structs.replace(ASKED, requester="lake-1"))
        assert (refused.status_code, body(refused)["code"]) == (403, "forbidden")

    opened(test)
