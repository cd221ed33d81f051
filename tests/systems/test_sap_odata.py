"""The SAP connector against a small Gateway that behaves as mock-sap 0.22 was seen to, and (live) against mock-sap itself."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from msgspec import structs

from suture.formats import Profile, Stamp
from suture.model import (
    Charge,
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Money,
    OrderChange,
    OrderLine,
    Price,
    PurchaseOrder,
    Quantity,
    ReceivedLine,
)
from suture.runtime.deliver import conversation
from suture.runtime.drive import drive, drive_at_once
from suture.systems import Again, Call, Done, Outcome, Refused, Unsure
from suture.systems.sap_odata import SYSTEM
from suture.systems.sap_odata_talk import reference
from suture.transports import Http, HttpReply, NoReply, Request

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
OPTIONS = {"company_code": "1710", "plant": "1710", "unit.EA": "PC"}
CALL = Call(key="D-1", stamp=Stamp(number=1, at=NOW.isoformat()), profile=Profile(), options=OPTIONS)
NAMES = {
    "A_PurchaseOrder": "PurchaseOrder",
    "A_MaterialDocumentHeader": "MaterialDocument",
    "A_SupplierInvoice": "SupplierInvoice",
}
YEARS = {"A_MaterialDocumentHeader": "MaterialDocumentYear", "A_SupplierInvoice": "FiscalYear"}
ITEMS = {"to_PurchaseOrderItem": "A_PurchaseOrderItem"}


class Sap:
    """A Gateway in memory: tokens count in a session, nothing is recognised as a repeat, ETags guard items."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.asked: list[Http] = []
        self.deaf, self.says = 0, dict[str, HttpReply]()
        self._numbers = 4500000000

    def perform(self, request: Request) -> HttpReply:
        """Answer; ``deaf`` counts down the writes whose answer gets lost, ``says`` is what a method is answered at once."""
        assert isinstance(request, Http)
        self.asked.append(request)
        reply = self.says.pop(request.method, None) or self._answer(request)
        if request.method != "GET" and self.deaf:
            self.deaf -= 1
            raise NoReply("swallowed")
        return reply

    def _answer(self, request: Http) -> HttpReply:
        where = urlsplit(request.path)
        entities, _, keys = unquote(where.path.rpartition("/")[2]).partition("(")
        if request.method == "GET":
            assert request.headers["x-csrf-token"] == "Fetch"
            found = [row for row in self.rows.get(entities, []) if self._fits(row, parse_qs(where.query)["$filter"][0])]
            headers = {"x-csrf-token": "T-1", "set-cookie": "SAP_SESSIONID=abc; path=/"}
            return HttpReply(status=200, body=json.dumps({"d": {"results": found}}).encode(), headers=headers)
        if (request.headers.get("x-csrf-token"), request.headers.get("cookie")) != ("T-1", "SAP_SESSIONID=abc"):
            return said(403, "CSRF token validation failed", **{"x-csrf-token": "Required"})
        return self._change(request, entities, keys) if request.method == "PATCH" else self._make(request, entities)

    def _fits(self, row: dict[str, Any], condition: str) -> bool:
        wanted = re.findall(r"(\w+) eq '((?:[^']|'')*)'", condition)
        return bool(wanted) and all(row[name] == value.replace("''", "'") for name, value in wanted)

    def _make(self, request: Http, entities: str) -> HttpReply:
        self._numbers += 1
        made = {**json.loads(request.body), NAMES[entities]: str(self._numbers)}
        if entities in YEARS:
            made[YEARS[entities]] = "2026"
        for item in made.pop("to_PurchaseOrderItem", []):
            row = {**item, "PurchaseOrder": made["PurchaseOrder"], "IsCompletelyDelivered": False}
            self.rows.setdefault("A_PurchaseOrderItem", []).append({**row, "__metadata": {"etag": 'W/"1"'}})
        self.rows.setdefault(entities, []).append(made)
        return HttpReply(status=201, body=json.dumps({"d": made}).encode())

    def _change(self, request: Http, entities: str, keys: str) -> HttpReply:
        wanted = dict(re.findall(r"(\w+)='(\w+)'", keys))
        (row,) = [row for row in self.rows[entities] if wanted.items() <= row.items()]
        if request.headers.get("if-match") != row["__metadata"]["etag"]:
            return said(412, "The entity was changed by another user")
        row |= json.loads(request.body)
        row["__metadata"] = {"etag": 'W/"2"'}
        return HttpReply(status=204)


