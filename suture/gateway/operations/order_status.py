"""Where an order stands: what was ordered, acknowledged, shipped and received, and whether the ERP holds it."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from suture.gateway import samples, standing
from suture.gateway.answers import LineStanding, OrderStanding
from suture.gateway.operation import Criticality, Example, Given, Inside, Operation, Said


class Asked(Struct, frozen=True):
    """Which order."""

    order: str


async def answer(given: Given, inside: Inside) -> Said | None:
    """The state of the process, and the ERP's own word or what is known of it."""
    found = await standing.order(given.asked.order, inside)
    if found is None:
        return None
    erp = await inside.holds("erp", found.order, found.about)
    refused = found.state.refused()
    lines = tuple(
        LineStanding(
            number=line.number,
            item=line.item,
            ordered=line.quantity,
            received=standing.received(found, line),
            rejected=refused.get(line.number, Decimal(0)),
        )
        for line in found.order.lines
    )
    value = OrderStanding(
        order=found.order,
        state=found.state.phase,
        version=found.version,
        lines=lines,
        expected_on=found.state.expected_on,
        exceptions=len(found.state.cases),
        erp=erp,
    )
    return standing.versioned(value, found.about, found.version)


OPERATION = Operation(
    name="order_status",
    title="Where an order stands",
    text=(
        "The state is the process's own and never waits for anybody; whether the ERP holds the order is asked there, and told as "
        '"unknown", with what was last known and since when, if it does not answer in time.'
    ),
    layer="process",
    method="GET",
    path="/orders/{order}",
    asks=Asked,
    gives=OrderStanding,
    answer=answer,
    permission="orders.read",
    owner="supply_chain",
    data_class="internal",
    quota="critical",
    latency_ms=500,
    criticality=Criticality(tolerance_s=5, volume_per_day=20_000, recovery="retry"),
    rests_on=("order_to_receipt", "erp"),
    examples=(
        Example(
            given={"order": "PO-R-1"},
            answer=OrderStanding(
                order=samples.ORDER,
                state="acknowledged",
                version=4,
                lines=(LineStanding(number=1, item="GLOVE", ordered=samples.TEN, received=Decimal(0), rejected=Decimal(0)),),
                expected_on=None,
                exceptions=0,
                erp=samples.HELD,
            ),
        ),
    ),
)
