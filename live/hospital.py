"""A small hospital for the live run: its masters and policies, its network, and the people and dock who act in it."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec

from live import setup
from live.count import asked
from suture.formats import Profile
from suture.model import (
    Approval,
    BankAccount,
    ContractPrice,
    CostCenter,
    Crosswalk,
    Document,
    Entity,
    GoodsReceipt,
    Item,
    Money,
    Person,
    Place,
    Policy,
    Price,
    Quantity,
    ReceivedLine,
    Ref,
    Requisition,
    RequisitionLine,
    Supplier,
    encode,
)
from suture.runtime.network import Instance, Network
from suture.transports import Answer, Arrival, Http, HttpReply, Reply, Request

#: The supplier bills us under the name by which mock-edi knows its customer; Tryton's company for it is an option.
ENTITY = "ACME"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
#: Our item, what mock-edi's catalogue calls it, its unit there (X12) and here, its price.
ITEMS = (
    ("GLV-M", "Nitrile gloves M", "WIDGET-001", "EA", "12.50"),
    ("SYR-10", "Syringe 10 ml", "CABLE-2M", "EA", "3.95"),
    ("SEAL-4", "Seal kit", "SEAL-KIT", "CS", "22.30"),
)
#: Who may approve what; the requester is none of them.
PEOPLE = (("head-1", "department_head"), ("treasury-1", "treasury"), ("treasury-2", "treasury"))
#: An invented payee at a bank that mock-bank does not keep; the IBAN is the one that IBAN registries print as their example.
PAYEE = BankAccount("Mock EDI Supply Co", "GB29NWBK60161331926819", "NWBKGB2L")
DEBTOR_IBAN = "NL41MOCK0000000001"


def each(amount: str, unit: str) -> Price:
    """A price of one."""
    return Price(Decimal(amount), "USD", Quantity(Decimal(1), unit))


def masters() -> list[Document]:
    """Everything that is known before the first requisition."""
    documents: list[Document] = [
        Entity(id=ENTITY, name="Harbor Health", currency="USD"),
        Place(id="H1", name="Harbor General", kind="facility", entity=ENTITY, facility="H1"),
        Place(id="H1-DOCK", name="Dock", kind="dock", entity=ENTITY, facility="H1", parent="H1"),
        CostCenter(id="CC-OR", name="Operating rooms", entity=ENTITY, facility="H1", account="5100"),
        Supplier(id="SUP-EDI", name="Mock EDI Supply Co", created_by="vendor-desk", terms_days=30, account=PAYEE),
    ]
    for id, role in PEOPLE:
        documents.append(Person(id=id, roles=(role,), limit=Money(Decimal(100_000), "USD")))
    for id, name, _, unit, amount in ITEMS:
        documents.append(Item(id=id, name=name, unit=unit, account="1310"))
        price = each(amount, unit)
        documents.append(
            ContractPrice(
                id=f"CP-{id}", contract="GPO-1", supplier="SUP-EDI", item=id, price=price, effective_from=date(2020, 1, 1)
            )
        )
    return [*documents, *_policies(), *_crosswalk()]


def _policies() -> list[Policy]:
    values: dict[str, dict[str, Any]] = {
        "approval_limits": {
            "auto": {"USD": "500"},
            "levels": [{"role": "department_head", "limit": {"USD": "50000"}}, {"role": "treasury", "limit": {"USD": "50000"}}],
        },
        "tolerances": {},
        "receiving": {"over_percent": "0"},
        "payment": {"release_limit": {"USD": "300"}, "two_approvers_over": {"USD": "700"}},
        "waits": {"acknowledgement_hours": "2000", "shipment_hours": "2000", "payment_status_hours": "2000"},
        # the line is bad on purpose: nobody waits longer than it takes
        "retry": {"default": {"first_s": "0.5"}},
    }
    return [
        Policy(id=name, version=1, effective=LONG_AGO, author="policy-author", approver="controller", values=value)
        for name, value in values.items()
    ]


def _crosswalk() -> list[Crosswalk]:
    def row(system: str, kind: Any, local: str, golden: str) -> Crosswalk:
        return Crosswalk(system=system, kind=kind, local=local, golden=golden)

    rows = [row("supplier-edi", "supplier", "MOCKEDI", "SUP-EDI")]
    rows += [row("supplier-edi", "place", place, place) for place in ("H1", "H1-DOCK")]
    rows += [row("supplier-edi", "item", theirs, ours) for ours, _, theirs, _, _ in ITEMS]
    rows += [row(system, "supplier", "SUP-EDI", "SUP-EDI") for system in ("tryton", "procurement", "ap")]
    rows += [row(system, "item", item[0], item[0]) for item in ITEMS for system in ("tryton", "procurement", "inventory")]
    return rows


def network(tryton: str, supplier: str, bank: str) -> Network:
    """The hospital's network: three peers that nobody here wrote, and the hospital's own desks and dock."""
    tryton_options = {
        "database": "erp",
        "user": "suture",
        "unit.EA": "u",
        "unit.CS": "cs",
        "company.ACME": "HARBOR",
        "warehouse": "WH",
        "bank_account": "1010",
        "charge_account": "5100",
    }
    x12 = Profile(us="ACME", partner="MOCKEDI", options={"item_qualifier": "VP"})
    iso = Profile(
        us="ACME",
        partner="MOCKBANK",
        options={"debtor_account": DEBTOR_IBAN, "debtor_routing": "MOCKNL2A", "debtor_name": "Harbor Health"},
    )
    return Network(
        name="live",
        instances=(
            Instance(
                name="tryton",
                system="tryton",
                role="erp",
                address=tryton,
                password=f"file:{setup.PASSWORD}",
                options=tryton_options,
            ),
            Instance(name="supplier-edi", system="supplier_x12_http", role="supplier", address=supplier, profile=x12),
            Instance(name="bank", system="bank_iso20022_http", role="bank", address=bank, profile=iso),
            Instance(name="procurement", system="procurement_rest", role="procurement"),
            Instance(name="inventory", system="inventory_rest", role="inventory"),
            Instance(name="ap", system="ap_rest", role="ap"),
        ),
    )


def requisition(number: int) -> Requisition:
    """The requisition of one chain; quantities differ, so that every order, bill and payment has an amount of its own."""
    lines = [(number % len(ITEMS), 20 + number), ((number + 1) % len(ITEMS), 3 + number)][: 1 + number % 2]
    return Requisition(
        id=f"R-{number}",
        entity=ENTITY,
        facility="H1",
        ship_to="H1-DOCK",
        requester="nurse-1",
        requested_at=datetime.now(UTC).replace(microsecond=0),
        lines=tuple(
            RequisitionLine(
                number=n,
                item=ITEMS[which][0],
                supplier="SUP-EDI",
                quantity=Quantity(Decimal(count), ITEMS[which][3]),
                cost_center="CC-OR",
            )
            for n, (which, count) in enumerate(lines, 1)
        ),
    )


def total(requisition: Requisition) -> Decimal:
    """What it comes to at our contract prices."""
    prices = {id: Decimal(amount) for id, _, _, _, amount in ITEMS}
    return sum((prices[line.item] * line.quantity.value for line in requisition.lines), Decimal(0)).quantize(Decimal("0.01"))


Accept = Callable[[Arrival], Awaitable[Answer]]


class Desks:
    """The procurement suite, the AP platform and the inventory system of this hospital: they take what they are told.

    No product stands behind these three. Approvers answer what they are asked, a different person each time.
    """

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        self.to_answer: list[tuple[str, Approval]] = []
        self._asked: Counter[str] = Counter()

    def link(self, instance: str) -> Desk:
        """The way to one of them."""
        return Desk(self, instance)

    def take(self, instance: str, request: Http) -> None:
        """One request of Suture's."""
        self.heard[f"{instance} {request.path.rpartition('/')[2]}"] += 1
        if request.path.endswith("/approval-tasks"):
            self._decide(instance, msgspec.json.decode(request.body))

    def _decide(self, instance: str, task: dict[str, Any]) -> None:
        able = [id for id, role in PEOPLE if role == task["approverRole"]]
        subject = Ref(task["subject"]["type"], task["subject"]["id"])
        approver = able[self._asked[str(subject)] % len(able)]
        self._asked[str(subject)] += 1
        approval = Approval(
            id=f"{task['taskId']}/answer",
            request=task["taskId"],
            subject=subject,
            approver=approver,
            decision="approve",
            at=datetime.now(UTC),
        )
        self.to_answer.append((instance, approval))

    async def answer(self, accept: Accept) -> None:
        """Hand in the answers that are due."""
        waiting, self.to_answer = self.to_answer, []
        for instance, approval in waiting:
            await accept(Arrival(instance=instance, channel="webhook", raw=encode(approval)))


