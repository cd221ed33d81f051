"""Service levels: what a flow, event or mapping must withstand if it is critical to care, important, or background."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from suture.gateway.operation import Criticality

Level = Literal["critical", "important", "background"]

#: Supplies for care and money that moves; what people wait for within the hour; what is read tomorrow. Nothing accepted is lost
#: in any of them: the journal is written before anything is acknowledged, so there is no recovery point to agree on.
LEVELS: Mapping[str, Criticality] = MappingProxyType(
    {
        "critical": Criticality(tolerance_s=60, volume_per_day=100_000, recovery="retry"),
        "important": Criticality(tolerance_s=900, volume_per_day=250_000, recovery="retry"),
        "background": Criticality(tolerance_s=86_400, volume_per_day=1_000_000, recovery="replay"),
    }
)
