"""The register: what it lists, in which order, and that a file of another past is not believed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from suture.journal import Event, MemoryJournal, Unit
from suture.model import Document, OrderLine, OrderStatus, Price, PurchaseOrder, Quantity
from suture.views.register import Register

AT = datetime(2026, 3, 2, tzinfo=UTC)
ONE = Quantity(Decimal(1), "EA")


def order(number: int, supplier: str) -> PurchaseOrder:
    line = OrderLine(number=1, item="I", quantity=ONE, price=Price(Decimal(1), "USD", ONE), cost_center="C")
    return PurchaseOrder(
        id=f"PO-{number}",
        requisition=f"R-{number}",
        entity="NORTH",
        facility="NSH",
        ship_to="DOCK",
        supplier=supplier,
        currency="USD",
        ordered_at=AT,
        lines=(line,),
    )


def journal(documents: Sequence[Document], name: str = "a") -> MemoryJournal:
    made = MemoryJournal(b"k" * 32)
    events = [
        Event(once=f"{name}/{number}", kind="emitted", source=name, at=AT, data=document)
        for number, document in enumerate(documents)
    ]
    made.commit([Unit(events=events)])
    return made


STORY = [order(1, "ALDER"), order(2, "BIRCH"), order(3, "ALDER"), OrderStatus(order="PO-1", state="shipped", at=AT)]


def caught_up(register: Register, of: MemoryJournal) -> Register:
    register.believe(of)
    while register.catch_up(of):
        pass
    return register


def test_documents_are_listed_in_order_by_supplier_and_state() -> None:
    register = caught_up(Register(), journal(STORY))
    assert [row.id for row in register.rows("order")] == ["PO-1", "PO-2", "PO-3"]
    assert [row.id for row in register.rows("order", supplier="ALDER")] == ["PO-1", "PO-3"]
    assert [row.id for row in register.rows("order", state="shipped")] == ["PO-1"]
    first = register.rows("order", limit=1)
    assert [row.id for row in register.rows("order", after=first[0].position)] == ["PO-2", "PO-3"]
    assert register.one("order", "PO-9") is None
    register.close()


def test_a_file_goes_on_where_it_stood_and_one_of_another_past_begins_anew(tmp_path: Path) -> None:
    path, first = tmp_path / "day.register", journal(STORY)
    register = caught_up(Register(path), first)
    register.close()
    again = caught_up(Register(path), first)
    assert len(again.rows("order")) == 3
    again.close()
    other = caught_up(Register(path), journal([order(7, "CEDAR"), *STORY[:3]], "b"))
    assert [row.id for row in other.rows("order")] == ["PO-7", "PO-1", "PO-2", "PO-3"]
    other.close()


def test_a_file_that_is_none_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "day.register"
    path.write_bytes(b"not a database" * 100)
    register = caught_up(Register(path), journal(STORY))
    assert len(register.rows("order")) == 3
    assert path.stat().st_mode & 0o077 == 0
    register.close()