def said(status: int, words: str, **headers: str) -> HttpReply:
    body = json.dumps({"error": {"code": "X", "message": {"lang": "en", "value": words}}}).encode()
    return HttpReply(status=status, body=body, headers=headers)


def send(sap: Sap, document: Document, *, doubtful: bool = False) -> Outcome:
    """One attempt, as the runtime makes it."""
    steps = conversation(SYSTEM.accepts[type(document)], document, _call(document), doubtful=doubtful)
    return drive_at_once(steps, sap.perform)


def _call(document: Document) -> Call:
    return structs.replace(CALL, id=str(getattr(document, "id", "")))


def ea(count: str) -> Quantity:
    return Quantity(Decimal(count), "EA")


def line(number: int, count: str, price: str = "12.50") -> OrderLine:
    each = Price(Decimal(price), "USD", ea("1"))
    return OrderLine(number=number, item="TG11", quantity=ea(count), price=each, cost_center="CC")


def order(id: str = "PO-1", *lines: OrderLine) -> PurchaseOrder:
    return PurchaseOrder(
        id=id,
        requisition="R-1",
        entity="HARBOR",
        facility="H1",
        ship_to="DOCK",
        supplier="1000009",
        currency="USD",
        ordered_at=NOW,
        lines=lines or (line(1, "100"), line(2, "5")),
    )


def change(kind: Literal["change", "cancel"], *lines: OrderLine) -> OrderChange:
    return OrderChange(order="PO-1", version=1, supplier="1000009", at=NOW, kind=kind, lines=lines)


def receipt(id: str = "GR-1", number: int = 1, reverses: str = "") -> GoodsReceipt:
    counted = (ReceivedLine(line=number, item="TG11", quantity=ea("60")),)
    return GoodsReceipt(id=id, order="PO-1", place="DOCK", received_at=NOW, lines=counted, reverses=reverses)


def bill(amount: str = "1250.00", **more: Any) -> Invoice:
    total = Money(Decimal(amount), "USD")
    price = Price(Decimal("12.50"), "USD", ea("1"))
    billed = InvoiceLine(number=1, item="TG11", quantity=ea("100"), price=price, amount=total, order="PO-1", order_line=1)
    return Invoice(
        number="INV-1",
        supplier="1000009",
        issued_on=date(2026, 11, 20),
        currency="USD",
        **{"lines": (billed,), "total": total, **more},
    )


@pytest.fixture
def sap() -> Sap:
    return Sap()


@pytest.fixture
def ordered(sap: Sap) -> Sap:
    """One that has order PO-1."""
    assert isinstance(send(sap, order()), Done)
    sap.asked.clear()
    return sap


ALL: list[tuple[Document, str]] = [
    (order("PO-2"), "A_PurchaseOrder"),
    (receipt(), "A_MaterialDocumentHeader"),
    (bill(), "A_SupplierInvoice"),
]


@pytest.mark.parametrize(("document", "entities"), ALL, ids=lambda value: value if isinstance(value, str) else "")
def test_a_swallowed_reply_leaves_one_document(ordered: Sap, document: Document, entities: str) -> None:
    before = len(ordered.rows.get(entities, []))
    ordered.deaf = 1
    assert isinstance(send(ordered, document), Unsure)
    settled = send(ordered, document, doubtful=True)
    assert isinstance(settled, Done)
    assert send(ordered, document) == settled, "even sent as if for the first time"
    assert len(ordered.rows[entities]) == before + 1


