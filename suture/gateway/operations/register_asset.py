"""Register an asset, or say what has become of one."""

from __future__ import annotations

from collections.abc import Sequence

from suture.gateway import samples
from suture.gateway.access import About
from suture.gateway.operation import Criticality, Example, Inside, Operation
from suture.model import Asset


async def about(document: Asset, inside: Inside) -> Sequence[About]:
    """Who owns it, and where it stands."""
    return (About(entity=document.entity, facility=document.facility),)


OPERATION = Operation(
    name="register_asset",
    title="Register an asset",
    text="Goes on to whoever maintains assets; the youngest word about an asset counts, by its ``at``.",
    layer="process",
    method="POST",
    path="/assets",
    takes=(Asset,),
    permission="assets.register",
    owner="biomed",
    data_class="internal",
    latency_ms=250,
    criticality=Criticality(tolerance_s=3_600, volume_per_day=200, recovery="retry"),
    about=about,
    rests_on=("handed_on",),
    examples=(Example(document=samples.ASSET, answer=samples.accepted("Asset:AS-1")),),
)
