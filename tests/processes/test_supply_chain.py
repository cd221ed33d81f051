"""The three supply processes together: one usage in theatre runs to a requisition, an order, goods and stock; and back."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.model import (
    Approval,
    Document,
    ExpectedReceipt,
    GoodsReceipt,
    OrderAcknowledgement,
    OrderChange,
    OrderStatus,
    Posting,
    PurchaseOrder,
    ReceiptPosted,
    ReceivedLine,
    Requisition,
    RequisitionCancellation,
    ShipNotice,
    ShippedLine,
    StockLow,
    StockPolicy,
    Usage,
)
from suture.processes import order_to_receipt, requisition_to_order, usage_to_replenishment
from suture.processes.cast import CAST, MORNING, quantity
from tests.processes.river import River

KEY = "STENT-3@OR-1"
REQUISITION = f"RQ-{KEY}-1"
ORDER = f"PO-{REQUISITION}"
PROCESSES = (usage_to_replenishment.PROCESS, requisition_to_order.PROCESS, order_to_receipt.PROCESS)
STOCK = StockPolicy(
    item="STENT-3",
    place="OR-1",
    reorder_point=quantity("1"),
    reorder_quantity=quantity("2"),
    supplier="S-HEART",
    cost_center="CC-SURG",
    opening=quantity("3"),
)


def implanted(id: str, serial: str, kind: str = "used", reverses: str = "") -> Usage:
    return Usage(
        id=id,
        kind=kind,  # type: ignore[arg-type]  # one of the four kinds
        item="STENT-3",
        quantity=quantity("1"),
        place="OR-1",
        used_at=MORNING,
        encounter="E4711",
        patient="P0815",
        procedure_category="cardiac",
        lot="L-0",
        serial=serial,
        reverses=reverses,
    )


def came(id: str, *serials: str) -> GoodsReceipt:
    line = ReceivedLine(line=1, item="STENT-3", quantity=quantity(str(len(serials))), lot="L-9", serials=serials)
    return GoodsReceipt(id=id, order=ORDER, place="OR-1", received_at=MORNING, lines=(line,), receiver="P-DOCK")


USAGES = (implanted("U-1", "N1"), implanted("U-2", "N2"))
ANSWER = OrderAcknowledgement(number="1", order=ORDER, supplier="S-HEART", at=MORNING, status="accepted")
NOTICE = ShipNotice(
    number="A-1",
    supplier="S-HEART",
    shipped_at=MORNING,
    lines=(ShippedLine(order=ORDER, line=1, item="STENT-3", quantity=quantity("2"), lot="L-9"),),
)


def river(*said: Document, pick: Any = None) -> River:
    """A river that has heard these documents, where the head of the department approves what is asked."""
    flowing = River(PROCESSES, CAST, pick)
    flowing.say(*said)
    return flowing


def approve(flowing: River, approver: str = "P-HEAD") -> None:
    """Somebody answers every open question."""
    for request in flowing.asked:
        answer = Approval(
            id=f"A-{request.id}", request=request.id, subject=request.subject, approver=approver, decision="approve", at=MORNING
        )
        flowing.say(answer)


def shelf(flowing: River) -> Any:
    return flowing.state("usage_to_replenishment", KEY)


def phase(flowing: River) -> list[str]:
    """Where stock, requisition and order stand."""
    return [
        shelf(flowing).phase,
        flowing.state("requisition_to_order", REQUISITION).phase,
        flowing.state("order_to_receipt", ORDER).phase,
    ]


def test_one_usage_runs_through_procure_to_pay_to_goods_on_the_shelf() -> None:
    flowing = river(STOCK, *USAGES)
    assert phase(flowing) == ["low", "awaiting_approval", "unknown"]
    approve(flowing)
    assert phase(flowing) == ["low", "ordered", "confirmed"]
    flowing.say(ANSWER, NOTICE, came("GR-1", "N3", "N4"))
    assert phase(flowing) == ["stocked", "ordered", "received"]
    assert shelf(flowing).balance == 3
    assert [len(flowing.all(kind)) for kind in (StockLow, Requisition, PurchaseOrder, ReceiptPosted)] == [1, 1, 1, 1]
    assert [status.state for status in flowing.all(OrderStatus)] == ["confirmed", "acknowledged", "shipped", "received"]
    assert len(flowing.sent_to("erp", Posting)) == 2
    assert flowing.cases == {}


def test_nobody_approves_in_the_name_of_a_stock() -> None:
    flowing = river(STOCK, *USAGES)
    approve(flowing, "replenishment")
    assert flowing.reasons() == ["sod_violation"]
    assert flowing.sent_to("erp", PurchaseOrder) == []


@pytest.mark.parametrize(
    ("before", "stands"),
    [("the question", ["stocked", "cancelled", "unknown"]), ("the goods", ["stocked", "cancelled", "cancelled"])],
)
def test_an_undone_usage_undoes_all_that_it_caused(before: str, stands: list[str]) -> None:
    flowing = river(STOCK, *USAGES)
    if before == "the goods":
        approve(flowing)
    flowing.say(implanted("X", "N2", "cancelled", "U-2"))
    assert phase(flowing) == stands
    assert len(flowing.all(RequisitionCancellation)) == 1
    postings = flowing.sent_to("erp", Posting)
    assert sum(posting.lines[0].amount.amount for posting in postings) == Decimal("1450.00")
    assert flowing.cases == {}


def test_an_undone_usage_after_the_parcel_left_is_put_to_the_buyer_and_can_stand() -> None:
    flowing = river(STOCK, *USAGES)
    approve(flowing)
    flowing.say(NOTICE, implanted("X", "N2", "cancelled", "U-2"))
    assert flowing.reasons() == ["cancel_too_late"]
    flowing.decide("cancel_too_late", "reject", "P-CLERK")
    assert phase(flowing) == ["stocked", "cancelled", "shipped"]
    assert [change.kind for change in flowing.all(OrderChange)] == ["cancel", "change"]
    flowing.say(came("GR-1", "N3", "N4"))
    assert phase(flowing)[2] == "received"
    assert shelf(flowing).balance == 4


def test_an_order_that_the_supplier_rejects_comes_back_to_the_stock() -> None:
    flowing = river(STOCK, *USAGES)
    approve(flowing)
    flowing.say(OrderAcknowledgement(number="1", order=ORDER, supplier="S-HEART", at=MORNING, status="rejected"))
    assert flowing.reasons() == ["line_rejected", "replenishment_stopped"]
    flowing.decide("replenishment_stopped", "retry", "P-CLERK")
    assert [requisition.id for requisition in flowing.all(Requisition)] == [REQUISITION, f"RQ-{KEY}-2"]


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.data())
def test_in_any_order_and_any_number_of_times_the_day_ends_the_same(dice: random.Random, data: st.DataObject) -> None:
    flowing = River(PROCESSES, CAST, lambda count: dice.randrange(count))
    day = [STOCK, *USAGES, implanted("U-3", "N5"), implanted("X", "N5", "cancelled", "U-3")]
    flowing.say(*data.draw(st.permutations(day)), *data.draw(st.lists(st.sampled_from(day), max_size=3)))
    approve(flowing)
    order = flowing.all(PurchaseOrder)[-1].id  # an earlier one may have been called back
    goods = [
        structs.replace(ANSWER, order=order),
        structs.replace(NOTICE, lines=(structs.replace(NOTICE.lines[0], order=order),)),
        structs.replace(came("GR-1", "N3"), order=order),
        structs.replace(came("GR-2", "N4"), order=order),
    ]
    flowing.say(*data.draw(st.permutations(goods)), *data.draw(st.lists(st.sampled_from(goods), max_size=3)))
    assert (shelf(flowing).phase, shelf(flowing).balance) == ("stocked", 3)
    assert flowing.state("order_to_receipt", order).phase == "received"
    assert flowing.sent_to("inventory", ExpectedReceipt)[-1].lines == ()
    told = [(send.role, type(send.document).__name__, str(getattr(send.document, "id", ""))) for _, send in flowing.sent]
    binding = [one for one in told if not one[1].endswith("Status")]
    assert len(binding) == len(set(binding))
