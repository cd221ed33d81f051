"""The people of a simulated week: they decide open exceptions at random, change policies, and tidy up at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from random import Random

from suture.journal import Delivery
from suture.model import (
    Case,
    CaseResolved,
    Decision,
    GoodsReceipt,
    Invoice,
    PaymentInstruction,
    Policy,
    PurchaseOrder,
    Ref,
    encode,
)
from suture.runtime.command import NoSuchThing, Stale, command
from suture.runtime.wiring import Wiring
from suture.sandbox.group import Group
from suture.sandbox.simulator.disk import Disk
from suture.sandbox.stage import Stage
from suture.sandbox.twins.bank import BankTwin
from suture.sandbox.twins.erp import ErpTwin
from suture.sandbox.twins.supplier import SupplierTwin

Decide = Callable[[Wiring], None]


class People:
    """Whoever decides; ``acted`` says whether the last act found something to decide."""

    def __init__(self, group: Group, stage: Stage, disk: Disk) -> None:
        self.group, self.stage, self.disk = group, stage, disk
        self.acted = False
        self.versions = 1
        self.decided: list[Decision] = []
        self._open: dict[str, Case] = {}
        self._read = 0

    def open_cases(self) -> dict[str, Case]:
        """The exceptions that the journal says are open, in the order in which they were raised."""
        while page := self.disk.read(self._read, 2000):
            for row in page:
                match row.event.data:
                    case Case() as case:
                        self._open[case.id] = case
                    case CaseResolved(case=id):
                        self._open.pop(id, None)
            self._read = page[-1].position
        return self._open

    # -- at random

    def act(self, wiring: Wiring, luck: int, now: datetime) -> None:
        """Decide one open exception somehow."""
        self.acted = False
        chance, cases = Random(luck), list(self.open_cases().values())
        if not cases:
            return
        case = chance.choice(cases)
        if not case.actions:
            return
        verb = chance.choice(case.actions)
        actor = chance.choice([*self.group.people, *self.group.requesters]).id
        position = self._position(case.id) - (chance.random() < 0.1)
        decision = Decision(
            id=f"OP-{luck}", subject=Ref("Case", case.id), verb=verb, actor=actor, at=now, reason="at random", position=position
        )
        if verb == "confirm" and not self._there(case):
            return
        raw = self._repair(case) if verb == "repair" else b""
        self.acted = self._command(wiring, decision, now, raw)

    def _command(self, wiring: Wiring, decision: Decision, now: datetime, raw: bytes = b"") -> bool:
        try:
            command(wiring, decision, now, raw=raw)
        except (Stale, NoSuchThing, ValueError):
            return False
        self.decided.append(decision)
        return True

    def _position(self, case: str) -> int:
        return self.disk.find(Ref("Case", case))[-1].position

    def _delivery(self, case: Case) -> Delivery | None:
        carrier = next((ref.id for ref in case.objects if ref.type == "Delivery"), "")
        return self.disk.delivery(carrier) if carrier else None

    def _repair(self, case: Case) -> bytes:
        """A repair that changes nothing."""
        delivery = self._delivery(case)
        return encode(delivery.document) if delivery else b""

    # -- at the end

    def tidy(self, now: datetime) -> Iterator[Decide]:
        """What a careful person does with each delivery that waits for one: ask the counterpart, then confirm or release."""
        for case in list(self.open_cases().values()):
            delivery = self._delivery(case)
            if delivery is not None and delivery.status in ("parked", "awaiting"):
                verb = "confirm" if self._there(case) else "release"
                yield partial(self._settle, case, verb, now)

    def _settle(self, case: Case, verb: str, now: datetime, wiring: Wiring) -> None:
        decision = Decision(
            id=f"TIDY-{now:%Y%m%dT%H%M%S}-{case.id}",
            subject=Ref("Case", case.id),
            verb=verb,
            actor="operations-1",
            at=now,
            reason="asked the counterpart",
            position=self._position(case.id),
        )
        self._command(wiring, decision, now)

    def _there(self, case: Case) -> bool:
        """Whether the counterpart has it, as whoever confirms or cancels finds out by asking."""
        delivery = self._delivery(case)
        if delivery is None:
            return False
        match self.stage.twins[delivery.instance], delivery.document:
            case ErpTwin() as erp, PurchaseOrder(id=id):
                return any(booked.reference == id for booked in erp.orders)
            case ErpTwin() as erp, GoodsReceipt(id=id):
                return any(booked.reference == id for booked in erp.receipts)
            case ErpTwin() as erp, Invoice(id=id):
                return any(booked.reference == id for booked in erp.invoices)
            case BankTwin() as bank, PaymentInstruction(id=id):
                return any(payment.id == id for payment in bank.payments)
            case SupplierTwin() as supplier, PurchaseOrder(id=id):
                return any(order.id == id for order in supplier.orders)
        return False

    # -- policies

    def policy(self, luck: int, now: datetime) -> Policy:
        """The next version of some policy: a little stricter or milder than it was."""
        chance = Random(luck)
        current = [document for document in self.group.masters if isinstance(document, Policy)]
        base = chance.choice(current)
        self.versions += 1
        values = {**base.values, **_milder(base.id, chance)}
        return Policy(
            id=base.id,
            version=self.versions,
            effective=now.astimezone(UTC),
            author="policy-author",
            approver="controller",
            values=values,
        )


def _milder(id: str, chance: Random) -> dict[str, object]:
    match id:
        case "tolerances":
            return {"price_percent": chance.choice(("0", "2", "3"))}
        case "payment":
            return {"release_limit": {"USD": chance.choice(("100", "25000"))}}
        case "receiving":
            return {"over_percent": chance.choice(("0", "10"))}
        case "waits":
            return {"receipt_hours": chance.choice((24, 240)), "shipment_hours": chance.choice((24, 120))}
    return {}
