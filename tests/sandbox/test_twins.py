"""The twins have the traps of the real ones: they refuse, double, ignore and count as those do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from msgspec import structs

from suture.formats import Profile, Stamp, Verdict
from suture.formats.hl7v2 import FORMAT as HL7
from suture.formats.iso20022 import FORMAT as ISO20022
from suture.formats.x12 import FORMAT as X12
from suture.model import (
    BankAccount,
    Document,
    FunctionalAcknowledgement,
    GoodsReceipt,
    Money,
    OrderAcknowledgement,
    OrderChange,
    OrderLine,
    PaymentInstruction,
    PaymentStatus,
    Posting,
    PostingLine,
    Price,
    PurchaseOrder,
    Quantity,
    ReceivedLine,
    Usage,
)
from suture.runtime.drive import drive_at_once
from suture.sandbox.group import invent
from suture.sandbox.stage import Stage
from suture.sandbox.twins.bank import BankTwin
from suture.sandbox.twins.ehr import EhrTwin
from suture.sandbox.twins.erp import ErpTwin
from suture.sandbox.twins.twin import Agenda, Outgoing
from suture.systems import Call, Done, Outcome, Refused
from suture.systems.erp_rest import SYSTEM as ERP
from suture.transports import Http, Reply, Request

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
OURS = Profile(options={"debtor_name": "Alpine Care Trust", "debtor_account": "CH9300762011623852957"})


def boxes(value: int) -> Quantity:
    return Quantity(Decimal(value), "BX")


def line(number: int, count: int, price: str = "8.50", item: str = "A70001") -> OrderLine:
    unit = Price(Decimal(price), "USD", boxes(1))
    return OrderLine(number=number, item=item, quantity=boxes(count), price=unit, cost_center="CC-NSH-OR")


ORDER = PurchaseOrder(
    id="PO-1",
    requisition="REQ-1",
    entity="NORTH",
    facility="NSH",
    supplier="ALDER",
    ship_to="NSH-DOCK",
    currency="USD",
    ordered_at=NOW,
    lines=(line(1, 4), line(2, 10, "1.00")),
)


# -- the ERP


def erp(*vendors: str) -> ErpTwin:
    return ErpTwin("erp-north", Agenda(NOW), set(vendors))


def brought(twin: ErpTwin, document: Any, key: str = "") -> Outcome:
    """What the ERP says to a document that our connector brings; each with a key of its own, unless told otherwise."""
    call = Call(key=key or f"key/{document.id}", id=document.id, stamp=Stamp(number=1, at=NOW.isoformat()), profile=Profile())

    def perform(request: Request) -> Reply:
        assert isinstance(request, Http)
        return twin.handle(request)

    return drive_at_once(ERP.accepts[type(document)].send(document, call), perform)


def receipt(id: str, count: int, *, number: int = 1, reverses: str = "") -> GoodsReceipt:
    lines = (ReceivedLine(line=number, item="A70001", quantity=boxes(count)),)
    return GoodsReceipt(id=id, order="PO-1", place="NSH-DOCK", received_at=NOW, lines=lines, reverses=reverses)


def changed(version: int, *lines: OrderLine) -> OrderChange:
    return OrderChange(order="PO-1", version=version, supplier="ALDER", at=NOW, lines=lines)


def posting(*amounts: str) -> Posting:
    lines = tuple(
        PostingLine(account="140000", cost_center="CC-NSH-OR", amount=Money(Decimal(amount), "USD")) for amount in amounts
    )
    return Posting(id="JE-1", entity="NORTH", facility="NSH", kind="usage", at=NOW, cause="USE-1", lines=lines)


def test_an_erp_refuses_a_vendor_that_it_does_not_know() -> None:
    twin = erp("BIRCH")
    said = brought(twin, ORDER)
    assert isinstance(said, Refused)
    assert "vendor ALDER is not extended" in said.reason
    assert not twin.orders


def test_an_erp_refuses_a_receipt_for_an_order_that_it_does_not_have() -> None:
    assert isinstance(brought(erp("ALDER"), receipt("GR-1", 1)), Refused)


@pytest.mark.parametrize(("amounts", "taken"), [(("10.00", "-10.00"), True), (("10.00", "-9.99"), False), (("10.00",), False)])
def test_an_erp_takes_balanced_entries_only(amounts: tuple[str, ...], taken: bool) -> None:
    twin = erp()
    assert isinstance(brought(twin, posting(*amounts)), Done if taken else Refused)
    assert len(twin.entries) == taken


def test_an_erp_gives_one_number_per_key_to_orders_but_books_each_receipt_that_comes() -> None:
    """The trap: whoever posts a receipt again without looking has doubled it."""
    twin = erp("ALDER")
    assert brought(twin, ORDER) == brought(twin, ORDER) == Done(reference="4500000001")
    assert len(twin.orders) == 1
    first, second = brought(twin, receipt("GR-1", 4)), brought(twin, receipt("GR-1", 4))
    assert first != second
    assert [booked.reference for booked in twin.receipts] == ["GR-1", "GR-1"]
    found = twin.handle(Http(method="GET", path="/api/goods-receipts?externalRef=GR-1"))
    assert len(found.json()["items"]) == 2


def test_a_key_with_another_document_gets_the_reply_to_the_first_and_is_told() -> None:
    """The trap: the second document is never taken, and whoever sent it believes that it was."""
    twin = erp("ALDER")
    said = brought(twin, ORDER, "k")
    assert brought(twin, structs.replace(ORDER, ordered_at=NOW + timedelta(hours=1)), "k") == said
    assert twin.reused == [], "said again an hour later it is the same"
    assert brought(twin, structs.replace(ORDER, id="PO-2"), "k") == said
    assert (len(twin.orders), twin.reused) == (1, ["k"])


def test_what_is_committed_is_ordered_less_received_and_never_less_than_nothing() -> None:
    twin = erp("ALDER")
    brought(twin, ORDER)
    steps: list[tuple[Any, str]] = [
        (None, "44.00"),  # 4 × 8.50 + 10 × 1.00
        (receipt("GR-1", 3), "18.50"),
        (receipt("GR-2", 12, number=2), "8.50"),  # two too many commit nothing
        (receipt("GR-1-R", 3, reverses="GR-1"), "34.00"),
        (changed(1, line(1, 2, "9.00")), "18.00"),
        (structs.replace(changed(2), kind="cancel"), "0"),
    ]
    for document, committed in steps:
        assert document is None or isinstance(brought(twin, document), Done)
        assert twin.commitment("PO-1") == Decimal(committed)
    assert twin.commitment("PO-unknown") == 0


def test_a_rest_twin_that_is_down_says_when_to_come_again() -> None:
    twin = erp("ALDER")
    twin.down = True
    assert twin.handle(Http(method="GET", path="/api/goods-receipts")).headers["retry-after"] == "60"
    twin.down = False
    assert twin.handle(Http(method="GET", path="/nowhere")).status == 404
    assert twin.handle(Http(method="POST", path="/api/payments", body=b"[]")).status == 400


# -- suppliers


def said(twin: Any) -> list[Document]:
    """What lies in a file twin's outbox, read as Suture reads it."""
    reads = ISO20022.read if isinstance(twin, BankTwin) else X12.read
    return [document for message in twin.outbox for document in reads(message.raw, twin.profile).documents]


