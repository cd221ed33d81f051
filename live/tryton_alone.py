"""Tryton alone: each document is brought while ``faulty`` swallows the reply of the very call that makes it, then counted.

``python -m live.tryton_alone``. The connector is the one that Suture runs with; the conversation is held by the runtime's own
driver; what is counted is counted in Tryton's database.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path

from msgspec import Struct

from live import setup
from live.count import Found, in_tryton
from live.peers import faulty, tryton
from live.place import run_folder
from live.processes import heed_signals
from suture.formats import Profile, Stamp
from suture.model import (
    CreditNote,
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Money,
    OrderChange,
    OrderLine,
    Posting,
    PostingLine,
    Price,
    PurchaseOrder,
    Quantity,
    ReceivedLine,
    Remittance,
    RemittedInvoice,
)
from suture.runtime.deliver import conversation
from suture.runtime.drive import drive
from suture.runtime.secrets import secret
from suture.systems import Awaiting, Call, Done, Outcome, Refused
from suture.systems.tryton import SYSTEM
from suture.systems.tryton_goods import bring_order
from suture.systems.tryton_rpc import converse
from suture.transports.exchange import Http, Link, Reply, Request
from suture.transports.http import HttpLink

NOW = datetime.now(UTC).replace(microsecond=0)
TODAY = NOW.date()
#: The order that is sent without looking first, to see that the count can tell.
CONTROL = "PO-CONTROL"
#: A swallowed reply is waited for this long.
PATIENCE_S = 3.0
OPTIONS = {
    "database": "erp",
    "user": "suture",
    "unit.EA": "u",
    "unit.CT": "cs",
    "bank_account": "1010",
    "charge_account": "5100",
    "discount_account": "6.1.1",
    "warehouse": "WH",
}


class Swallow:
    """A link whose first request that mentions ``method`` goes through a proxy that never brings the reply back."""

    def __init__(self, clean: HttpLink, deaf: HttpLink, method: str) -> None:
        self._clean, self._deaf, self._method = clean, deaf, method.encode()
        self.swallowed = 0

    async def perform(self, request: Request) -> Reply:
        """The reply, or NoReply for the one request that is to be doubtful."""
        if not self.swallowed and self._method and isinstance(request, Http) and self._method in request.body:
            self.swallowed += 1
            return await self._deaf.perform(request)
        return await self._clean.perform(request)

    async def close(self) -> None:
        """The links are the run's; nothing to give back."""


class Trial(Struct, frozen=True, kw_only=True):
    """One document, the call whose reply is swallowed ("" for none), and how it must end."""

    document: Document
    swallow: str = ""
    ends: type = Done


def _price(amount: str, unit: str = "EA") -> Price:
    return Price(Decimal(amount), "USD", Quantity(Decimal(1), unit))


def order(id: str, *lines: tuple[str, str, str]) -> PurchaseOrder:
    """An order over (item, quantity, price)."""
    return PurchaseOrder(
        id=id,
        requisition=f"R-{id}",
        entity="HARBOR",
        facility="H1",
        ship_to="WH",
        supplier="SUP-EDI",
        currency="USD",
        ordered_at=NOW,
        lines=tuple(
            OrderLine(number=n, item=item, quantity=Quantity(Decimal(count), "EA"), price=_price(price), cost_center="CC-OR")
            for n, (item, count, price) in enumerate(lines, 1)
        ),
    )


def receipt(id: str, order: str, *lines: tuple[int, str, str, str], reverses: str = "") -> GoodsReceipt:
    """A receipt over (line, item, quantity, lot)."""
    counted = tuple(ReceivedLine(line=n, item=item, quantity=Quantity(Decimal(q), "EA"), lot=lot) for n, item, q, lot in lines)
    return GoodsReceipt(id=id, order=order, place="WH", received_at=NOW, lines=counted, reverses=reverses)


def bill(kind: type[Invoice], number: str, order: str, item: str, count: str, price: str, **more: object) -> Invoice:
    """A bill or credit over one line."""
    amount = Money(Decimal(count) * Decimal(price), "USD")
    line = InvoiceLine(
        number=1,
        item=item,
        quantity=Quantity(Decimal(count), "EA"),
        price=_price(price),
        amount=amount,
        order=order,
        order_line=1,
    )
    return kind(number=number, supplier="SUP-EDI", issued_on=TODAY, currency="USD", lines=(line,), total=amount, **more)  # type: ignore[arg-type]  # the keywords are Invoice's own


