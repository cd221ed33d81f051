"""An EHR that charges what theatre used: HL7 v2 DFT^P03 over MLLP, acknowledged after the commit."""

from __future__ import annotations

from suture.model import Usage
from suture.systems.system import Channel, System

SYSTEM = System(
    name="ehr_mllp",
    title="EHR and perioperative system (HL7 v2 over MLLP)",
    role="ehr",
    accepts={},
    channels=(Channel(name="charges", transport="mllp", format="hl7v2"),),
    emits=(Usage,),
    codes=("item", "place"),
)
