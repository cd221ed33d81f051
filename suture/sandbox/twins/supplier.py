"""The twin of a supplier: it sells under its own item codes, answers in X12, ships in parts, and bills with mistakes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from random import Random

from msgspec import Struct, structs

from suture.formats import Profile, Stamp, Verdict
from suture.formats.x12 import FORMAT
from suture.model import (
    AcknowledgedLine,
    Charge,
    CreditNote,
    Document,
    FunctionalAcknowledgement,
    Invoice,
    InvoiceLine,
    Money,
    OrderAcknowledgement,
    OrderChange,
    OrderLine,
    Price,
    PurchaseOrder,
    Quantity,
    ReceivedLine,
    Remittance,
    ShipNotice,
    ShippedLine,
)
from suture.sandbox.twins.inventory import Parcel, shelf_life
from suture.sandbox.twins.twin import Agenda, Twin

#: Hands a parcel to the lorry: it arrives at the dock of a place at a time.
Carrier = Callable[[Parcel, datetime], None]
#: Uploads an invoice to the hospital's portal as well.
Portal = Callable[[Invoice], None]


class Habits(Struct, frozen=True, kw_only=True):
    """How often a supplier deviates, in shares of orders or invoices."""

    reject_line: float = 0.02
    backorder: float = 0.05
    price_change: float = 0.02
    split: float = 0.12
    late_notice: float = 0.05
    early_invoice: float = 0.08
    overcharge: float = 0.05
    overcharge_percent: Decimal = Decimal(10)
    overbill: float = 0.02
    freight: float = 0.10
    duplicate_invoice: float = 0.03
    portal_too: float = 0.02
    repeat_file: float = 0.03
    #: Invoices after which a part of the price is given back.
    credit: float = 0.0
    #: Whether bills name the price of the answer where that is another than the order's.
    bills_as_answered: bool = False


class SupplierTwin(Twin):
    """Takes interchanges from its inbox folder and leaves answers in its outbox folder."""

    def __init__(
        self,
        name: str,
        agenda: Agenda,
        chance: Random,
        profile: Profile,
        carrier: Carrier,
        portal: Portal,
        tracked: Callable[[str], tuple[bool, str]],
        habits: Habits | None = None,
    ) -> None:
        super().__init__(name, agenda)
        self.chance, self.profile, self.carrier, self.portal = chance, profile, carrier, portal
        self.tracked, self.habits = tracked, habits or Habits()
        self.control, self.serial = itertools.count(1), itertools.count(1)
        self.seen: set[str] = set()
        self.orders: list[PurchaseOrder] = []
        self.changes: list[OrderChange] = []
        self.invoices: list[Invoice] = []
        self.credits: list[CreditNote] = []
        self.remittances: list[Remittance] = []
        #: What we were told of our interchanges: their control numbers, and whether they could be read.
        self.acknowledged: set[tuple[str, bool]] = set()
        self.repeats = 0
        self.closed_until: datetime | None = None

    # -- what comes in

    def receive(self, raw: bytes, now: datetime) -> None:
        """An interchange lies in the inbox; one whose control number was seen is not processed again."""
        reading = FORMAT.read(raw, self.profile)
        if reading.kind in ("997", "TA1"):
            words = (word for word in reading.documents if isinstance(word, FunctionalAcknowledgement))
            self.acknowledged |= {(word.reference, word.accepted) for word in words}
            return
        if reading.message_id in self.seen:
            self.repeats += 1
            return
        self.seen.add(reading.message_id)
        self._acknowledge(reading, now)
        for document in reading.documents:
            self._take(document, now)

    def _acknowledge(self, reading: object, now: datetime) -> None:
        stamp = Stamp(number=next(self.control), at=now.isoformat())
        verdict = Verdict(outcome="accepted", stamp=stamp)
        assert FORMAT.acknowledge is not None
        raw = FORMAT.acknowledge(reading, verdict, self.profile)  # type: ignore[arg-type]  # a Reading, named loosely here
        if raw:
            self.say("in", raw, f"{stamp.number:09d}.x12")

    def _take(self, document: Document, now: datetime) -> None:
        match document:
            case PurchaseOrder():
                self.orders.append(document)
                self.agenda.at(now + self._hours(0.5, 4), lambda later: self._confirm(document, later))
            case OrderChange():
                self.changes.append(document)
            case Remittance():
                self.remittances.append(document)

    # -- what goes out

    def _hours(self, least: float, most: float) -> timedelta:
        return timedelta(minutes=round(60 * self.chance.uniform(least, most)))

    def _send(self, document: Document, now: datetime) -> None:
        stamp = Stamp(number=next(self.control), at=now.isoformat())
        assert FORMAT.write is not None
        raw = FORMAT.write(document, self.profile, stamp)
        self.say("in", raw, f"{stamp.number:09d}.x12")
        if self.chance.random() < self.habits.repeat_file:
            self.say("in", raw, f"{stamp.number:09d}-again.x12")

    def _confirm(self, order: PurchaseOrder, now: datetime) -> None:
        lines = tuple(self._answered(line) for line in order.lines)
        changed = any(line.status != "accepted" for line in lines)
        rejected = all(line.status == "rejected" for line in lines)
        status = "rejected" if rejected else "changed" if changed else "accepted"
        acknowledgement = OrderAcknowledgement(
            number=f"A{next(self.serial)}",
            order=order.id,
            supplier=order.supplier,
            at=now,
            status="rejected" if status == "rejected" else "changed" if status == "changed" else "accepted",
            lines=lines,
        )
        self._send(acknowledgement, now)
        pairs = zip(order.lines, lines, strict=True)
        wanted = [self._as_answered(line, said) for line, said in pairs if said.status != "rejected"]
        if wanted:
            self._plan_shipping(order, wanted, any(said.status == "backordered" for said in lines), now)

    def _answered(self, line: OrderLine) -> AcknowledgedLine:
        luck, habits = self.chance.random(), self.habits
        if luck < habits.reject_line:
            return AcknowledgedLine(number=line.number, status="rejected", quantity=line.quantity)
        if luck < habits.reject_line + habits.backorder:
            return AcknowledgedLine(number=line.number, status="backordered", quantity=line.quantity)
        if luck < habits.reject_line + habits.backorder + habits.price_change:
            dearer = structs.replace(line.price, amount=(line.price.amount * Decimal("1.05")).quantize(Decimal("0.01")))
            return AcknowledgedLine(number=line.number, status="price_changed", quantity=line.quantity, price=dearer)
        return AcknowledgedLine(number=line.number, status="accepted", quantity=line.quantity)

    def _as_answered(self, line: OrderLine, said: AcknowledgedLine) -> OrderLine:
        return structs.replace(line, price=said.price) if said.price and self.habits.bills_as_answered else line

    def _plan_shipping(self, order: PurchaseOrder, lines: list[OrderLine], later: bool, now: datetime) -> None:
        start = now + self._hours(4, 16) + (timedelta(days=2) if later else timedelta())
        parts = [lines]
        if self.chance.random() < self.habits.split:
            parts = [[_part(line, 0) for line in lines], [_part(line, 1) for line in lines]]
        for index, part in enumerate(parts):
            real = [line for line in part if line.quantity.value > 0]
            if real:
                self.agenda.at(start + timedelta(days=index), partial(self._ship, order, real))

    def _ship(self, order: PurchaseOrder, lines: list[OrderLine], now: datetime) -> None:
        packed = tuple(self._packed(line, now) for line in lines)
        notice = ShipNotice(
            number=f"{self.name.upper()}-S{next(self.serial):06d}",
            supplier=order.supplier,
            shipped_at=now,
            expected_on=(now + timedelta(days=1)).date(),
            carrier="LORRY",
            lines=tuple(
                ShippedLine(order=order.id, line=one.line, item=one.item, quantity=one.quantity, lot=one.lot, expires=one.expires)
                for one in packed
            ),
        )
        arrival = now + self._hours(8, 26)
        told = arrival + timedelta(hours=2) if self.chance.random() < self.habits.late_notice else now
        self.agenda.at(told, lambda moment: self._send(notice, moment))
        self.carrier(Parcel(order=order.id, place=order.ship_to, lines=packed), arrival)
        billed = now if self.chance.random() < self.habits.early_invoice else arrival + self._hours(1, 24)
        self.agenda.at(billed, lambda moment: self._bill(order, lines, moment))

    def _packed(self, line: OrderLine, now: datetime) -> ReceivedLine:
        lot_tracked, _ = self.tracked(line.item)
        lot = f"L{self.chance.randint(10_000, 99_999)}" if lot_tracked else ""
        expires = shelf_life(now, self.chance) if lot else None
        return ReceivedLine(line=line.number, item=line.item, quantity=line.quantity, lot=lot, expires=expires)

    def _bill(self, order: PurchaseOrder, lines: list[OrderLine], now: datetime) -> None:
        invoice = self._invoice(order, lines, now.date())
        self.invoices.append(invoice)
        self._send(invoice, now)
        if self.chance.random() < self.habits.duplicate_invoice:
            self.agenda.at(now + timedelta(hours=6), lambda moment: self._send(invoice, moment))
        if self.chance.random() < self.habits.portal_too:
            self.portal(invoice)
        if self.habits.credit and self.chance.random() < self.habits.credit:
            self.agenda.at(now + timedelta(days=2), lambda moment: self._credit(invoice, moment))

    def _credit(self, invoice: Invoice, now: datetime) -> None:
        """A tenth of the first line's price is given back."""
        line = invoice.lines[0]
        price = structs.replace(line.price, amount=(line.price.amount / 10).quantize(Decimal("0.01")))
        back = structs.replace(line, price=price, amount=price.of(line.quantity).rounded())
        credit = CreditNote(
            number=f"{self.name.upper()}-C{next(self.serial):06d}",
            supplier=invoice.supplier,
            issued_on=now.date(),
            currency=invoice.currency,
            lines=(back,),
            total=back.amount,
            corrects=invoice.number,
        )
        self.credits.append(credit)
        self._send(credit, now)

    def _invoice(self, order: PurchaseOrder, lines: list[OrderLine], day: date) -> Invoice:
        luck, habits = self.chance.random(), self.habits
        dearer = luck < habits.overcharge
        more = not dearer and luck < habits.overcharge + habits.overbill
        billed = tuple(self._billed(order, line, dearer, more) for line in lines)
        freight = Money(Decimal("12.50"), order.currency) if self.chance.random() < habits.freight else None
        total = sum((line.amount.amount for line in billed), Decimal(0)) + (freight.amount if freight else 0)
        return Invoice(
            number=f"{self.name.upper()}-{next(self.serial):06d}",
            supplier=order.supplier,
            issued_on=day,
            currency=order.currency,
            lines=billed,
            charges=(Charge(kind="freight", amount=freight),) if freight else (),
            total=Money(total, order.currency),
            due_on=day + timedelta(days=10),
        )

    def _billed(self, order: PurchaseOrder, line: OrderLine, dearer: bool, more: bool) -> InvoiceLine:
        price = Price(self._raised(line.price.amount), line.price.currency, line.price.per) if dearer else line.price
        quantity = Quantity(line.quantity.value + 1, line.quantity.unit) if more else line.quantity
        return InvoiceLine(
            number=line.number,
            item=line.item,
            quantity=quantity,
            price=price,
            amount=price.of(quantity).rounded(),
            order=order.id,
            order_line=line.number,
        )

    def _raised(self, amount: Decimal) -> Decimal:
        return (amount * (1 + self.habits.overcharge_percent / 100)).quantize(Decimal("0.01"))


def _part(line: OrderLine, index: int) -> OrderLine:
    first = (line.quantity.value / 2).to_integral_value()
    value = first if index == 0 else line.quantity.value - first
    return structs.replace(line, quantity=Quantity(value, line.quantity.unit))
