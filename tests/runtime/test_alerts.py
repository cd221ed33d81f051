"""Alerts through real doors: an outage with 500 stuck documents is one mail and one webhook, however often anything is tried."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.message import Message as Letter
from email.parser import BytesParser
from email.policy import default
from typing import Any

import msgspec
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from suture.model import Decision, MessageReceived, Ref
from suture.runtime.alerts import Alerting, Message, doors, incidents_of
from suture.runtime.command import NoSuchThing, command
from suture.runtime.network import Alert
from suture.sandbox.still import Still
from suture.transports.http_server import serve
from suture.transports.signatures import verify
from tests.runtime.house import NOON, Peer, arrival, facts, house, order
from tests.runtime.loopback import free_port

SECRET = "whsec_c3V0dXJlLXRlc3Qta2V5LW9mLTMyLWJ5dGVzIS4="
OUTAGE = "counterpart/peer"


class Sink:
    """What a mail relay has taken (aiosmtpd's handler)."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.refuses = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuses:
            return "451 come again"
        self.letters.append(BytesParser(policy=default).parsebytes(envelope.content))
        return "250 taken"


@pytest.fixture
def relay() -> Iterator[tuple[str, Sink]]:
    """A real SMTP server on this machine."""
    controller = pytest.importorskip("aiosmtpd.controller", reason="aiosmtpd is not installed")
    sink = Sink()
    server = controller.Controller(sink, hostname="127.0.0.1", port=free_port())
    server.start()
    yield f"smtp://127.0.0.1:{server.port}", sink
    server.stop()


async def directly(step: Callable[[], Any]) -> Any:
    """The river's thread is this one."""
    return step()


def alerting(still: Still, *alerts: Alert) -> Alerting:
    still.wiring.network = msgspec.structs.replace(still.wiring.network, alerts=alerts)
    return Alerting(still.wiring, doors(alerts, still.clock), still.clock, directly)


def outage(documents: int) -> Still:
    """A counterpart that is down while so many documents are owed to it."""
    still, _ = house(peer=Peer(["down"] * 100_000))
    for number in range(0, documents, 50):
        still.accept(arrival(*(order(f"PO-{each}") for each in range(number, min(number + 50, documents)))))
    still.until(NOON + timedelta(hours=2))
    return still


def mail(address: str, **more: Any) -> Alert:
    return Alert(name="duty", mail=address, sender="suture@hospital.example", to=("duty@hospital.example",), **more)


def test_an_outage_with_500_stuck_documents_is_one_mail(relay: tuple[str, Sink]) -> None:
    address, sink = relay
    still = outage(500)
    assert len(still.wiring.journal.open_deliveries(limit=1000)) == 500
    alerts = alerting(still, mail(address))
    for _ in range(5):
        asyncio.run(alerts.once())
    [letter] = sink.letters
    assert letter["Subject"] == "[small] peer out of reach"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert "PO-" not in str(letter), "no message holds a document"
    assert list(incidents_of(still.wiring)) == [OUTAGE], "late deliveries belong to the outage"


def test_its_end_is_told_in_the_same_thread(relay: tuple[str, Sink]) -> None:
    address, sink = relay
    still = outage(3)
    alerts = alerting(still, mail(address))
    asyncio.run(alerts.once())
    still.links = {"peer": Peer().handle}
    still.until(NOON + timedelta(hours=12))
    asyncio.run(alerts.once())
    opened, over = sink.letters
    assert over["Subject"] == "[small] over: peer out of reach"
    assert over["References"] == opened["References"] != over["Message-ID"]
    asyncio.run(alerts.once())
    assert len(sink.letters) == 2


def test_a_relay_that_is_away_is_tried_again_and_told_once(relay: tuple[str, Sink]) -> None:
    address, sink = relay
    alerts = alerting(outage(3), mail(address))
    sink.refuses = True
    assert [asyncio.run(alerts.once()) for _ in range(3)] == [0, 0, 0]
    sink.refuses = False
    assert [asyncio.run(alerts.once()) for _ in range(3)] == [1, 0, 0]
    assert len(sink.letters) == 1


def test_a_restart_tells_nothing_again(relay: tuple[str, Sink]) -> None:
    address, sink = relay
    still = outage(3)
    asyncio.run(alerting(still, mail(address)).once())
    asyncio.run(alerting(still, mail(address)).once())
    assert len(sink.letters) == 1


def test_what_nobody_acknowledges_is_escalated(relay: tuple[str, Sink]) -> None:
    address, sink = relay
    still = outage(3)
    chief = Alert(name="chief", mail=address, sender="suture@hospital.example", to=("chief@hospital.example",), at_opening=False)
    alerts = alerting(still, mail(address, escalates_to="chief", escalates_after_s=3 * 3600), chief)
    asyncio.run(alerts.once())
    still.clock.move_to(NOON + timedelta(hours=6))
    asyncio.run(alerts.once())
    assert [letter["To"] for letter in sink.letters] == ["duty@hospital.example", "chief@hospital.example"]
    assert sink.letters[-1]["Subject"] == "[small] nobody has acknowledged: peer out of reach"


def test_who_acknowledges_is_journaled_and_ends_the_escalation(relay: tuple[str, Sink]) -> None:
    address, sink = relay
    still = outage(3)
    chief = Alert(name="chief", mail=address, sender="suture@hospital.example", to=("chief@hospital.example",), at_opening=False)
    alerts = alerting(still, mail(address, escalates_to="chief", escalates_after_s=3 * 3600), chief)
    asyncio.run(alerts.once())
    acknowledge(still, OUTAGE)
    still.clock.move_to(NOON + timedelta(hours=6))
    asyncio.run(alerts.once())
    assert len(sink.letters) == 1
    assert [(made.actor, made.verb) for made in facts(still, Decision)] == [("Nia Osei", "acknowledge")]
    with pytest.raises(ValueError, match="no incident"):
        acknowledge(still, "counterpart/nobody")
    with pytest.raises(NoSuchThing):
        acknowledge(still, "x", type="Weather")


def acknowledge(still: Still, key: str, type: str = "Incident") -> str:
    now = still.clock.now()
    subject = Ref(type, key)
    decision = Decision(
        id=f"ack {key}", subject=subject, verb="acknowledge", actor="Nia Osei", at=now, reason="on it", position=10**6
    )
    return command(still.wiring, decision, now)


def test_a_promise_that_is_about_to_be_missed_is_told_before_it_is(relay: tuple[str, Sink]) -> None:
    address, sink = relay
    still, _ = house()
    still.delivering.paused = {"peer"}
    still.accept(arrival(*(order(f"PO-{number}") for number in range(20))))
    still.settle()
    alerts = alerting(still, mail(address))
    still.clock.move_to(NOON + timedelta(minutes=40))
    asyncio.run(alerts.once())
    assert not sink.letters
    still.clock.move_to(NOON + timedelta(minutes=50))
    asyncio.run(alerts.once())
    [letter] = sink.letters
    assert letter["Subject"] == "[small] OrderStatus service level"
    still.delivering.paused = set()
    still.settle()
    still.clock.move_to(NOON + timedelta(minutes=52))
    asyncio.run(alerts.once())
    assert sink.letters[-1]["Subject"] == "[small] over: OrderStatus service level"


def test_a_webhook_is_signed_and_a_repeat_has_the_same_id() -> None:
    asyncio.run(webhook())


async def webhook() -> None:
    taken: list[tuple[str, Message]] = []
    still = outage(3)

    async def take(request: Request) -> Response:
        body = await request.body()
        id = verify(dict(request.headers), body, [SECRET], still.clock.now())
        taken.append((id, msgspec.json.decode(body, type=Message)))
        return Response(status_code=503 if len(taken) == 1 else 204)

    server = await serve(Starlette(routes=[Route("/hook", take, methods=["POST"])]))
    try:
        alert = Alert(name="pager", webhook=f"http://127.0.0.1:{server.port}/hook", secret="env:SUTURE_TEST_PAGER")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SUTURE_TEST_PAGER", SECRET)
            alerts = alerting(still, alert)
        assert [await alerts.once() for _ in range(3)] == [0, 1, 0]
        (first, _), (second, message) = taken
        assert first == second == message.id
        await alerts.close()
        assert (message.incident, message.what, message.reason, message.count) == (OUTAGE, "opened", "out_of_reach", 1)
    finally:
        await server.stop()


def test_an_old_journal_is_read_before_anybody_is_told(relay: tuple[str, Sink], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("suture.runtime.alerts.BATCH", 5)
    address, sink = relay
    still = outage(30)
    still.links = {"peer": Peer().handle}
    still.until(NOON + timedelta(hours=12))
    alerts = alerting(still, mail(address))
    for _ in range(200):
        asyncio.run(alerts.once())
    assert facts(still, MessageReceived)
    assert not sink.letters, "what is over before anybody looked is not told"
