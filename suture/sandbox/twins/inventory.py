"""The twin of an inventory system: docks count what lorries bring, and shelves follow what is used."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from msgspec import Struct, structs

from suture.model import GoodsReceipt, Quantity, ReceivedLine, encode
from suture.sandbox.twins.shelves import Shelves
from suture.sandbox.twins.twin import Agenda, RestTwin, replied
from suture.transports import Http, HttpReply


class Parcel(Struct, frozen=True, kw_only=True):
    """Goods on a lorry: what a supplier really put in, for one order."""

    order: str
    place: str
    lines: tuple[ReceivedLine, ...]


class Mishaps(Struct, frozen=True, kw_only=True):
    """How often a dock miscounts, in shares of receipts, and when it counts again what it took back."""

    short: float = 0.03
    over: float = 0.01
    wrong_lot: float = 0.015
    wrong_place: float = 0.01
    reversed: float = 0.01
    again_after: timedelta = timedelta(hours=1)


class InventoryTwin(RestTwin):
    """Expected receipts and movements come in over REST; receipts leave as events."""

    def __init__(self, name: str, agenda: Agenda, chance: Random, elsewhere: str, mishaps: Mishaps | None = None) -> None:
        super().__init__(name, agenda)
        self.chance, self.elsewhere, self.mishaps = chance, elsewhere, mishaps or Mishaps()
        self.expected: dict[str, dict[str, Any]] = {}
        self.movements: list[dict[str, Any]] = []
        self.shelves = Shelves(name)
        self.receipts: list[GoodsReceipt] = []
        self.route("POST", "/api/expected-receipts", self._expect)
        self.route("POST", "/api/stock-movements", self._move)
        self.lists("/api/expected-receipts", lambda: list(self.expected.values()))
        self.lists("/api/stock-movements", lambda: self.movements)
        self.lists("/api/receipts", lambda: self.receipts, _listed)

    def arrive(self, parcel: Parcel, now: datetime) -> None:
        """A lorry unloads; the dock counts, and tells within the hour."""
        for line in parcel.lines:
            self.shelves.put(line.item, parcel.place, line.quantity)
        receipt = GoodsReceipt(
            id=f"{self.name.upper()}-GR-{next(self.numbers):06d}",
            order=parcel.order,
            place=parcel.place,
            received_at=now,
            receiver=f"dock-{self.chance.randint(1, 4)}",
            lines=parcel.lines,
        )
        self._tell(self._counted(receipt), now)

    def count(self, now: datetime) -> None:
        """The night's cycle count: a sheet for each place, and an adjustment for each position that differs."""
        for sheet, adjustments in self.shelves.count(now):
            self.say("events", encode(sheet), f"{sheet.id}.json".replace("/", "-"))
            for adjustment in adjustments:
                self.say("events", encode(adjustment), f"{adjustment.id}.json".replace("/", "-"))

    def _counted(self, receipt: GoodsReceipt) -> GoodsReceipt:
        mishap, first = self.chance.random(), receipt.lines[0]
        odds = self.mishaps
        if mishap < odds.short and first.quantity.value > 1:
            return _with_first(receipt, structs.replace(first, quantity=_less(first.quantity)))
        if mishap < odds.short + odds.over:
            return _with_first(
                receipt, structs.replace(first, quantity=first.quantity + Quantity(Decimal(1), first.quantity.unit))
            )
        if mishap < odds.short + odds.over + odds.wrong_lot and first.lot:
            return _with_first(receipt, structs.replace(first, lot=f"{first.lot}X"))
        if mishap < odds.short + odds.over + odds.wrong_lot + odds.wrong_place:
            return structs.replace(receipt, place=self.elsewhere)
        return receipt

    def _tell(self, receipt: GoodsReceipt, now: datetime) -> None:
        self.receipts.append(receipt)
        for line in receipt.lines:
            self.shelves.book(line.item, receipt.place, line.quantity, undo=bool(receipt.reverses))
        self.say("events", encode(receipt), f"{receipt.id}.json")
        if self.chance.random() < self.mishaps.reversed and not receipt.reverses:
            undone = structs.replace(receipt, id=f"{receipt.id}-R", reverses=receipt.id)
            again = structs.replace(receipt, id=f"{receipt.id}-2")
            taken_back = now + timedelta(hours=1)
            self.agenda.at(taken_back, lambda later: self._tell(undone, later))
            self.agenda.at(taken_back + self.mishaps.again_after, lambda later: self._tell(again, later))

    def _expect(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        known = self.expected.get(body["poNumber"])
        if known is None or known["version"] < body["version"]:
            self.expected[body["poNumber"]] = body
        return replied(201, {"id": f"{body['poNumber']}/{body['version']}"})

    def _move(self, request: Http, names: dict[str, str], body: Any) -> HttpReply:
        self.movements.append(body)
        moved = Quantity(Decimal(body["quantity"]["qty"]), body["quantity"]["uom"])
        self.shelves.book(body["sku"], body["location"], moved)
        return replied(201, {"id": body["movementId"]})


def _listed(receipt: GoodsReceipt) -> dict[str, Any]:
    lines = [
        {"line": line.line, "sku": line.item, "quantity": {"qty": str(line.quantity.value), "uom": line.quantity.unit}}
        for line in receipt.lines
    ]
    return {"id": receipt.id, "poNumber": receipt.order, "reverses": receipt.reverses, "at": receipt.received_at, "lines": lines}


def _less(quantity: Quantity) -> Quantity:
    return Quantity(quantity.value - 1, quantity.unit)


def _with_first(receipt: GoodsReceipt, line: ReceivedLine) -> GoodsReceipt:
    return structs.replace(receipt, lines=(line, *receipt.lines[1:]))


def shelf_life(now: datetime, chance: Random) -> date:
    """When goods made now expire."""
    return (now + timedelta(days=chance.randint(200, 900))).date()
