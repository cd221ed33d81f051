"""The twin of an AP automation platform: it knows orders and receipts, releases money, and has a portal for invoices."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from suture.model import Invoice, Person, encode
from suture.sandbox.twins.desk import Desk
from suture.sandbox.twins.twin import Agenda, RestTwin, replied
from suture.transports import Http, HttpReply


class ApTwin(RestTwin):
    """Tasks for releasing payments come in; invoices that suppliers upload to the portal go out by webhook."""

    def __init__(self, name: str, agenda: Agenda, chance: Random, people: tuple[Person, ...]) -> None:
        super().__init__(name, agenda)
        self.desk = Desk(agenda, chance, people, lambda raw, file: self.say("webhook", raw, file))
        self.orders: list[dict[str, Any]] = []
        self.receipts: list[dict[str, Any]] = []
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.remittances: list[dict[str, Any]] = []
        self.route("POST", "/v1/purchase-orders", self._order)
        self.route("POST", "/v1/receipts", self._receipt)
        self.route("POST", "/v1/invoices/{id}/status", self._status)
        self.route("POST", "/v1/approval-tasks", self._task)
        self.route("POST", "/v1/remittances", self._remittance)

    def upload(self, invoice: Invoice) -> None:
        """A supplier uploads an invoice to the portal."""
        scanned = msgspec.structs.replace(invoice, route="portal")
        self.say("webhook", encode(scanned), f"{invoice.number}.json")

    def _order(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        self.orders.append(body)
        return replied(201, {"id": body["poNumber"]})

    def _receipt(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        self.receipts.append(body)
        return replied(201, {"id": body["receiptNumber"]})

    def _status(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        self.statuses.setdefault(names["id"], []).append(body)
        return replied(200, {"id": names["id"]})

    def _task(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        self.desk.take(body)
        return replied(201, {"id": body["taskId"]})

    def _remittance(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        self.remittances.append(body)
        return replied(201, {"id": body["payment"]})