def payment(id: str, *paid: tuple[str, str]) -> Remittance:
    """A payment of (bill number, amount)."""
    lines = tuple(RemittedInvoice(invoice=f"SUP-EDI:{number}", paid=Money(Decimal(amount), "USD")) for number, amount in paid)
    total = Money(sum((line.paid.amount for line in lines), Decimal(0)), "USD")
    return Remittance(payment=id, supplier="SUP-EDI", amount=total, paid_on=TODAY, lines=lines, bank_reference=f"B-{id}")


def trials() -> list[Trial]:
    """The story: orders, a partial receipt with lots, bills, payments, a credit, a cancellation, a reversal, and refusals."""
    usage = Posting(
        id="POST-1",
        entity="HARBOR",
        facility="H1",
        kind="usage",
        at=NOW,
        cause="U-1",
        lines=(
            PostingLine(account="5100", amount=Money(Decimal("89.00"), "USD"), cost_center="CC-OR"),
            PostingLine(account="1310", amount=Money(Decimal("-89.00"), "USD")),
        ),
    )
    cancel = OrderChange(order="PO-3", version=1, supplier="SUP-EDI", at=NOW, kind="cancel")
    purchase, shipment, invoice, move = "purchase.purchase", "stock.shipment.in", "account.invoice", "account.move"
    return [
        Trial(document=order("PO-1", ("GLV-M", "100", "12.50"), ("CATH-6F", "5", "89.00")), swallow=f"{purchase}.create"),
        Trial(document=order("PO-2", ("SYR-10", "40", "3.95")), swallow=f"{purchase}.confirm"),
        Trial(document=order("PO-3", ("GLV-M", "10", "12.50")), swallow=f"{purchase}.quote"),
        Trial(
            document=receipt("GR-1", "PO-1", (1, "GLV-M", "60", ""), (2, "CATH-6F", "2", "LOT-A"), (2, "CATH-6F", "3", "LOT-B")),
            swallow=f"{shipment}.create",
        ),
        Trial(document=receipt("GR-2", "PO-1", (1, "GLV-M", "40", "")), swallow=f"{shipment}.do"),
        Trial(document=receipt("GR-3", "PO-2", (1, "SYR-10", "41", "")), ends=Refused),
        Trial(document=bill(Invoice, "INV-1", "PO-1", "GLV-M", "100", "12.50"), swallow=f"{invoice}.create"),
        Trial(document=bill(Invoice, "INV-2", "PO-1", "CATH-6F", "5", "89.00"), swallow=f"{invoice}.post"),
        Trial(document=payment("PAY-1", ("INV-1", "1000.00")), swallow=f"{move}.create"),
        Trial(document=payment("PAY-2", ("INV-1", "250.00"), ("INV-2", "445.00")), swallow="reconcile_lines.execute"),
        Trial(
            document=bill(CreditNote, "CR-1", "PO-1", "GLV-M", "6", "12.50", corrects="INV-1"),
            swallow=f"{invoice}.validate_invoice",
        ),
        Trial(document=usage, swallow=f"{move}.post"),
        Trial(document=cancel, swallow="stock.move.cancel"),
        Trial(document=receipt("GR-1R", "PO-1", (1, "GLV-M", "60", ""), reverses="GR-1"), swallow=f"{shipment}.return.create"),
        Trial(document=order("PO-9", ("NO-SUCH", "1", "1.00")), ends=Refused),
    ]


async def bring(trial: Trial, number: int, clean: HttpLink, deaf: HttpLink) -> tuple[Outcome, int, int]:
    """Deliver as the runtime would: in doubt look first, at most five attempts; the outcome, attempts, replies swallowed."""
    operation = SYSTEM.accepts[type(trial.document)]
    link: Link = Swallow(clean, deaf, trial.swallow)
    stamp = Stamp(number=number, at=NOW.isoformat())
    password = partial(secret, f"file:{setup.PASSWORD}")
    outcome: Outcome | None = None
    for attempt in range(1, 6):
        call = Call(key=f"D-{number}", stamp=stamp, profile=Profile(), attempt=attempt, options=OPTIONS, password=password)
        steps = conversation(operation, trial.document, call, doubtful=outcome is not None)
        outcome = await drive(steps, link)
        if isinstance(outcome, Done | Refused | Awaiting):
            break
    assert isinstance(link, Swallow)
    assert outcome is not None
    return outcome, attempt, link.swallowed