def test_an_order_goes_with_its_items_in_one_request_that_carries_token_and_session(sap: Sap) -> None:
    outcome = send(sap, order())
    assert outcome == Done(reference="4500000001")
    assert [request.method for request in sap.asked] == ["GET", "POST"]
    first, second = sap.rows["A_PurchaseOrderItem"]
    assert (first["PurchaseOrderItem"], second["PurchaseOrderItem"]) == ("00010", "00020")
    assert (first["OrderQuantity"], first["NetPriceAmount"], first["NetPriceQuantity"]) == ("100.000", "12.50", "1.000")
    assert (first["PurchaseOrderQuantityUnit"], first["Plant"], first["PurchaseOrderItemText"]) == ("PC", "1710", "PO-1")


def test_a_token_that_ran_out_costs_nothing_but_another_try(sap: Sap) -> None:
    sap.says["POST"] = said(403, "CSRF token validation failed", **{"x-csrf-token": "Required"})
    outcome = send(sap, order())
    assert isinstance(outcome, Again)
    assert outcome.after_s > 0
    assert isinstance(send(sap, order()), Done)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (said(400, "Supplier 99 does not exist"), Refused(reason="HTTP 400: Supplier 99 does not exist")),
        (said(423, "Locked by user PURCHASER"), Again(reason="HTTP 423: Locked by user PURCHASER", after_s=5.0)),
        (said(503, "No work process", **{"retry-after": "30"}), Again(reason="HTTP 503: No work process", after_s=30.0)),
        (said(500, "An exception was raised"), Unsure(reason="HTTP 500: An exception was raised")),
        (HttpReply(status=201, body=b"<html>"), Unsure(reason="HTTP 201: no reason given")),
    ],
    ids=lambda value: str(value.status) if isinstance(value, HttpReply) else "",
)
def test_an_answer_means_what_sap_means(sap: Sap, reply: HttpReply, expected: Outcome) -> None:
    sap.says["POST"] = reply
    assert send(sap, order()) == expected


def test_a_cancelled_line_is_expected_no_more_and_a_changed_one_has_its_new_terms(ordered: Sap) -> None:
    wanted = change("change", line(1, "80", "12.00"), line(2, "0"))
    ordered.deaf = 1
    assert isinstance(send(ordered, wanted), Unsure)
    assert send(ordered, wanted, doubtful=True) == Done(reference="4500000001")
    first, second = ordered.rows["A_PurchaseOrderItem"]
    assert (first["OrderQuantity"], first["NetPriceAmount"], first["IsCompletelyDelivered"]) == ("80.000", "12.00", False)
    assert second["IsCompletelyDelivered"] is True
    patched = [request.path for request in ordered.asked if request.method == "PATCH"]
    assert len(patched) == len(set(patched)) == 2, "what had arrived is not sent again"


def test_an_item_that_somebody_changed_meanwhile_is_read_again(ordered: Sap) -> None:
    ordered.says["PATCH"] = said(412, "changed by another user")
    assert isinstance(send(ordered, change("cancel")), Again)
    assert isinstance(send(ordered, change("cancel")), Done)
    assert all(row["IsCompletelyDelivered"] for row in ordered.rows["A_PurchaseOrderItem"])


def test_a_change_of_a_line_that_sap_does_not_have_is_refused(ordered: Sap) -> None:
    assert send(ordered, change("change", line(7, "1"))) == Refused(reason="the order has no line 7 in SAP")


def test_goods_wait_for_their_order_and_a_reversal_is_a_movement_of_its_own(sap: Sap) -> None:
    assert isinstance(send(sap, receipt()), Again)
    send(sap, order())
    assert send(sap, receipt()) == Done(reference="4500000002/2026")
    assert isinstance(send(sap, receipt("GR-1-BACK", reverses="GR-1")), Done)
    movements = [made["to_MaterialDocumentItem"][0]["GoodsMovementType"] for made in sap.rows["A_MaterialDocumentHeader"]]
    assert movements == ["101", "102"]
    assert isinstance(send(sap, receipt("GR-9", number=9)), Refused)


