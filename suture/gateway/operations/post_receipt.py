"""Post a goods receipt, or the reversal of one."""

from __future__ import annotations

from collections.abc import Sequence

from suture.gateway import samples, standing
from suture.gateway.access import ANYTHING, About
from suture.gateway.operation import Criticality, Example, Inside, Operation
from suture.model import GoodsReceipt


async def about(document: GoodsReceipt, inside: Inside) -> Sequence[About]:
    """Whose the order is, where it is known already."""
    found = await standing.order(document.order, inside)
    return (found.about if found else ANYTHING,)


OPERATION = Operation(
    name="post_receipt",
    title="Post a goods receipt",
    text="Counted against the order in the unit in which it was counted; a receipt that comes before its order waits for it.",
    layer="process",
    method="POST",
    path="/receipts",
    takes=(GoodsReceipt,),
    permission="receipts.submit",
    owner="supply_chain",
    data_class="internal",
    quota="critical",
    latency_ms=250,
    criticality=Criticality(tolerance_s=60, volume_per_day=10_000, recovery="retry"),
    about=about,
    rests_on=("order_to_receipt",),
    examples=(Example(document=samples.RECEIPT, answer=samples.accepted("GoodsReceipt:GR-1")),),
)
