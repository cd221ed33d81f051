"""Who hears what: the policy decides per event; a partner hears its own and nothing else, of whatever type."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from suture.gateway.access import Access, Caller
from suture.gateway.events.contract import CONTRACTS
from suture.gateway.events.hearing import Hearing
from suture.gateway.events.samples import SAMPLES
from suture.journal import Event, Journal, MemoryJournal, Unit, open_journal
from suture.journal.blobs import load_or_create_key
from suture.model import Document, InvoiceStatus, OrderStatus, Usage
from suture.views.events import CloudEvent
from tests.day import Day

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ACCESS = Access()


def caller(*roles: str, **more: Any) -> Caller:
    return Caller(subject="somebody", roles=roles, **more)


@pytest.fixture
def story() -> Journal:
    """Every sample once, in order of the story: the order of ALDER from the need to the money."""
    journal = MemoryJournal()
    journal.commit(
        [
            Unit(events=[Event(once=f"s/{name}", kind=CONTRACTS[kind].kinds[0], source="s", at=AT, data=document)])
            for kind, document in SAMPLES.items()
            for name in [kind.__name__]
        ]
    )
    return journal


def heard(journal: Journal, who: Caller) -> dict[str, CloudEvent]:
    """What a caller hears, by type of document."""
    hearing = Hearing(journal, "north")
    found = (hearing.heard(row, who, ACCESS) for row in journal.read(0, 100_000))
    return {event.dataschema.rpartition(":")[2]: event for event in found if event is not None}


PARTNERS = {contract.name for contract in CONTRACTS.values() if contract.partners}


def test_an_analyst_hears_everything_and_a_stranger_nothing(story: Journal) -> None:
    assert set(heard(story, caller("analyst"))) == {contract.name for contract in CONTRACTS.values()}
    assert heard(story, caller()) == {}
    assert heard(story, caller("nobody-knows-this-role")) == {}


def test_a_role_hears_what_it_may_read(story: Journal) -> None:
    treasurer = set(heard(story, caller("treasurer")))
    assert {"PaymentInstruction", "PaymentStatus", "Remittance", "Invoice"} <= treasurer
    assert not {"PurchaseOrder", "StockLow", "MatchResult"} & treasurer
    assert "MatchResult" in heard(story, caller("clerk"))


def test_scopes_narrow_what_roles_grant(story: Journal) -> None:
    assert heard(story, caller("analyst", scopes=("kpis.read",))) == {}
    assert set(heard(story, caller("treasurer", scopes=("invoices.read",)))) == {"Invoice", "CreditNote", "InvoiceStatus"}


def test_a_supplier_hears_its_own_order_from_beginning_to_end(story: Journal) -> None:
    mine = heard(story, caller("supplier", supplier="ALDER"))
    assert set(mine) == PARTNERS
    assert {"OrderStatus", "ReceiptPosted", "InvoiceStatus"} <= set(mine), "found through the order and the invoice"


def test_and_nothing_of_another(story: Journal) -> None:
    assert heard(story, caller("supplier", supplier="BIRCH")) == {}
    assert heard(story, caller("supplier")) == {}, "bound to nobody is to hear nothing"


def test_a_supplier_that_may_read_all_events_still_hears_only_its_own(story: Journal) -> None:
    wide = Access(roles={"supplier": ("*",)})
    hearing = Hearing(story, "north")
    who = caller("supplier", supplier="BIRCH")
    assert [row for row in story.read(0, 1000) if hearing.heard(row, who, wide)] == []
    own = caller("supplier", supplier="ALDER")
    found = [event for row in story.read(0, 1000) if (event := hearing.heard(row, own, wide))]
    assert {event.dataschema.rpartition(":")[2] for event in found} == PARTNERS


def test_what_cannot_be_traced_to_anybody_is_for_no_partner(story: Journal) -> None:
    orphan = OrderStatus(order="PO-UNKNOWN", state="confirmed", at=AT)
    story.commit([Unit(events=[Event(once="o", kind="emitted", source="p", at=AT, data=orphan)])])
    hearing = Hearing(story, "north")
    (row,) = story.by_once(["o"]).values()
    assert hearing.heard(row, caller("analyst"), ACCESS) is not None
    assert hearing.heard(row, caller("supplier", supplier="ALDER"), ACCESS) is None
    assert hearing.heard(row, caller("analyst", entities=("E-1",)), ACCESS) is None


def test_entities_and_facilities_narrow(story: Journal) -> None:
    inside = heard(story, caller("analyst", entities=("E-1",), facilities=("NORTH",)))
    assert {"PurchaseOrder", "OrderStatus", "InvoiceStatus", "ReceiptPosted"} <= set(inside)
    outside = heard(story, caller("analyst", entities=("E-2",)))
    assert not {"PurchaseOrder", "OrderStatus", "Invoice", "InvoiceStatus", "PaymentInstruction", "ReceiptPosted"} & set(outside)
    assert {"Item", "Supplier"} <= set(outside), "what names no entity belongs to the group"


def test_a_patient_and_a_bank_account_are_for_nobody(story: Journal) -> None:
    usage = Usage(
        id="U-1",
        kind="used",
        item="I-1",
        quantity=msgspec.structs.replace(_boxes(), value=_boxes().value),
        place="NORTH-OR",
        used_at=AT,
        encounter="ENC-1",
        patient="P0123456789ABCDEF0123",
    )
    story.commit([Unit(events=[Event(once="u", kind="accepted", source="ehr", at=AT, data=usage)])])
    everything = Access(roles={"auditor": ("*",)})
    hearing = Hearing(story, "north")
    found = [event for row in story.read(0, 1000) if (event := hearing.heard(row, caller("auditor"), everything))]
    assert "Usage" not in {event.dataschema.rpartition(":")[2] for event in found}
    assert b"0000000000" not in b"".join(bytes(event.data) for event in found)


def _boxes() -> Any:
    movement: Any = next(document for document in SAMPLES.values() if type(document).__name__ == "StockMovement")
    return movement.quantity


def test_an_unregistered_kind_is_not_heard(story: Journal) -> None:
    said = InvoiceStatus(invoice="ALDER:INV-7", state="paid", at=AT)
    story.commit([Unit(events=[Event(once="odd", kind="commanded", source="p", at=AT, data=said)])])
    (row,) = story.by_once(["odd"]).values()
    assert Hearing(story, "north").heard(row, caller("analyst"), ACCESS) is None


@pytest.fixture(scope="module")
def kept(day: Day) -> Iterator[Journal]:
    journal = open_journal(str(day.folder / "suture.db"), load_or_create_key(day.folder / "blobs.key"))
    yield journal
    journal.close()


def test_over_a_whole_day_no_supplier_hears_another(kept: Journal) -> None:
    hearing = Hearing(kept, "north")
    rows = kept.read(0, 1_000_000)
    suppliers = sorted({row.event.data.supplier for row in rows if type(row.event.data).__name__ == "PurchaseOrder"})  # type: ignore[attr-defined]  # orders have one
    orders = {row.event.data.id: row.event.data.supplier for row in rows if type(row.event.data).__name__ == "PurchaseOrder"}  # type: ignore[attr-defined]  # the same
    assert len(suppliers) > 1
    for supplier in suppliers:
        mine = [row.event.data for row in rows if hearing.heard(row, caller("supplier", supplier=supplier), ACCESS)]
        assert mine
        assert {_whose(document, orders) for document in mine} == {supplier}
    unheard = {
        _whose(row.event.data, orders) for row in rows if hearing.heard(row, caller("supplier", supplier="NOBODY"), ACCESS)
    }
    assert unheard == set()


def _whose(document: Document, orders: dict[str, str]) -> str:
    """Told another way than the code tells it: from the order's number, and from how invoices are numbered."""
    known: Any = document
    match type(document).__name__:
        case "OrderStatus":
            return orders[known.order]
        case "ReceiptPosted":
            return orders[known.receipt.order]
        case "InvoiceStatus":
            return str(known.invoice).partition(":")[0]
        case _:
            return str(known.supplier)
