"""The people, suppliers, items and documents of an invented hospital, as the tests of the money side use them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from suture.model import (
    BankAccount,
    ContractPrice,
    CreditNote,
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Item,
    Money,
    OrderLine,
    Pack,
    Person,
    Policy,
    Price,
    PurchaseOrder,
    Quantity,
    ReceiptPosted,
    ReceivedLine,
    Supplier,
)
from suture.processes.rehearsal import START

TODAY = START.date()
ACCOUNT = BankAccount(holder="Alder Medical Supply Co", number="9876543210", routing="011401533")


def usd(amount: str) -> Money:
    """Dollars."""
    return Money(Decimal(amount), "USD")


def pieces(count: int | str) -> Quantity:
    """So many pieces."""
    return Quantity(Decimal(count), "EA")


def each(amount: str) -> Price:
    """A price per piece."""
    return Price(Decimal(amount), "USD", pieces(1))


def policy(name: str, version: int = 1, **values: object) -> Policy:
    """A version of a policy, in force since yesterday."""
    since = START - timedelta(days=1)
    return Policy(id=name, version=version, effective=since, author="author", approver="controller", values=values)


POLICIES = (
    policy("tolerances", price_percent="2", price_amount={"USD": "5.00"}, freight={"USD": "25"}, services_two_way=True),
    policy("payment", release_limit={"USD": "1000"}, two_approvers_over={"USD": "5000"}),
    policy("approval_limits", levels=[{"role": "department_head", "limit": {"USD": "50000"}}]),
    policy("waits", receipt_hours=24, release_hours=48, payment_status_hours=72),
)
SUPPLIER = Supplier(id="ALDER", name="Alder Medical Supply Co", created_by="vendor-desk", terms_days=10, account=ACCOUNT)
PEOPLE = (
    *(Person(id=f"head-{number}", roles=("department_head",)) for number in (1, 2, 3)),
    Person(id="vendor-desk", roles=("department_head", "treasury")),
    Person(id="nurse", roles=("department_head",)),
    Person(id="clerk", roles=("requester",)),
    *(Person(id=f"treasurer-{number}", roles=("treasury",), limit=usd("100000")) for number in (1, 2, 3)),
    Person(id="junior", roles=("treasury",), limit=usd("500")),
)
ITEMS = (
    Item(id="GLOVE", name="Glove", unit="EA", packs=(Pack("BX", Decimal(12)),)),
    Item(id="STENT", name="Stent", unit="EA"),
)
CONTRACT = ContractPrice(
    id="CP-1", contract="GPO-7", supplier="ALDER", item="GLOVE", price=each("4.00"), effective_from=date(2026, 1, 1)
)
MASTERS: tuple[Document, ...] = (*POLICIES, SUPPLIER, *PEOPLE, *ITEMS, CONTRACT)


def without(*ids: str, also: tuple[Document, ...] = ()) -> tuple[Document, ...]:
    """The masters without those ids, and with others."""
    return (*(master for master in MASTERS if getattr(master, "id", "") not in ids), *also)


def order(
    id: str = "PO-1", count: int = 10, price: str = "4.00", *, requester: str = "nurse", item: str = "GLOVE"
) -> PurchaseOrder:
    """An order of one line."""
    return PurchaseOrder(
        id=id,
        requisition="R-1",
        entity="NORTH",
        facility="NSH",
        ship_to="NSH-OR",
        supplier="ALDER",
        currency="USD",
        ordered_at=START,
        requester=requester,
        lines=(OrderLine(number=1, item=item, quantity=pieces(count), price=each(price), cost_center="CC-1"),),
    )


def receipt(id: str = "GR-1", count: int = 10, *, order: str = "PO-1", reverses: str = "", item: str = "GLOVE") -> ReceiptPosted:
    """A receipt of one line, or the reversal of one."""
    lines = () if reverses else (ReceivedLine(line=1, item=item, quantity=pieces(count)),)
    goods = GoodsReceipt(id=id, order=order, place="NSH-OR", received_at=START, lines=lines, reverses=reverses)
    return ReceiptPosted(receipt=goods, entity="NORTH")


def line(number: int, count: int, price: str, order: str = "PO-1", item: str = "GLOVE") -> InvoiceLine:
    """A billed line; it bills line 1 of its order."""
    amount = usd(str(Decimal(price) * count))
    return InvoiceLine(
        number=number,
        item=item,
        quantity=pieces(count),
        price=each(price),
        amount=amount,
        order=order,
        order_line=1 if order else 0,
    )


def invoice(
    number: str = "77", count: int = 10, price: str = "4.00", *, orders: tuple[str, ...] = ("PO-1",), due: date | None = TODAY
) -> Invoice:
    """An invoice of one line per order, due today."""
    lines = tuple(line(index, count, price, order) for index, order in enumerate(orders, start=1))
    total = usd(str(Decimal(price) * count * len(lines)))
    return Invoice(number=number, supplier="ALDER", issued_on=TODAY, due_on=due, currency="USD", lines=lines, total=total)


def credit(number: str = "C1", count: int = 2, price: str = "4.00", *, corrects: str = "77", order: str = "PO-1") -> CreditNote:
    """A credit note of one line."""
    lines = (line(1, count, price, order),)
    total = lines[0].amount
    return CreditNote(
        number=number, supplier="ALDER", issued_on=TODAY, currency="USD", lines=lines, total=total, corrects=corrects
    )
