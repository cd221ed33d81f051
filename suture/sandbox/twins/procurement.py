"""The twin of a procurement suite: people file requisitions, answer approval tasks, and watch what becomes of them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from suture.model import Person, Requisition, encode
from suture.sandbox.twins.desk import Desk
from suture.sandbox.twins.twin import Agenda, RestTwin, replied
from suture.transports import Http, HttpReply

Shelf = dict[str, list[dict[str, Any]]]


class ProcurementTwin(RestTwin):
    """Requisitions and approvals leave by webhook; tasks and status come in over REST."""

    def __init__(self, name: str, agenda: Agenda, chance: Random, people: tuple[Person, ...]) -> None:
        super().__init__(name, agenda)
        self.desk = Desk(agenda, chance, people, lambda raw, file: self.say("webhook", raw, file))
        self.requisitions: dict[str, Requisition] = {}
        self.statuses: Shelf = {}
        self.orders: Shelf = {}
        self.invoices: Shelf = {}
        self.remittances: list[dict[str, Any]] = []
        self.route("POST", "/v2/approval-tasks", self._task)
        self.route("POST", "/v2/requisitions/{id}/status", _keeper(self.statuses))
        self.route("POST", "/v2/orders/{id}/status", _keeper(self.orders))
        self.route("POST", "/v2/invoices/{id}/status", _keeper(self.invoices))
        self.route("POST", "/v2/remittances", self._remittance)
        self.lists("/v2/requisitions", self._listed_requisitions)
        self.lists("/v2/orders", lambda: _last(self.orders))
        self.lists("/v2/invoices", lambda: _last(self.invoices))
        self.lists("/v2/remittances", lambda: self.remittances)

    def file(self, requisition: Requisition) -> None:
        """A person files a requisition."""
        self.requisitions[requisition.id] = requisition
        self.say("webhook", encode(requisition), f"{requisition.id}.json")

    def _listed_requisitions(self) -> list[dict[str, Any]]:
        filed = {id: {"id": id, "state": "", "filed": one.requested_at} for id, one in self.requisitions.items()}
        told = {row["id"]: {**filed.get(row["id"], {}), **row} for row in _last(self.statuses)}
        return list({**filed, **told}.values())

    def _task(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        self.desk.take(body)
        return replied(201, {"id": body["taskId"]})

    def _remittance(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        self.remittances.append(body)
        return replied(201, {"id": body["payment"]})


def _last(shelf: Shelf) -> list[dict[str, Any]]:
    return [{"id": id, "state": told[-1]["state"]} for id, told in shelf.items()]


def _keeper(shelf: Shelf) -> Callable[[Http, dict[str, str], Any], HttpReply]:
    def keep(request: Http, names: dict[str, str], body: Any) -> HttpReply:
        shelf.setdefault(names["id"], []).append(body)
        return replied(200, {"id": names["id"]})

    return keep
