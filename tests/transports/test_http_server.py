"""The HTTP way in: every outcome has its status, nothing is answered before intake has answered, and limits hold."""

from __future__ import annotations

import asyncio
import gzip
import logging
import socket
import tracemalloc
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from suture.transports import Answer, Arrival, Http, HttpReply, http_server
from suture.transports.http import HttpLink
from suture.transports.http_server import inbound_app, serve
from suture.transports.signatures import sign

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cw=="
OLD = "b2xkIHNlY3JldA=="


def secrets(instance: str, channel: str) -> Sequence[str] | None:
    """The hospital of these tests: one supplier that signs, and two systems on a private network that cannot."""
    return {("acme", "orders"): (SECRET, OLD), ("ehr", "usage"): (), ("ward", "usage"): ()}.get((instance, channel))


class Intake:
    """Answers as told and remembers what it was handed."""

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers) or [Answer(outcome="accepted")]
        self.arrivals: list[Arrival] = []

    async def __call__(self, arrival: Arrival) -> Answer:
        self.arrivals.append(arrival)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


Scenario = Callable[[HttpLink], Awaitable[Any]]


def against(intake: Callable[[Arrival], Awaitable[Answer]], scenario: Scenario, **options: Any) -> Any:
    """Run ``scenario`` against a real server in the same event loop."""

    async def run() -> Any:
        server = await serve(inbound_app(intake, secrets, clock=lambda: NOW, **options))
        link = HttpLink(f"http://127.0.0.1:{server.port}", concurrency=64, timeout_s=5.0)
        try:
            return await scenario(link)
        finally:
            await link.close()
            await server.stop()

    return asyncio.run(run())


def port_of(link: HttpLink) -> int:
    """Where the server listens, for a conversation without the client."""
    return int(link._peer.partition(":")[2])


def asking(request: Http) -> Scenario:
    """The scenario of one request."""
    return lambda link: link.perform(request)


