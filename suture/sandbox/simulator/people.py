"""The people of a simulated week: they decide open exceptions at random, change policies, and tidy up at the end."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

from msgspec import structs

from suture.journal import Delivery, Journal
from suture.model import (
    Case,
    CaseResolved,
    Crosswalk,
    Decision,
    GoodsReceipt,
    Invoice,
    OrderChange,
    PaymentInstruction,
    Policy,
    PurchaseOrder,
    Ref,
    Remittance,
    encode,
)
from suture.runtime.command import NoSuchThing, Stale, command
from suture.runtime.intake import minimised
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.sandbox.group import MORNING, Group
from suture.sandbox.simulator.mangle import old_code
from suture.sandbox.simulator.post import Letter, Post
from suture.sandbox.stage import Stage
from suture.sandbox.twins.bank import BankTwin
from suture.sandbox.twins.ehr import EhrTwin
from suture.sandbox.twins.erp import ErpTwin
from suture.sandbox.twins.supplier import SupplierTwin

Decide = Callable[[Wiring], None]


class People:
    """Whoever decides; ``acted`` says whether the last act found something to decide."""

    def __init__(self, group: Group, stage: Stage, disk: Journal, post: Post) -> None:
        self.group, self.stage, self.disk, self.post = group, stage, disk, post
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
        raw = self._repair(wiring, case) if verb == "repair" else b""
        self.acted = self._command(wiring, decision, now, raw)
        if self.acted and verb == "reject" and (letter := self._original(wiring, case)):
            self.post.ask_again(letter)

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

    def _repair(self, wiring: Wiring, case: Case) -> bytes:
        """A delivery as it is, which changes nothing; a message as its sender would have written it before its release."""
        delivery = self._delivery(case)
        if delivery:
            return encode(delivery.document)
        letter = self._original(wiring, case)
        return letter.message.raw if letter else b""

    def _original(self, wiring: Wiring, case: Case) -> Letter | None:
        """The message that nobody could read because its sender writes in another way now; None if that is not why."""
        if not case.id.startswith("intake/"):
            return None
        event = self.disk.find(Ref("Case", case.id))[0].event
        if not isinstance(self.stage.twins.get(event.source), EhrTwin):
            return self.post.originals.get(event.source, {}).get(event.blob)
        # what we kept is without the patient: ask each message of this sender whether it was this one
        for letter in self.post.originals[event.source].values():
            kept = minimised(wiring, wiring.formats["hl7v2"], letter.raw, wiring.instances[event.source].profile)
            if hashlib.sha256(kept).hexdigest() == event.blob:
                return letter
        return None

    # -- at the end

    def tidy(self, now: datetime) -> Iterator[Decide]:
        """What a careful person does about whatever waits for one.

        A delivery: ask the counterpart, then confirm or release it. A message: file the new codes and release it, or repair it.
        """
        for case in list(self.open_cases().values()):
            delivery = self._delivery(case)
            if delivery is not None and delivery.status in ("parked", "awaiting"):
                verb = "confirm" if self._there(case) else "release"
                yield partial(self._settle, case, verb, now)
            elif case.id.startswith("intake/"):
                yield partial(self._read_again, case, now)

    def _read_again(self, case: Case, now: datetime, wiring: Wiring) -> None:
        if case.reason.startswith("unknown_"):
            publish(wiring, self._new_codes(case), now)
            self._settle(case, "release", now, wiring)
        elif letter := self._original(wiring, case):
            self._settle(case, "repair", now, wiring, letter.message.raw)

    def _new_codes(self, case: Case) -> list[Crosswalk]:
        """The rows that are missing: a new code stands for what the old one stood for."""
        instance = self.disk.find(Ref("Case", case.id))[0].event.source
        codes = {code for text in case.context.values() for code in re.findall(r"'([^']+)'", text)}
        rows = [
            structs.replace(row, local=code)
            for code in sorted(codes)
            for row in self.group.crosswalk
            if row.system == instance and row.local == old_code(code)
        ]
        for row in rows:
            self.stage.book.add(row)
        return rows

    def _settle(self, case: Case, verb: str, now: datetime, wiring: Wiring, raw: bytes = b"") -> None:
        decision = Decision(
            id=f"TIDY-{now:%Y%m%dT%H%M%S}-{case.id}",
            subject=Ref("Case", case.id),
            verb=verb,
            actor="operations-1",
            at=now,
            reason="asked the counterpart",
            position=self._position(case.id),
        )
        self._command(wiring, decision, now, raw)

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
            case SupplierTwin() as supplier, OrderChange(order=order, version=version):
                return any((change.order, change.version) == (order, version) for change in supplier.changes)
            case SupplierTwin() as supplier, Remittance(payment=payment):
                return any(note.payment == payment for note in supplier.remittances)
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

    # -- the crosswalk

    def crosswalk(self, luck: int) -> tuple[list[Crosswalk], list[Crosswalk]]:
        """A change of codes while documents are under way: rows to publish now, and rows to publish when it is over.

        A code is added beside the old one, takes its place in what we say, or is taken away for a while.
        """
        chance = Random(luck)
        row = chance.choice([row for row in self.group.crosswalk if row.kind != "supplier"])
        change = chance.choice(("added", "changed", "withdrawn"))
        if change != "withdrawn":
            # of several codes the least goes out
            new = structs.replace(row, local=f"{row.local}Y" if change == "added" else f"0{row.local}")
            self.stage.book.add(new)
            return [new], []
        return [structs.replace(row, effective_to=MORNING.date() - timedelta(days=30))], [row]


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
