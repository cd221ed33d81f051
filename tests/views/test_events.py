"""What crosses the border: valid CloudEvents of business facts, and nothing of a patient or a bank account."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.journal import Event, Recorded, open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import (
    DOCUMENTS,
    BankAccount,
    Delivered,
    Document,
    Money,
    OrderStatus,
    PaymentInstruction,
    PaymentStatus,
    Quantity,
    Ref,
    Requisition,
    StockMovement,
    Supplier,
    Usage,
)
from suture.views.event_schema import event_schema, event_schema_text
from suture.views.events import CROSSING, EVENT_MAX, MAJOR, CloudEvent, crossing, history, partition_key, written
from tests.day import Day
from tests.model.test_schema import definitions, wrong
from tests.strategies import documents

SCHEMA = event_schema()
ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ACCOUNT = BankAccount(holder="Alder Medical Supply Co", number="3975268217", routing="021000021")


def recorded(document: Document, position: int = 7, **event: Any) -> Recorded:
    return Recorded(position, Event(**{"once": "erp/1#0", "kind": "accepted", "source": "erp", "at": AT, **event}, data=document))


def crossed(document: Document, **event: Any) -> dict[str, Any]:
    """The CloudEvent as a consumer decodes it."""
    found = crossing(recorded(document, **event), "north")
    assert found is not None
    decoded: dict[str, Any] = msgspec.json.decode(written(found))
    return decoded


def status(order: str = "PO-1") -> OrderStatus:
    return OrderStatus(order=order, state="confirmed", at=AT, reason="as Ms Example said on the phone")


def movement(**more: Any) -> StockMovement:
    parts: dict[str, Any] = {"id": "MV-1", "item": "I-1", "place": "P-1", "quantity": Quantity(Decimal(1), "EA"), "at": AT}
    return StockMovement(**{**parts, "reason": "receipt", "cause": "GR-1", **more})


# -- the envelope


def test_an_event_in_full() -> None:
    assert crossed(status(), kind="emitted", source="requisition_to_order", once="9b01/requisition_to_order/REQ-1/0") == {
        "specversion": "1.0",
        "id": "9b01/requisition_to_order/REQ-1/0",
        "source": "/north/requisition_to_order",
        "type": "suture.order_status.emitted.v1",
        "subject": "PurchaseOrder:PO-1",
        "time": "2026-03-02T09:30:00Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:suture:events:1:OrderStatus",
        "partitionkey": "PurchaseOrder:PO-1",
        "sequence": "0000000000000000007",
        "data": {"type": "OrderStatus", "order": "PO-1", "state": "confirmed", "at": "2026-03-02T09:30:00Z"},
    }


@given(st.sampled_from(sorted(CROSSING, key=str)).flatmap(documents), st.integers(1, 2**63 - 1))
@settings(max_examples=80, deadline=None)
def test_whatever_crosses_is_a_valid_cloudevent_of_the_published_shape(document: Document, position: int) -> None:
    found = crossing(recorded(document, position), "north")
    if found is None:
        assert {"Usage", "Encounter"} & {ref.type for ref in document.refs()}
        return
    attributes = msgspec.json.decode(written(found))
    data = attributes.pop("data")
    check(attributes)
    assert wrong(data, definitions(SCHEMA)[attributes["dataschema"].rpartition(":")[2]], SCHEMA) == []
    assert not CROSSING[type(document)] or not set(CROSSING[type(document)]) & set(data)


def check(attributes: dict[str, Any]) -> None:
    """CloudEvents 1.0.2, sections 3 and 3.1: the rules that a JSON event can break."""
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in attributes)
    assert all(isinstance(value, str) and value for value in attributes.values())
    assert attributes["specversion"] == "1.0"
    assert {"id", "source", "type"} <= set(attributes)
    assert re.fullmatch(r"[A-Za-z0-9/._~%!$&'()*+,;=:@-]+", attributes["source"]), "not a URI reference"
    assert re.fullmatch(r"[a-z]+:[A-Za-z0-9:._-]+", attributes["dataschema"]), "not an absolute URI"
    assert datetime.fromisoformat(attributes["time"]).tzinfo is not None


def test_the_cloudevents_sdk_reads_it() -> None:
    formats = pytest.importorskip("cloudevents.core.formats.json", reason="cloudevents is not installed")
    events = pytest.importorskip("cloudevents.core.v1.event", reason="cloudevents is not installed")
    found = crossing(recorded(status()), "north & söuth")
    assert found is not None
    read = formats.JSONFormat().read(events.CloudEvent, written(found))
    assert (read.get_id(), read.get_type()) == ("erp/1#0", "suture.order_status.accepted.v1")
    assert read.get_source() == "/north%20%26%20s%C3%B6uth/erp"
    assert read.get_data() == {"type": "OrderStatus", "order": "PO-1", "state": "confirmed", "at": "2026-03-02T09:30:00Z"}
    assert read.get_extension("partitionkey") == "PurchaseOrder:PO-1"


def test_sequences_sort_as_positions_do() -> None:
    assert crossed(status(), position=9)["sequence"] < crossed(status(), position=10)["sequence"]


def test_a_document_that_is_too_large_is_named_and_left_behind() -> None:
    lots = tuple(msgspec.structs.replace(line, number=n) for n in range(9000) for line in requisition().lines)
    found = crossed(msgspec.structs.replace(requisition(), lines=lots))
    assert "data" not in found
    assert found["dataref"] == "/north/journal/7"
    assert EVENT_MAX < 2**20


def requisition(**more: Any) -> Requisition:
    line = {"number": 1, "item": "I-1", "supplier": "S-1", "quantity": {"value": "1", "unit": "EA"}, "cost_center": "C-1"}
    parts = {"id": "R-1", "entity": "E", "facility": "F", "ship_to": "D", "requester": "nurse-1", "requested_at": AT}
    return msgspec.convert({**parts, "lines": [line], **more}, Requisition)


def test_only_what_is_asked_for_crosses() -> None:
    assert crossing(recorded(status()), "north", ["Invoice"]) is None
    assert crossing(recorded(status()), "north", ["OrderStatus"]) is not None


# -- what stays


def test_bank_accounts_and_tax_numbers_stay() -> None:
    payment = PaymentInstruction(
        id="PAY-1",
        entity="E",
        supplier="S-1",
        creditor=ACCOUNT,
        amount=Money(Decimal("12.50"), "USD"),
        execute_on=date(2026, 3, 3),
        invoices=("S-1:7",),
        text="to account 3975268217",
    )
    supplier = Supplier(id="S-1", name="Alder", account=ACCOUNT, tax_id="078-05-1120")
    refused = PaymentStatus(payment="PAY-1", status="rejected", at=AT, code="AC04", reason="account 3975268217 is closed")
    for document in (payment, supplier, refused):
        said = msgspec.json.encode(crossed(document))
        assert b"3975268217" not in said
        assert b"021000021" not in said
        assert b"078-05-1120" not in said
    assert crossed(payment)["data"]["amount"] == {"amount": "12.50", "currency": "USD"}
    assert crossed(refused)["data"]["code"] == "AC04"
    assert "BankAccount" not in SCHEMA["$defs"]


def test_what_is_about_a_patient_stays() -> None:
    usage = Usage(
        id="USE-1",
        kind="used",
        item="I-1",
        quantity=Quantity(Decimal(1), "EA"),
        place="P-1",
        used_at=AT,
        encounter="PF5",
        patient="P0A",
    )
    fate = Delivered(
        delivery="d/1",
        role="erp",
        instance="erp",
        document=Ref("Posting", "CP-USE-1"),
        outcome="done",
        at=AT,
        causes=(Ref("Usage", "USE-1", "cause"),),
    )
    for document in (usage, fate, movement(id="MV-USE-1", reason="usage", cause="USE-1")):
        assert crossing(recorded(document), "north") is None
    assert crossed(movement())["partitionkey"] == "Stock:I-1@P-1"


def test_a_requisition_that_a_usage_led_to_crosses_without_saying_so() -> None:
    found = crossed(requisition(origin="replenishment", cause="USE-1"))
    assert "USE-1" not in str(found)
    assert found["data"]["origin"] == "replenishment"


def test_a_new_type_of_document_stays_until_somebody_lets_it_go() -> None:
    staying = {kind.__name__ for kind in set(DOCUMENTS.values()) - set(CROSSING)}
    assert {"Usage", "Person", "Policy", "Crosswalk", "Case", "CaseResolved", "Decision", "MessageReceived", "Parked"} <= staying


def test_no_account_and_no_pseudonym_of_a_whole_day_crosses(day: Day) -> None:
    stayed, crossed = told(day)
    secrets = {number for document in stayed for number in secrets_of(document)}
    assert len(secrets) > 20, "a day without secrets proves nothing"
    text = b"\n".join(map(written, crossed)).decode()
    assert not {number for number in secrets if number in text}
    assert {event.type.split(".")[1] for event in crossed} >= {"purchase_order", "invoice", "payment_instruction", "remittance"}


def told(day: Day) -> tuple[list[Document], list[CloudEvent]]:
    journal = open_journal(str(day.folder / "suture.db"), load_or_create_key(day.folder / "blobs.key"))
    try:
        rows = list(history(journal))
    finally:
        journal.close()
    events = (crossing(row, "north") for row in rows)
    return [row.event.data for row in rows], [event for event in events if event is not None]


def secrets_of(document: Document) -> Iterator[str]:
    match document:
        case Usage():
            yield from (document.id, document.patient, document.encounter)
        case PaymentInstruction(creditor=account) | Supplier(account=BankAccount() as account):
            yield account.number


# -- keys and shape


def test_everything_about_an_order_has_one_key(day: Day) -> None:
    keys: dict[str, set[str]] = {}
    for event in told(day)[1]:
        for name in ("order_status", "goods_receipt", "purchase_order", "order_acknowledgement"):
            if f".{name}." in event.type:
                keys.setdefault(event.partitionkey, set()).add(name)
    assert all(key.startswith("PurchaseOrder:") for key in keys)
    assert any(len(names) == 4 for names in keys.values())


@given(st.sampled_from(sorted(CROSSING, key=str)).flatmap(documents))
@settings(max_examples=40, deadline=None)
def test_every_document_has_a_key(document: Document) -> None:
    assert re.fullmatch(r"[^:]+:.+", partition_key(document), re.DOTALL)


def test_the_published_schema_is_current() -> None:
    assert (ROOT / f"docs/schema/events-{MAJOR}.json").read_text("utf-8") == event_schema_text(), "run `make docs`"