def post(intake: Intake, path: str = "/in/ehr/usage", body: bytes = b"bytes", **headers: str) -> HttpReply:
    """One POST against a fresh server."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    reply = against(intake, asking(Http(method="POST", path=path, body=body, headers=names)))
    assert isinstance(reply, HttpReply)
    return reply


def problem(reply: HttpReply) -> Mapping[str, Any]:
    """The problem document of a reply, checked for the members of RFC 9457."""
    assert reply.headers["content-type"] == "application/problem+json"
    content = reply.json()
    assert content["status"] == reply.status
    assert content["type"].startswith("urn:suture:problem:")
    assert content["title"]
    assert content["detail"].endswith(".")
    return dict(content)


# What intake says is what the partner hears.


def test_accepted_bytes_arrive_whole_and_with_their_address() -> None:
    intake = Intake()
    body = bytes(range(256)) * 40
    reply = post(intake, body=body)
    assert (reply.status, reply.json()) == (202, {"outcome": "accepted"})
    assert "idempotent-replayed" not in reply.headers
    assert intake.arrivals == [Arrival(instance="ehr", channel="usage", raw=body, name="/in/ehr/usage")]


def test_a_repeat_is_answered_like_the_first_time_and_marked() -> None:
    reply = post(Intake(Answer(outcome="accepted", repeated=True)))
    assert (reply.status, reply.headers["idempotent-replayed"]) == (202, "true")


def test_a_refusal_is_a_problem_or_the_formats_own_words() -> None:
    assert problem(post(Intake(Answer(outcome="refused"))))["type"] == "urn:suture:problem:refused"
    reply = post(Intake(Answer(outcome="refused", body=b"<cXML/>", media_type="text/xml")))
    assert (reply.status, reply.body, reply.headers["content-type"]) == (422, b"<cXML/>", "text/xml")


def test_parked_is_taken() -> None:
    reply = post(Intake(Answer(outcome="parked")))
    assert (reply.status, reply.json()) == (202, {"outcome": "parked"})


def test_an_acknowledgement_goes_back_with_its_media_type() -> None:
    reply = post(Intake(Answer(outcome="accepted", body=b"ISA*00*", media_type="application/edi-x12")))
    assert (reply.status, reply.body, reply.headers["content-type"]) == (202, b"ISA*00*", "application/edi-x12")


def test_busy_asks_to_come_again() -> None:
    reply = post(Intake(Answer(outcome="busy")))
    assert problem(reply)["type"] == "urn:suture:problem:busy"
    assert (reply.status, reply.headers["retry-after"]) == (503, "5")


def test_an_empty_body_is_for_intake_to_judge() -> None:
    intake = Intake()
    assert post(intake, body=b"").status == 202
    assert intake.arrivals[0].raw == b""


def test_the_answer_waits_for_the_commit() -> None:
    committed = asyncio.Event()

    async def slow(arrival: Arrival) -> Answer:
        await committed.wait()
        return Answer(outcome="accepted")

    async def scenario(link: HttpLink) -> None:
        waiting = asyncio.create_task(link.perform(Http(method="POST", path="/in/ehr/usage", body=b"x")))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        committed.set()
        assert (await waiting).status == 202

    against(slow, scenario)


# When intake cannot answer, the partner keeps the message.


def test_a_failing_intake_is_a_reason_to_come_again(caplog: pytest.LogCaptureFixture) -> None:
    intake = Intake(RuntimeError("disk full"), Answer(outcome="accepted"))

    async def scenario(link: HttpLink) -> None:
        request = Http(method="POST", path="/in/ehr/usage", body=b"MSH|Jane Roe")
        first = await link.perform(request)
        assert (first.status, first.headers["retry-after"]) == (503, "5")
        assert "disk full" not in problem(first)["detail"]
        assert (await link.perform(request)).status == 202

    with caplog.at_level(logging.WARNING):
        against(intake, scenario)
    assert "intake failed for ehr/usage" in caplog.text
    assert "Jane" not in caplog.text


def test_an_intake_that_hangs_is_a_reason_to_come_again() -> None:
    async def hangs(arrival: Arrival) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    reply = against(hangs, lambda link: link.perform(Http(method="POST", path="/in/ehr/usage", body=b"x")), patience_s=0.1)
    assert reply.status == 503


def test_more_at_once_than_agreed_are_told_to_come_again() -> None:
    gate = asyncio.Event()

    async def held(arrival: Arrival) -> Answer:
        await gate.wait()
        return Answer(outcome="accepted")

    async def scenario(link: HttpLink) -> None:
        request = Http(method="POST", path="/in/ehr/usage", body=b"x")
        held_back = [asyncio.create_task(link.perform(request)) for _ in range(3)]
        await asyncio.sleep(0.2)
        assert (await link.perform(request)).status == 503
        gate.set()
        assert {(await task).status for task in held_back} == {202}
        assert (await link.perform(request)).status == 202

    against(held, scenario, at_once=3)


def test_where_it_is_full_there_is_room_for_those_whose_messages_are_critical() -> None:
    gate = asyncio.Event()

    async def held(arrival: Arrival) -> Answer:
        await gate.wait()
        return Answer(outcome="accepted")

    async def scenario(link: HttpLink) -> None:
        ordinary, critical = (Http(method="POST", path=f"/in/{name}/usage", body=b"x") for name in ("ehr", "ward"))
        held_back = [asyncio.create_task(link.perform(ordinary)) for _ in range(2)]
        await asyncio.sleep(0.1)
        held_back += [asyncio.create_task(link.perform(critical)) for _ in range(2)]
        await asyncio.sleep(0.1)
        full = [await link.perform(request) for request in (ordinary, critical)]
        assert [(reply.status, reply.headers["retry-after"]) for reply in full] == [(503, "5"), (503, "5")]
        gate.set()
        assert {(await task).status for task in held_back} == {202}

    against(held, scenario, at_once=2, critical={"ward"}.__contains__)


def test_messages_that_are_held_take_up_a_bounded_amount_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_HELD_MOST", 2500)
    gate = asyncio.Event()

    async def held(arrival: Arrival) -> Answer:
        await gate.wait()
        return Answer(outcome="accepted")

    async def scenario(link: HttpLink) -> None:
        request = Http(method="POST", path="/in/ehr/usage", body=bytes(1000))
        held_back = [asyncio.create_task(link.perform(request)) for _ in range(2)]
        await asyncio.sleep(0.1)
        full = await link.perform(request)
        assert (full.status, full.headers["retry-after"]) == (503, "5")
        gate.set()
        assert {(await task).status for task in held_back} == {202}
        assert (await link.perform(request)).status == 202, "what was held is given back"

    against(held, scenario, limit=1000)


# Who may come in.


def test_signed_with_the_new_or_the_old_key() -> None:
    for secret in (SECRET, OLD):
        intake = Intake()
        request = Http(method="POST", path="/in/acme/orders", body=b"order", headers=sign("m-1", NOW, b"order", secret))
        reply = against(intake, asking(request))
        assert reply.status == 202
        assert intake.arrivals[0].raw == b"order"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        sign("m-1", NOW, b"another order", SECRET),
        sign("m-1", NOW, b"order", "c3RyYW5nZXI="),
        sign("m-1", NOW - timedelta(minutes=6), b"order", SECRET),
    ],
)
def test_unsigned_tampered_foreign_and_old_messages_never_reach_intake(headers: dict[str, str]) -> None:
    intake = Intake()
    request = Http(method="POST", path="/in/acme/orders", body=b"order", headers=headers)
    reply = against(intake, asking(request))
    assert problem(reply)["type"] == "urn:suture:problem:wrong-signature"
    assert (reply.status, "www-authenticate" in reply.headers, intake.arrivals) == (401, True, [])


@pytest.mark.parametrize("path", ["/in/nobody/orders", "/in/acme/nothing", "/in/acme", "/in/acme/orders/more", "/"])
def test_an_unknown_channel_is_not_found(path: str) -> None:
    intake = Intake()
    assert problem(post(intake, path))["status"] == 404
    assert intake.arrivals == []


def test_other_methods_are_pointed_to_post() -> None:
    reply = against(Intake(), lambda link: link.perform(Http(method="GET", path="/in/ehr/usage")))
    assert problem(reply)["status"] == 405


# Limits.


def test_a_message_of_the_limit_is_taken_and_one_byte_more_is_not() -> None:
    intake = Intake()

    async def scenario(link: HttpLink) -> list[HttpReply]:
        return [await link.perform(Http(method="POST", path="/in/ehr/usage", body=b"x" * size)) for size in (1000, 1001, 5000)]

    replies = against(intake, scenario, limit=1000)
    assert [reply.status for reply in replies] == [202, 413, 413]
    assert problem(replies[1])["type"] == "urn:suture:problem:too-large"
    assert [(len(arrival.raw), arrival.problem) for arrival in intake.arrivals] == [(1000, ""), (1001, "too large")]


def test_of_a_message_over_the_limit_the_beginning_is_kept_if_its_sender_is_known() -> None:
    intake = Intake()
    body = b"an order " * 20_000
    signed = sign("m-1", NOW, body, OLD)
    tampered = sign("m-2", NOW, body[1:], OLD)

    async def scenario(link: HttpLink) -> list[int]:
        requests = [Http(method="POST", path="/in/acme/orders", body=body, headers=headers) for headers in (signed, tampered, {})]
        return [(await link.perform(request)).status for request in requests]

    assert against(intake, scenario, limit=100_000) == [413, 401, 401]
    assert [(arrival.raw, arrival.problem) for arrival in intake.arrivals] == [(body[:65536], "too large")]


def test_what_is_refused_before_intake_is_counted() -> None:
    app = inbound_app(Intake(), secrets, clock=lambda: NOW, limit=1000)

    async def story() -> None:
        server = await serve(app)
        link = HttpLink(f"http://127.0.0.1:{server.port}", timeout_s=5.0)
        for path, size in (("/in/acme/orders", 10), ("/in/acme/orders", 1500), ("/in/acme/orders", 9000), ("/in/no/body", 1)):
            await link.perform(Http(method="POST", path=path, body=b"x" * size))
        await link.close()
        await server.stop()

    asyncio.run(story())
    assert app.state.troubles == {"wrong-signature": 2, "too-large": 1, "unknown-channel": 1}


def test_fifty_megabytes_without_an_announced_length_are_refused_and_not_held() -> None:
    pieces = 0

    async def receive() -> MutableMapping[str, Any]:
        nonlocal pieces
        pieces += 1
        return {"type": "http.request", "body": bytes(1_000_000), "more_body": pieces < 50}

    statuses: list[int] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        statuses.append(message.get("status", 0))

    scope = {"type": "http", "method": "POST", "path": "/in/ehr/usage", "raw_path": b"", "query_string": b"", "headers": []}
    intake = Intake()
    app = inbound_app(intake, secrets, clock=lambda: NOW, limit=4_000_000)
    tracemalloc.start()
    try:
        asyncio.run(app(scope, receive, send))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert statuses[0] == 413
    assert [(len(arrival.raw), arrival.problem) for arrival in intake.arrivals] == [(65536, "too large")]
    assert pieces <= 10
    assert peak < 12_000_000


def test_a_message_that_comes_too_slowly_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "_BODY_S", 0.1)
    intake = Intake()

    async def scenario(link: HttpLink) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(link))
        writer.write(b"POST /in/ehr/usage HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf a mess")
        try:
            return await reader.readline()
        finally:
            writer.close()

    assert against(intake, scenario) == b"HTTP/1.1 408 Request Timeout\r\n"
    assert intake.arrivals == []


def test_a_compressed_message_is_refused_with_a_way_out() -> None:
    intake = Intake()
    reply = post(intake, body=gzip.compress(b"order"), Content_Encoding="gzip")
    assert "without a content encoding" in problem(reply)["detail"]
    assert (reply.status, intake.arrivals) == (415, [])


def test_a_sender_that_leaves_in_the_middle_has_handed_over_nothing() -> None:
    intake = Intake()

    async def scenario(link: HttpLink) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port_of(link))
        writer.write(b"POST /in/ehr/usage HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf a mess")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
        await asyncio.sleep(0.05)
        assert (await link.perform(Http(method="POST", path="/in/ehr/usage", body=b"whole"))).status == 202

    against(intake, scenario)
    assert [arrival.raw for arrival in intake.arrivals] == [b"whole"]


# Health, start and stop.


async def upgrading() -> str:
    return "The journal is being upgraded."


async def figures() -> str:
    return "suture_ready 1\n"


def test_figures_are_told_where_there_are_any() -> None:
    async def scenario(link: HttpLink) -> HttpReply:
        return await link.perform(Http(method="GET", path="/metrics"))

    told = against(Intake(), scenario, metrics=figures)
    assert (told.status, told.body) == (200, b"suture_ready 1\n")
    assert told.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert against(Intake(), scenario).status == 404


def test_live_says_so_and_ready_says_why_not() -> None:
    async def scenario(link: HttpLink) -> list[HttpReply]:
        return [await link.perform(Http(method="GET", path=path)) for path in ("/health/live", "/health/ready")]

    live, ready = against(Intake(), scenario)
    assert (live.status, live.json(), ready.status, ready.json()) == (200, {"status": "live"}, 200, {"status": "ready"})
    live, unready = against(Intake(), scenario, ready=upgrading)
    assert (live.status, unready.status, problem(unready)["detail"]) == (200, 503, "The journal is being upgraded.")


def test_stopping_lets_a_message_under_way_end() -> None:
    async def unhurried(arrival: Arrival) -> Answer:
        await asyncio.sleep(0.3)
        return Answer(outcome="accepted")

    async def run() -> None:
        server = await serve(inbound_app(unhurried, secrets, clock=lambda: NOW))
        link = HttpLink(f"http://127.0.0.1:{server.port}")
        waiting = asyncio.create_task(link.perform(Http(method="POST", path="/in/ehr/usage", body=b"x")))
        await asyncio.sleep(0.1)
        await server.stop()
        assert (await waiting).status == 202
        await link.close()
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", server.port)) != 0

    asyncio.run(run())


def test_a_taken_port_is_an_error_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        asyncio.run(serve(inbound_app(Intake(), secrets, clock=lambda: NOW), port=taken.getsockname()[1]))


def test_an_answer_is_not_held_back_by_delayed_acknowledgements() -> None:
    async def scenario(link: HttpLink) -> float:
        begin = asyncio.get_running_loop().time()
        for _ in range(20):
            await link.perform(Http(method="POST", path="/in/ehr/usage", body=b"x" * 1000))
        return asyncio.get_running_loop().time() - begin

    # Nagle's algorithm against delayed acknowledgements costs 40 ms a message: 0.8 s here, against some 20 ms without.
    assert against(Intake(), scenario) < 0.6


def test_problem_documents_are_json() -> None:
    raw = post(Intake(Answer(outcome="refused"))).body
    assert set(msgspec.json.decode(raw)) == {"type", "title", "status", "detail", "instance"}


@pytest.mark.parametrize("length", ["`47", "4 7", "\u0664\u0667", "9" * 5_000, "-1", ""])
def test_a_length_that_is_none_is_refused(length: str) -> None:
    """Servers see to it, but nobody says which server stands before the application."""
    said: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"x", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    headers = [(b"content-length", length.encode("utf-8"))]
    scope = {"type": "http", "method": "POST", "path": "/in/ehr/usage", "query_string": b"", "headers": headers}
    asyncio.run(inbound_app(Intake(), secrets, clock=lambda: NOW)(scope, receive, send))
    assert said[0]["status"] == 400