def test_a_bill_that_is_there_with_another_amount_is_for_a_person(ordered: Sap) -> None:
    send(ordered, bill("1200.00"))
    outcome = send(ordered, bill("1250.00"))
    assert isinstance(outcome, Refused)
    assert "a person must decide" in outcome.reason


def test_a_reversed_bill_makes_room_for_another(ordered: Sap) -> None:
    send(ordered, bill("1200.00"))
    ordered.rows["A_SupplierInvoice"][0]["ReverseDocument"] = "5100000009"
    assert isinstance(send(ordered, bill("1250.00")), Done)
    assert len(ordered.rows["A_SupplierInvoice"]) == 2


@pytest.mark.parametrize(
    "document",
    [
        bill(charges=(Charge(kind="freight", amount=Money(Decimal(9), "USD")),)),
        bill(tax=Money(Decimal(1), "USD")),
        order("PO-3", line(1, "0.0001")),
        order("PO-3", line(10_000, "1")),
        structs.replace(order("PO-3"), supplier="ELEVEN-CHARS"),
    ],
    ids=["freight", "tax", "four decimals", "line 10,000", "supplier"],
)
def test_what_the_services_cannot_say_is_refused_and_nothing_is_written(ordered: Sap, document: Document) -> None:
    assert isinstance(send(ordered, document), Refused)
    assert {request.method for request in ordered.asked} == {"GET"}


def test_two_orders_under_one_number_are_for_a_person(ordered: Sap) -> None:
    copied = {**ordered.rows["A_PurchaseOrderItem"][0], "PurchaseOrder": "4599999999"}
    ordered.rows["A_PurchaseOrderItem"].append(copied)
    outcome = send(ordered, order(), doubtful=True)
    assert outcome == Refused(reason="SAP has 2 orders under our number PO-1: 4500000001, 4599999999")


def test_an_id_cannot_break_out_of_the_condition(sap: Sap) -> None:
    send(sap, order("PO-1"))
    assert isinstance(send(sap, order("X' or PurchaseOrder ne '"), doubtful=True), Done)
    assert len(sap.rows["A_PurchaseOrder"]) == 2


def test_a_number_that_does_not_fit_is_told_by_its_digest() -> None:
    assert reference("GR-1", 16) == "GR-1"
    long, other = "GR-2026-11-21-000001", "GR-2026-11-21-000002"
    assert len(reference(long, 16)) == 16
    assert reference(long, 16) != reference(other, 16)
    assert reference("gr-1", 16) != reference("GR-1", 16), "fields of capitals would hold both as one"


@pytest.mark.live
def test_mock_sap_itself_holds_every_document_exactly_once(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Needs ``python -m live.setup`` and ``pytest -m live``."""
    if "live" not in str(request.config.getoption("-m")):
        pytest.skip("asked for with -m live only")
    place = pytest.importorskip("live.place")
    if not Path(place.program("mock-sap", "mock-sap")).exists():
        pytest.skip("no mock-sap here; python -m live.setup makes it")
    import asyncio

    from live.count import in_sap
    from live.peers import mock_sap
    from suture.transports.http import HttpLink

    async def story(address: str) -> list[Outcome]:
        link, outcomes = HttpLink(address), []
        documents = (order(), change("change", line(2, "0"), line(1, "60")), receipt(), bill(), receipt("GR-2", reverses="GR-1"))
        for document in [*documents, *documents[:1], *documents[2:], change("cancel"), bill("1300.00")]:
            steps = conversation(SYSTEM.accepts[type(document)], document, _call(document), doubtful=False)
            outcomes.append(await drive(steps, link))
        await link.close()
        return outcomes

    with mock_sap(tmp_path) as address:
        outcomes = asyncio.run(story(address))
        held = in_sap(address)
    assert [type(outcome) for outcome in outcomes] == [Done] * 10 + [Refused]
    assert outcomes[5:9] == [outcomes[0], *outcomes[2:5]]
    assert [row.key for row in held["orders"]].count("PO-1") == 1
    assert [row.key for row in held["receipts"]] == ["GR-1", "GR-2"]
    assert [row.key for row in held["bills"]] == ["INV-1"]