def interchange(number: int, document: Document) -> bytes:
    assert X12.write is not None
    return X12.write(document, Profile(us="SUTURE", partner="ALDER"), Stamp(number=number, at=NOW.isoformat()))


def test_a_supplier_acknowledges_an_interchange_once_and_ignores_its_repeat() -> None:
    twin = Stage(invent(1), 1).suppliers["ALDER"]
    for raw in (interchange(7, ORDER), interchange(7, ORDER), interchange(8, structs.replace(ORDER, id="PO-2"))):
        twin.receive(raw, NOW)
    assert [order.id for order in twin.orders] == ["PO-1", "PO-2"]
    assert twin.repeats == 1
    words = [word for word in said(twin) if isinstance(word, FunctionalAcknowledgement)]
    assert [(word.reference, word.accepted) for word in words] == [("7", True), ("8", True)]


def test_a_supplier_does_not_answer_an_acknowledgement() -> None:
    twin = Stage(invent(1), 1).suppliers["ALDER"]
    assert X12.acknowledge is not None
    verdict = Verdict(outcome="accepted", stamp=Stamp(number=1, at=NOW.isoformat()))
    reading = X12.read(interchange(7, ORDER), twin.profile)
    twin.receive(X12.acknowledge(reading, verdict, Profile(us="SUTURE", partner="ALDER")) or b"", NOW)
    assert not twin.outbox


def test_a_supplier_confirms_ships_and_bills_what_was_ordered_from_it() -> None:
    stage = Stage(invent(1), 1)
    twin, item = stage.suppliers["ALDER"], stage.book.outbound("supplier-alder", "item", _item_of(stage, "ALDER")) or ""
    twin.receive(interchange(7, structs.replace(ORDER, lines=(line(1, 4, item=item),))), NOW)
    for hours in range(6 * 24):
        stage.agenda.run(NOW + timedelta(hours=hours))
    kinds = [type(document).__name__ for document in said(twin)]
    assert kinds[:2] == ["FunctionalAcknowledgement", "OrderAcknowledgement"]
    (confirmed,) = {document.order for document in said(twin) if isinstance(document, OrderAcknowledgement)}
    assert confirmed == "PO-1"
    arrived = [receipt for inventory in stage.inventories.values() for receipt in inventory.receipts]
    assert {receipt.order for receipt in arrived} == {"PO-1"}
    assert {line.order for invoice in twin.invoices for line in invoice.lines} == {"PO-1"}


