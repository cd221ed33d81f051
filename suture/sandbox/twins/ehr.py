"""The twin of an EHR: theatre documents what it used, and the interface engine sends it as HL7 v2 charges."""

from __future__ import annotations

import itertools
from datetime import datetime
from random import Random

from suture.formats import Profile, Stamp
from suture.formats.hl7v2 import FORMAT
from suture.model import Usage
from suture.sandbox.twins.twin import Agenda, Twin


class EhrTwin(Twin):
    """Sends DFT^P03 with the patient's name and number, as real ones do; Suture must not keep them."""

    def __init__(self, name: str, agenda: Agenda, chance: Random, profile: Profile) -> None:
        super().__init__(name, agenda)
        self.chance, self.profile, self.control = chance, profile, itertools.count(1)
        self.usages: list[Usage] = []
        self.repeat_rate = 0.04

    def document(self, usage: Usage, now: datetime) -> None:
        """Theatre documents a usage, in the EHR's own codes."""
        self.usages.append(usage)
        stamp = Stamp(number=next(self.control), at=now.isoformat())
        assert FORMAT.write is not None
        raw = FORMAT.write(usage, self.profile, stamp)
        for _ in range(2 if self.chance.random() < self.repeat_rate else 1):
            self.say("charges", raw, f"{stamp.number}.hl7")
