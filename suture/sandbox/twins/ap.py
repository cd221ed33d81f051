"""The twin of an AP automation platform: it knows orders and receipts, releases money, and has a portal for invoices."""

from __future__ import annotations

from datetime import datetime
from random import Random
from typing import Any

import msgspec

from suture.model import Invoice, Person, encode
from suture.sandbox.twins.desk import Desk
from suture.sandbox.twins.twin import Agenda, RestTwin, listing, replied
from suture.transports import Http, HttpReply


class ApTwin(RestTwin):
    """Tasks for releasing payments come in; invoices that suppliers upload to the portal go out by webhook."""

    def __init__(self, name: str, agenda: Agenda, chance: Random, people: tuple[Person, ...]) -> None:
        super().__init__(name, agenda)
        self.desk = Desk(agenda, chance, people, lambda raw, file: self.say("webhook", raw, file))
        #: The suppliers as they are listed; None where nobody may read them.
        self.master: list[dict[str, Any]] | None = None
        self.orders: list[dict[str, Any]] = []
        self.receipts: list[dict[str, Any]] = []
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.remittances: list[dict[str, Any]] = []
        self.uploads: dict[str, datetime] = {}
        self.route("POST", "/v1/purchase-orders", self._order)
        self.route("POST", "/v1/receipts", self._receipt)
        self.route("POST", "/v1/invoices/{id}/status", self._status)
        self.route("POST", "/v1/approval-tasks", self._task)
        self.route("POST", "/v1/remittances", self._remittance)
        self.route("GET", "/v1/suppliers", self._suppliers)
        self.lists("/v1/purchase-orders", lambda: self.orders)
        self.lists("/v1/receipts", lambda: self.receipts)
        self.lists("/v1/invoices", self._invoices)
        self.lists("/v1/remittances", lambda: self.remittances)

    def upload(self, invoice: Invoice) -> None:
        """A supplier uploads an invoice to the portal."""
        scanned = msgspec.structs.replace(invoice, route="portal")
        self.uploads[invoice.id] = self.agenda.now
        self.say("webhook", encode(scanned), f"{invoice.number}.json")

    def _invoices(self) -> list[dict[str, Any]]:
        """Every invoice that was uploaded or spoken of, with the last that was said about it."""
        return [
            {
                "invoice": id,
                "state": self.statuses[id][-1]["state"] if id in self.statuses else "",
                "uploaded": self.uploads.get(id),
            }
            for id in {**self.uploads, **self.statuses}
        ]

    def _suppliers(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        return replied(404, {"title": "no resource"}) if self.master is None else listing(self.master, dict, names)

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