def _item_of(stage: Stage, supplier: str) -> str:
    return next(item for item, sold_by in stage.group.supplier_of.items() if sold_by == supplier)


# -- the bank

PAYMENT = PaymentInstruction(
    id="PAY-1",
    entity="NORTH",
    supplier="ALDER",
    creditor=BankAccount("Alder Medical Supply Co", "DE89370400440532013000"),
    amount=Money(Decimal("34.00"), "EUR"),
    execute_on=date(2026, 3, 4),
    invoices=("ALDER:INV-1",),
)


def bank(**rates: float) -> BankTwin:
    twin = BankTwin("bank", Agenda(NOW), Random(1), Profile(us="BANK", partner="SUTURE"))
    twin.repeat_rate = 0.0
    twin.reject_rate, twin.return_rate = rates.get("reject", 0.0), rates.get("back", 0.0)
    return twin


def pain001() -> bytes:
    assert ISO20022.write is not None
    return ISO20022.write(PAYMENT, OURS, Stamp(number=1, at=NOW.isoformat()))


@pytest.mark.parametrize(
    ("rates", "told"),
    [({}, ["accepted", "settled"]), ({"reject": 1.0}, ["rejected"]), ({"back": 1.0}, ["accepted", "settled", "returned"])],
    ids=["paid", "rejected", "returned"],
)
def test_a_bank_pays_a_file_once_and_tells_what_became_of_it(rates: dict[str, float], told: list[str]) -> None:
    twin = bank(**rates)
    twin.receive(pain001(), NOW)
    twin.receive(pain001(), NOW)
    for hours in (1, 20, 90):
        twin.agenda.run(NOW + timedelta(hours=hours))
    assert (len(twin.payments), twin.duplicates) == (1, 1)
    first, *statuses = said(twin)
    assert isinstance(first, FunctionalAcknowledgement)
    assert [status.status for status in statuses if isinstance(status, PaymentStatus)] == told


# -- the EHR


def ehr(seed: int = 1) -> EhrTwin:
    twin = EhrTwin("ehr-main", Agenda(NOW), Random(seed), Profile(us="EHR", partner="SUTURE"))
    twin.repeat_rate = 0.0
    return twin


def usage(number: int, mrn: str) -> Usage:
    return Usage(
        id=f"USE-{number}",
        kind="used",
        item="CDM400061",
        quantity=Quantity(Decimal(1), "EA"),
        place="NSH-CATH",
        used_at=NOW,
        encounter=f"ENC{number:07d}",
        patient=mrn,
        procedure="92928",
        procedure_category="cardiology",
    )


def test_an_ehr_tells_who_the_patient_is_and_knows_each_again() -> None:
    twin = ehr()
    for number, mrn in enumerate(("MRN0000001", "MRN0000002", "MRN0000001"), 1):
        twin.document(usage(number, mrn), NOW)
    assert set(twin.patients) == {"MRN0000001", "MRN0000002"}
    for message, charged in zip(twin.outbox, twin.usages, strict=True):
        told, who = message.raw.decode(), twin.patients[charged.patient]
        assert all(
            part in told for part in (who.mrn, who.family, who.given, f"{who.born:%Y%m%d}", who.street, who.town, who.phone)
        )
        assert HL7.read(message.raw, twin.profile).documents == (charged,)


def test_the_same_chance_invents_the_same_patients() -> None:
    assert ehr(1).patient("MRN0000001") == ehr(1).patient("MRN0000001") != ehr(2).patient("MRN0000001")


# -- what all have


def test_acts_of_one_moment_go_in_the_order_in_which_they_were_planned() -> None:
    agenda, done = Agenda(NOW), list[str]()

    def noting(what: str) -> Callable[[datetime], None]:
        return lambda now: done.append(what)

    for what, hours in (("late", 2), ("first", 1), ("second", 1)):
        agenda.at(NOW + timedelta(hours=hours), noting(what))
    assert agenda.next() == NOW + timedelta(hours=1)
    assert agenda.run(NOW + timedelta(hours=1)) == 2
    assert agenda.run(NOW + timedelta(hours=3)) == 1
    assert done == ["first", "second", "late"]


def test_what_a_twin_was_answered_is_counted() -> None:
    twin = erp()
    twin.say("events", b"{}", "one.json")
    (message,) = twin.outbox
    raw = b'{"sequence":1,"documents":[{}]}'
    assert message == Outgoing(instance="erp-north", channel="events", raw=raw, name="one.json")
    for answer in ("accepted", "refused", ""):
        twin.said(message, answer, NOW)
    assert twin.sent == {"accepted": 1, "refused": 1, "unanswered": 1}
