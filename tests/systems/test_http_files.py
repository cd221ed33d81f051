"""Suppliers and banks over HTTP: what an answer to a posted file means, and an archive that reading does not empty."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from suture.formats import Profile, Stamp
from suture.formats.x12 import FORMAT as X12
from suture.model import (
    Acknowledgement,
    BankAccount,
    Money,
    OrderLine,
    PaymentInstruction,
    Price,
    PurchaseOrder,
    Quantity,
)
from suture.runtime.drive import ask, drive_at_once
from suture.systems import Again, Awaiting, Call, Done, Outcome, Refused, Unsure
from suture.systems import bank_iso20022_http as bank
from suture.systems import supplier_x12_http as supplier
from suture.transports import Http, HttpReply, NoReply, Reply, Request

STAMP = Stamp(number=7, at="2026-11-21T09:30:00+00:00")
US = Profile(us="ACME", partner="MOCKEDI", options={"item_qualifier": "VP"})
ACCOUNTS = Profile(us="ACME", partner="BANK", options={"debtor_account": "NL41MOCK0000000001", "debtor_routing": "MOCKNL2A"})
ORDER = PurchaseOrder(
    id="PO-1",
    requisition="R-1",
    entity="ACME",
    facility="H1",
    ship_to="H1-DOCK",
    supplier="MOCKEDI",
    currency="USD",
    ordered_at=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    lines=(
        OrderLine(
            number=1,
            item="WIDGET-001",
            quantity=Quantity(Decimal(100), "EA"),
            price=Price(Decimal("12.50"), "USD", Quantity(Decimal(1), "EA")),
            cost_center="CC-OR",
        ),
    ),
)
PAYMENT = PaymentInstruction(
    id="PAY-1",
    entity="ACME",
    supplier="MOCKEDI",
    creditor=BankAccount("Mock EDI Supply Co", "GB29NWBK60161331926819", "NWBKGB2L"),
    amount=Money(Decimal("1250.00"), "USD"),
    execute_on=date(2026, 11, 21),
    invoices=("MOCKEDI:INV-1",),
)


def call(profile: Profile, body: bytes = b"", **options: str) -> Call:
    return Call(key="D-1", stamp=STAMP, profile=profile, options=options, body=body)


def answering(status: int, told: list[Http] | None = None) -> Callable[[Request], Reply]:
    def perform(request: Request) -> Reply:
        assert isinstance(request, Http)
        if told is not None:
            told.append(request)
        return HttpReply(status=status)

    return perform


AWAITED = Awaiting(reference="7", within_s=supplier.WITHIN_S)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, AWAITED),
        (202, AWAITED),
        (422, AWAITED),
        (429, Again(reason="HTTP 429", after_s=1.0)),
        (401, Again(reason="HTTP 401: address or credentials are wrong")),
        (413, Refused(reason="HTTP 413: no reason given")),
        (500, Unsure(reason="HTTP 500")),
    ],
)
def test_what_the_answer_to_a_posted_interchange_means(status: int, expected: Outcome) -> None:
    operation = supplier.SYSTEM.accepts[PurchaseOrder]
    assert drive_at_once(operation.send(ORDER, call(US)), answering(status)) == expected


def test_a_doubtful_interchange_goes_again_byte_for_byte() -> None:
    operation, told = supplier.SYSTEM.accepts[PurchaseOrder], list[Http]()
    for _ in range(2):
        drive_at_once(operation.send(ORDER, call(US)), answering(200, told))
    assert operation.outcome == "key"
    assert told[0] == told[1]
    assert (told[0].path, told[0].body[:3]) == ("/edi", b"ISA")


def test_a_supplier_that_has_seen_the_control_number_refuses_nothing() -> None:
    """Two lost answers to one order: the supplier took it (997), then says of the repeat that it knows the number (TA1 025)."""
    ta1 = (
        b"ISA*00*          *00*          *ZZ*MOCKEDI        *ZZ*ACME           *261121*0406*U*00401*000000007*0*T*>~\n"
        b"TA1*000000002*261121*0400*R*025~\nIEA*0*000000007~\n"
    )
    assert X12.read(ta1, US).documents == ()
    refusal = X12.read(ta1.replace(b"*025~", b"*006~"), US)
    assert [getattr(document, "accepted", None) for document in refusal.documents] == [False]


def test_an_order_that_x12_cannot_say_is_refused_before_it_is_sent() -> None:
    long = PurchaseOrder(**{name: getattr(ORDER, name) for name in ORDER.__struct_fields__} | {"id": "P" * 60})
    outcome = drive_at_once(supplier.SYSTEM.accepts[PurchaseOrder].send(long, call(US)), answering(200))
    assert isinstance(outcome, Refused)


def test_an_acknowledgement_is_handed_over_as_it_was_written() -> None:
    word = Acknowledgement(id="m", blob="b", format="x12", outcome="accepted")
    told: list[Http] = []
    outcome = drive_at_once(
        supplier.SYSTEM.accepts[Acknowledgement].send(word, call(US, b"ISA*997", post="/in")), answering(200, told)
    )
    assert outcome == Done(reference="7")
    assert (told[0].path, told[0].body) == ("/in", b"ISA*997")


def test_a_payment_file_is_posted_once_and_its_report_awaited() -> None:
    operation, told = bank.SYSTEM.accepts[PaymentInstruction], list[Http]()
    awaited = Awaiting(reference="PAY-1", within_s=bank.WITHIN_S)
    assert drive_at_once(operation.send(PAYMENT, call(ACCOUNTS)), answering(202, told)) == awaited
    assert operation.outcome == "statement"
    assert operation.probe is not None
    assert drive_at_once(operation.probe(PAYMENT, call(ACCOUNTS)), answering(500, told)) == awaited
    assert [request.path for request in told] == ["/payments"]


# -- archives


class Shelf:
    """An archive with so many messages, over a line that may fail at one of them."""

    def __init__(self, *bodies: bytes, fails_at: int = 0) -> None:
        self.bodies, self.fails_at, self.asked = bodies, fails_at, list[str]()

    async def perform(self, request: Request) -> Reply:
        assert isinstance(request, Http)
        self.asked.append(request.path)
        number = int(request.path.rpartition("/")[2])
        if number == self.fails_at:
            raise NoReply("lost")
        if number > len(self.bodies):
            return HttpReply(status=404)
        return HttpReply(status=200, body=self.bodies[number - 1])

    async def close(self) -> None: ...


def row(payload: str, direction: str = "out", partner: str = "ACME") -> bytes:
    return json.dumps({"direction": direction, "partner": partner, "payload": payload}).encode()


def polled(shelf: Shelf, cursor: str = "", module: Any = supplier, profile: Profile = US) -> Any:
    (poll,) = module.SYSTEM.polls
    return asyncio.run(ask(poll.ask(cursor, call(profile)), shelf))


def test_the_archive_is_read_on_from_the_cursor_and_gives_what_was_sent_to_us() -> None:
    shelf = Shelf(row("our own", "in"), row("ISA one"), row("not ours", partner="GLOBEX"), row("ISA two"))
    assert polled(shelf) == ((b"ISA one", b"ISA two"), "4")
    assert polled(shelf, "2") == ((b"ISA two",), "4")
    assert polled(shelf, "4") == ((), "4")


def test_a_lost_answer_costs_a_second_reading_and_no_message() -> None:
    bad = Shelf(row("ISA one"), row("ISA two"), row("ISA three"), fails_at=3)
    raws, cursor = polled(bad)
    assert (raws, cursor) == ((b"ISA one", b"ISA two"), "2")
    bad.fails_at = 0
    assert polled(bad, cursor) == ((b"ISA three",), "3")


def test_a_long_archive_is_read_in_parts() -> None:
    shelf = Shelf(*(row(f"ISA {number}") for number in range(200)))
    raws, cursor = polled(shelf)
    assert (len(raws), cursor) == (150, "150")


def test_a_banks_messages_are_read_one_by_one_and_text_is_left_out() -> None:
    shelf = Shelf(b"<?xml version='1.0'?><Document/>", b"ACKNOWLEDGEMENT MB-ACK-000001")
    assert polled(shelf, module=bank, profile=ACCOUNTS) == ((b"<?xml version='1.0'?><Document/>",), "2")
    assert shelf.asked[0] == "/_mock/mailbox/1"