@contextlib.asynccontextmanager
async def links(address: str, deaf: str) -> AsyncIterator[tuple[HttpLink, HttpLink]]:
    """A link to Tryton, and one through the proxy that swallows."""
    one, two = HttpLink(address, timeout_s=20), HttpLink(deaf, timeout_s=PATIENCE_S)
    try:
        yield one, two
    finally:
        await one.close()
        await two.close()


async def run(address: str, deaf: str) -> list[str]:
    """All trials, each twice (the second is a repeat that must change nothing); what went wrong."""
    wrong = []
    async with links(address, deaf) as (clean, swallowing):
        for number, trial in enumerate(trials(), 1):
            name = f"{type(trial.document).__name__} {trial.document.refs()[0].id}"
            outcome, attempts, swallowed = await bring(trial, number, clean, swallowing)
            again, _, _ = await bring(Trial(document=trial.document, ends=trial.ends), number, clean, swallowing)
            word = getattr(outcome, "reference", "") or getattr(outcome, "reason", "")
            print(f"{name:26} {type(outcome).__name__:8} attempts {attempts} swallowed {swallowed}  {word[:90]}", flush=True)
            if not isinstance(outcome, trial.ends) or (trial.swallow and (swallowed != 1 or attempts < 2)):
                wrong.append(f"{name}: {outcome} after {attempts} attempts, {swallowed} swallowed")
            if again != outcome:
                wrong.append(f"{name}: repeated it ended as {again}")
    return wrong


async def blindly(address: str) -> None:
    """The control: the same order sent twice without looking first. If Tryton did not file two, the run would prove nothing."""
    link, twice = HttpLink(address, timeout_s=20), order(CONTROL, ("GLV-M", "1", "12.50"))
    password = partial(secret, f"file:{setup.PASSWORD}")
    call = Call(key="D-0", stamp=Stamp(number=0, at=NOW.isoformat()), profile=Profile(), options=OPTIONS, password=password)
    for _ in range(2):
        await drive(converse(call, lambda session: bring_order(session, twice, None)), link)
    await link.close()


#: What Tryton must hold in the end: (our key, state), each exactly once. GR-3 stays a draft: the warning is a person's.
EXPECTED = {
    "orders": {("PO-1", "processing"), ("PO-2", "processing"), ("PO-3", "processing")},
    "receipts": {("GR-1", "done"), ("GR-2", "done"), ("GR-3", "draft")},
    "returns": {("GR-1R", "done")},
    "bills": {("INV-1", "paid"), ("INV-2", "paid"), ("CR-1", "posted")},
    "moves": {("PAY-1", "posted"), ("PAY-2", "posted"), ("POST-1", "posted")},
}


def judge(counted: dict[str, list[Found]]) -> list[str]:
    """What is missing, too much or in the wrong state in Tryton's database."""
    wrong = []
    control = [row for row in counted["orders"] if row.key == CONTROL]
    print(f"control   {len(control)} in Tryton of one order that was sent twice without looking first")
    if len(control) != 2:
        wrong.append(f"the control was filed {len(control)} times: this Tryton needs no look-up, or the count is wrong")
    for name, expected in EXPECTED.items():
        ours = [row for row in counted[name] if row.key != CONTROL]
        if name == "moves":
            ours = [row for row in ours if row.key in {key for key, _ in expected}]
        rows = [(row.key, row.state) for row in ours]
        twice = [key for key, times in Counter(key for key, _ in rows).items() if times > 1]
        print(f"{name:9} {len(rows)} in Tryton, {len(expected)} expected, {len(twice)} twice")
        if twice or set(rows) != expected:
            wrong.append(f"{name}: {rows}")
    return wrong


def main(folder: Path | None = None) -> int:
    """Run the trials against a fresh Tryton; 0 if everything is there exactly once."""
    folder = folder or run_folder()
    with tryton(folder) as (address, base), faulty(folder, address, drop_down=1.0) as deaf:
        wrong = asyncio.run(run(address, deaf.address))
        asyncio.run(blindly(address))
        wrong += judge(in_tryton(base))
    print("\n".join(wrong) or f"every document exactly once; logs in {folder}")
    return 1 if wrong else 0


if __name__ == "__main__":
    heed_signals()
    setup.main()
    sys.exit(main())