class Desk:
    """The way to one of the hospital's own systems."""

    def __init__(self, desks: Desks, instance: str) -> None:
        self._desks, self._instance = desks, instance

    async def perform(self, request: Request) -> Reply:
        """Taken."""
        assert isinstance(request, Http)
        self._desks.take(self._instance, request)
        return HttpReply(status=200, body=b"{}")

    async def close(self) -> None:
        """Nothing to give back."""


class Dock:
    """The dock counts what lorries bring: what the supplier's own books say has left, asked past Suture."""

    def __init__(self, supplier: str) -> None:
        self._supplier = supplier
        self._numbers = itertools.count(1)
        self._unloaded: set[str] = set()
        self.receipts: list[GoodsReceipt] = []

    async def unload(self, accept: Accept, ours: Callable[[str], bool]) -> None:
        """Count what has arrived since; every second order comes on two lorries."""
        rows = await asyncio.to_thread(asked, f"{self._supplier}/_mock/orders?limit=1000")
        for row in rows:
            order = row["po_number"]
            if order not in self._unloaded and ours(order) and row["status"] in ("shipped", "invoiced"):
                self._unloaded.add(order)
                whole = await asyncio.to_thread(asked, f"{self._supplier}/_mock/orders/{order}")
                for receipt in self._receipts(order, whole["lines"]):
                    self.receipts.append(receipt)
                    await accept(Arrival(instance="inventory", channel="events", raw=encode(receipt)))

    def _receipts(self, order: str, lines: list[dict[str, Any]]) -> list[GoodsReceipt]:
        counted = [(int(line["line"]), line["sku"], Decimal(str(line["shipped"]))) for line in lines]
        lorries = [counted]
        if len(self._unloaded) % 2 == 0:
            lorries = [[(n, sku, count - 2) for n, sku, count in counted], [(n, sku, Decimal(2)) for n, sku, _ in counted]]
        return [self._receipt(order, lorry) for lorry in lorries]

    def _receipt(self, order: str, lorry: list[tuple[int, str, Decimal]]) -> GoodsReceipt:
        known = {theirs: (ours, unit) for ours, _, theirs, unit, _ in ITEMS}
        return GoodsReceipt(
            id=f"GR-{next(self._numbers)}",
            order=order,
            place="H1-DOCK",
            received_at=datetime.now(UTC).replace(microsecond=0),
            receiver="dock-1",
            lines=tuple(ReceivedLine(line=n, item=known[sku][0], quantity=Quantity(q, known[sku][1])) for n, sku, q in lorry),
        )
