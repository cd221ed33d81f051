"""A small network of real systems and processes in memory: every peer says yes, and keeps what it was asked."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from urllib.parse import unquote

from suture.extensions import found
from suture.formats import Profile, Stamp
from suture.formats.iso20022 import FORMAT as BANK
from suture.formats.json import FORMAT as JSON
from suture.journal import Journal, MemoryJournal
from suture.model import (
    BankAccount,
    ContractPrice,
    CostCenter,
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Item,
    Money,
    PaymentStatus,
    Place,
    Policy,
    Price,
    Quantity,
    ReceivedLine,
    Requisition,
    RequisitionLine,
    Supplier,
)
from suture.processes.rehearsal import START
from suture.runtime.clock import ManualClock
from suture.runtime.network import Instance, Network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.sandbox.still import Perform, Still
from suture.systems import System
from suture.transports import Arrival, Drop, Http, HttpReply, Reply, Request, Taken

SYSTEMS = dict(found("suture.systems", "SYSTEM", System))
TEN = Quantity(Decimal(10), "EA")
PRICE = Price(Decimal("4.00"), "USD", Quantity(Decimal(1), "EA"))
FORTY = Money(Decimal("40.00"), "USD")
ACCOUNTS = {
    "clearing_system": "USABA",
    "debtor_routing": "021000021",
    "debtor_account.NORTH": "9000000001",
    "debtor_name.NORTH": "North Hospital",
}
PAYING = Profile(us="SUTURE", partner="BANK", options=ACCOUNTS)
#: The other way in for each kind of document: who says it, through which channel.
SAID_BY: dict[type[Document], tuple[str, str]] = {
    Requisition: ("procurement", "webhook"),
    GoodsReceipt: ("inventory", "events"),
    Invoice: ("ap", "webhook"),
    PaymentStatus: ("bank", "in"),
}


def _policy(id: str, values: dict[str, object]) -> Policy:
    effective = START.replace(year=START.year - 1)
    return Policy(id=id, version=1, effective=effective, author="author", approver="controller", values=values)


MASTERS: tuple[Document, ...] = (
    _policy("approval_limits", {"auto": {"USD": "500"}}),
    _policy("tolerances", {"price_percent": "2"}),
    _policy("payment", {"release_limit": {"USD": "25000"}}),
    Supplier(
        id="ALDER",
        name="Alder Medical Supply Co",
        created_by="vendor-desk",
        account=BankAccount(holder="Alder Medical Supply Co", number="9876543210", routing="011401533"),
    ),
    Item(id="GLOVE", name="Glove, nitrile, M", unit="EA", account="1400"),
    Place(id="NSH-DOCK", name="Dock", kind="dock", entity="NORTH", facility="NSH"),
    CostCenter(id="CC-1", name="Surgery", entity="NORTH", facility="NSH", account="6100"),
    ContractPrice(id="CP-1", contract="C-1", supplier="ALDER", item="GLOVE", price=PRICE, effective_from=date(2026, 1, 1)),
)


def story(number: int) -> tuple[Document, ...]:
    """What partners say of one purchase: a requisition, goods, a bill, and the bank's word that it is paid."""
    request, order = f"R-{number}", f"PO-R-{number}"
    wanted = RequisitionLine(number=1, item="GLOVE", supplier="ALDER", quantity=TEN, cost_center="CC-1")
    billed = InvoiceLine(number=1, item="GLOVE", quantity=TEN, price=PRICE, amount=FORTY, order=order, order_line=1)
    return (
        Requisition(
            id=request,
            entity="NORTH",
            facility="NSH",
            ship_to="NSH-DOCK",
            requester="nurse-1",
            requested_at=START,
            lines=(wanted,),
        ),
        GoodsReceipt(
            id=f"GR-{number}",
            order=order,
            place="NSH-DOCK",
            received_at=START,
            receiver="dock-1",
            lines=(ReceivedLine(line=1, item="GLOVE", quantity=TEN),),
        ),
        Invoice(
            number=f"7{number}",
            supplier="ALDER",
            issued_on=START.date(),
            due_on=START.date(),
            currency="USD",
            lines=(billed,),
            total=FORTY,
            route="portal",
        ),
        PaymentStatus(payment=f"PAY-ALDER:7{number}-1", status="settled", at=START, amount=FORTY, bank_reference=f"BK-{number}"),
    )


class Peers:
    """All counterparts: each has its own numbers, takes what it is told, knows repeats by key, name or reference."""

    def __init__(self) -> None:
        self.taken: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.numbers = itertools.count(1)

    def link(self, name: str) -> Perform:
        """What ``Still`` calls to talk to one of them."""
        taken = self.taken.setdefault(name, {})

        def perform(request: Request) -> Reply:
            if isinstance(request, Drop):
                taken.setdefault(request.name, ("file", request.body))
                return Taken()
            assert isinstance(request, Http)
            if request.method == "GET":
                reference = unquote(request.path.rpartition("=")[2]).encode()
                there = any(b'"externalRef":"%b"' % reference in body for _, body in taken.values())
                return HttpReply(status=200, body=b'{"items":[{"number":"1"}]}' if there else b'{"items":[]}')
            number = next(self.numbers)
            taken.setdefault(request.headers.get("idempotency-key", str(number)), (request.path, request.body))
            return HttpReply(status=201, body=b'{"number":"%d"}' % number)

        return perform

    def told(self, name: str) -> list[tuple[str, bytes]]:
        """Where and what one of them was told, in order."""
        return list(self.taken[name].values())


def instances(erp: str = "erp_rest") -> tuple[Instance, ...]:
    """One counterpart for each role."""
    kinds = {
        "procurement": "procurement_rest",
        "erp": erp,
        "inventory": "inventory_rest",
        "ap": "ap_rest",
        "supplier": "supplier_x12",
        "bank": "bank_iso20022",
    }
    profiles = {"bank": PAYING, "supplier": Profile(us="SUTURE", partner="ALDER")}
    return tuple(
        Instance(name=role, system=system, role=role, address="memory://", profile=profiles.get(role, Profile()))
        for role, system in kinds.items()
    )


def small_network(systems: Mapping[str, System] = SYSTEMS, erp: str = "erp_rest") -> tuple[Still, Peers]:
    """The network in the morning, with its masters."""
    journal, peers = MemoryJournal(b"k" * 32), Peers()
    still = started(journal, peers, ManualClock(START), systems, erp)
    publish(still.wiring, MASTERS, START)
    return still, peers


def started(
    journal: Journal, peers: Peers, clock: ManualClock, systems: Mapping[str, System] = SYSTEMS, erp: str = "erp_rest"
) -> Still:
    """The process as it begins on a journal, be it empty or left by one that died."""
    network = Network(name="small", instances=instances(erp))
    wiring = Wiring(journal, network, privacy_key=b"p" * 32, systems=systems)
    return Still(wiring, clock, {instance.name: peers.link(instance.name) for instance in network.instances})


def arrivals(documents: Sequence[Document]) -> list[Arrival]:
    """Documents as their senders send them: the bank in its own format, the others as JSON."""
    return [_arrival(document, number) for number, document in enumerate(documents, start=1)]


def _arrival(document: Document, number: int) -> Arrival:
    name, channel = SAID_BY[type(document)]
    format, profile = (BANK, PAYING) if isinstance(document, PaymentStatus) else (JSON, Profile())
    assert format.write is not None
    stamp = Stamp(number=number, at=START.isoformat())
    return Arrival(instance=name, channel=channel, raw=format.write(document, profile, stamp))
