"""Which contract price holds for a supplier, an item, a place, a day and a quantity."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from msgspec import Struct

from suture.gateway import samples
from suture.gateway.access import About
from suture.gateway.answers import PriceCheck
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said
from suture.model import ContractPrice, InexactConversion, Item, Money, Quantity, UnitMismatch
from suture.rules.sourcing import contract_price


class Asked(Struct, frozen=True):
    """What would be bought; ``price`` is for one of the contract price's own basis, in its currency."""

    supplier: str
    item: str
    quantity: Decimal = Decimal(1)
    unit: str = ""
    facility: str = ""
    day: date | None = None
    price: Decimal | None = None


async def answer(given: Given, inside: Inside) -> Said:
    """The same rule by which orders are priced."""
    asked, day = given.asked, given.asked.day or given.now.date()
    item: Item | None = next((each for each in await inside.filed(Item, asked.item)), None)
    agreed, text = None, "" if item else f"item {asked.item} is unknown"
    if item is not None:
        try:
            wanted = Quantity(asked.quantity, asked.unit or item.unit)
            prices = await inside.filed(ContractPrice, f"{asked.supplier}/{asked.item}")
            agreed = contract_price(prices, item, wanted, asked.facility, day)
        except (UnitMismatch, InexactConversion) as error:
            text = str(error)
    value = _judged(asked, day, agreed, text)
    tag = f"{agreed.id if agreed else '-'}-{value.verdict}-{day}"
    return Said(value=value, about=(About(facility=asked.facility),), etag=tag)


def _judged(asked: Asked, day: date, agreed: ContractPrice | None, text: str) -> PriceCheck:
    if agreed is None:
        none = text or "no contract price holds for it"
        return PriceCheck(supplier=asked.supplier, item=asked.item, day=day, verdict="none", text=none)
    variance = None if asked.price is None else Money(asked.price - agreed.price.amount, agreed.price.currency)
    differs = variance is not None and variance.amount != 0
    return PriceCheck(
        supplier=asked.supplier,
        item=asked.item,
        day=day,
        verdict="differs" if differs else "agreed",
        price=agreed,
        variance=variance,
    )


OPERATION = Operation(
    name="check_contract_price",
    title="Check a contract price",
    text="The facility's own price goes before the group's, then the highest minimum quantity reached, then the youngest.",
    layer="process",
    method="GET",
    path="/contract-prices",
    asks=Asked,
    gives=PriceCheck,
    answer=answer,
    permission="contracts.read",
    owner="procurement",
    data_class="financial",
    latency_ms=200,
    criticality=Criticality(tolerance_s=5, volume_per_day=20_000, recovery="retry"),
    rests_on=("masters",),
    examples=(
        Example(
            given={"supplier": "ALDER", "item": "GLOVE", "day": "2026-03-02"},
            answer=PriceCheck(supplier="ALDER", item="GLOVE", day=date(2026, 3, 2), verdict="agreed", price=samples.CONTRACT),
        ),
    ),
)
