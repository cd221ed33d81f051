"""The twin of a cloud ERP: own document numbers, commitments, and no mercy for a second posting of the same thing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from suture.sandbox.twins.twin import Agenda, RestTwin, Row, listing, replied
from suture.transports import Http, HttpReply


class Booked(Struct, kw_only=True):
    """A document in the ERP: its own number, the external reference, and what was posted."""

    number: str
    reference: str
    body: dict[str, Any]


class ErpTwin(RestTwin):
    """Orders, changes, entries and payments honour Idempotency-Key; receipts and invoices are posted as often as they come."""

    def __init__(self, name: str, agenda: Agenda, vendors: set[str]) -> None:
        super().__init__(name, agenda)
        self.keys_live = timedelta(hours=24)
        self.vendors = vendors
        #: The vendor master as it is listed; None where nobody may read it.
        self.master: list[dict[str, Any]] | None = None
        self.orders: list[Booked] = []
        self.changes: list[Booked] = []
        self.receipts: list[Booked] = []
        self.invoices: list[Booked] = []
        self.entries: list[Booked] = []
        self.payments: list[Booked] = []
        self.failed_payments: list[Booked] = []
        self.route("GET", "/api/vendors", self._vendors)
        self.route("POST", "/api/purchase-orders", self._order)
        self.route("GET", "/api/purchase-orders", self._finder(self.orders, self._listed_order))
        self.route("POST", "/api/purchase-order-changes", self._booker(self.changes, "47"))
        self.route("GET", "/api/purchase-order-changes", self._finder(self.changes))
        self.route("POST", "/api/goods-receipts", self._receipt, honours_keys=False)
        self.route("GET", "/api/goods-receipts", self._finder(self.receipts))
        self.route("POST", "/api/supplier-invoices", self._booker(self.invoices, "51"), honours_keys=False)
        self.route("GET", "/api/supplier-invoices", self._finder(self.invoices))
        self.route("POST", "/api/journal-entries", self._entry)
        self.route("GET", "/api/journal-entries", self._finder(self.entries))
        self.route("POST", "/api/payments", self._booker(self.payments, "20"))
        self.route("GET", "/api/payments", self._finder(self.payments))
        self.route("POST", "/api/payment-status", self._booker(self.failed_payments, "29"))

    def _booker(self, shelf: list[Booked], prefix: str) -> Any:
        def book(request: Http, names: dict[str, str], body: Any) -> HttpReply:
            booked = Booked(number=f"{prefix}{next(self.numbers):08d}", reference=body["externalRef"], body=body)
            shelf.append(booked)
            return replied(201, {"number": booked.number})

        return book

    def _finder(self, shelf: list[Booked], row: Row | None = None) -> Any:
        def find(request: Http, names: dict[str, str], body: Any) -> HttpReply:
            if "externalRef" not in names:
                return listing(shelf, row or _row, names)
            found = [booked for booked in shelf if booked.reference == names["externalRef"]]
            return replied(200, {"items": [{"number": booked.number} for booked in found]})

        return find

    def _vendors(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        if self.master is None:
            return replied(404, {"title": "no resource"})
        return listing(self.master, dict, names)

    def _order(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        if body["vendor"] not in self.vendors:
            return replied(
                422, {"title": "unknown vendor", "detail": f"vendor {body['vendor']} is not extended to this company code"}
            )
        reply: HttpReply = self._booker(self.orders, "45")(request, names, body)
        return reply

    def _receipt(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        if not any(booked.reference == body["order"] for booked in self.orders):
            return replied(422, {"title": "unknown order", "detail": f"no purchase order with reference {body['order']}"})
        reply: HttpReply = self._booker(self.receipts, "50")(request, names, body)
        return reply

    def _entry(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        if sum(Decimal(line["amount"]["value"]) for line in body["lines"]):
            return replied(422, {"title": "unbalanced", "detail": "debits and credits differ"})
        reply: HttpReply = self._booker(self.entries, "19")(request, names, body)
        return reply

    def _listed_order(self, booked: Booked) -> dict[str, Any]:
        """An order as it stands after its changes."""
        changes = [change.body for change in self.changes if change.body["order"] == booked.reference]
        lines = {line["line"]: line for body in (booked.body, *changes) for line in body["lines"]}
        state = "cancelled" if any(body.get("kind") == "cancel" for body in changes) else "open"
        return {**_row(booked), "lines": list(lines.values()), "state": state}

    def commitment(self, order: str) -> Decimal:
        """What is still committed for an order: ordered value, after its last change, less what was received."""
        lines = self._lines(order)
        received = self._received(order)
        return sum(
            (max(Decimal(0), quantity - received.get(number, Decimal(0))) * price for number, (quantity, price) in lines.items()),
            Decimal(0),
        )

    def _lines(self, order: str) -> dict[int, tuple[Decimal, Decimal]]:
        bodies = [booked.body for booked in self.orders if booked.reference == order][:1]
        changes = [booked.body for booked in self.changes if booked.body["order"] == order]
        lines: dict[int, tuple[Decimal, Decimal]] = {}
        for body in bodies + changes:
            if body.get("kind") == "cancel":
                return {}
            lines |= {line["line"]: (_quantity(line), _unit_price(line)) for line in body["lines"]}
        return lines

    def _received(self, order: str) -> dict[int, Decimal]:
        received: dict[int, Decimal] = {}
        for booked in self.receipts:
            if booked.body["order"] == order:
                sign = -1 if booked.body.get("reverses") else 1
                for line in booked.body["lines"]:
                    received[line["line"]] = received.get(line["line"], Decimal(0)) + sign * _quantity(line)
        return received


def _row(booked: Booked) -> dict[str, Any]:
    return {**booked.body, "number": booked.number, "externalRef": booked.reference}


def _quantity(line: dict[str, Any]) -> Decimal:
    return Decimal(line["quantity"]["qty"])


def _unit_price(line: dict[str, Any]) -> Decimal:
    return Decimal(line["netPrice"]["value"]) / Decimal(line["netPrice"]["per"]["qty"])
