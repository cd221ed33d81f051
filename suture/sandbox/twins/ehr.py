"""The twin of an EHR: theatre documents what it used, and the interface engine sends it as HL7 v2 charges."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta
from random import Random

from msgspec import Struct, structs

from suture.formats import Profile, Stamp
from suture.formats.hl7v2 import FORMAT
from suture.model import Usage
from suture.sandbox.twins.twin import Agenda, Twin

#: Parts of names that no living family bears, and that stand in no code of the group.
FAMILY = ("Quillon", "Ostreg", "Vandrim", "Hollowex", "Brackni", "Yarvel", "Thessom", "Corvand")
ENDINGS = ("bourne", "wyck", "strand", "holm", "mere", "gate")
GIVEN = ("Ambrosine", "Leofric", "Philomel", "Torquil", "Wilhelmyn", "Evander", "Isaura", "Caspian")
STREETS = ("Larkspur Crescent", "Millrace Lane", "Foundry Steps", "Heron Parade")
TOWNS = ("Netherwick", "Upper Sallow", "Port Erring")


class Patient(Struct, frozen=True, kw_only=True):
    """An invented person as the EHR knows them; Suture must not."""

    mrn: str
    family: str
    given: str
    born: date
    sex: str
    street: str
    town: str
    phone: str

    def told(self) -> dict[str, str]:
        """Where an interface engine puts it: the paths into PID (HL7 v2.8, section 3.4.2)."""
        return {
            "PID-5.1": self.family,
            "PID-5.2": self.given,
            "PID-7": f"{self.born:%Y%m%d}",
            "PID-8": self.sex,
            "PID-11.1": self.street,
            "PID-11.3": self.town,
            "PID-13.1": self.phone,
        }


class EhrTwin(Twin):
    """Sends DFT^P03 with the patient's name and number, as real ones do; Suture must not keep them."""

    def __init__(self, name: str, agenda: Agenda, chance: Random, profile: Profile) -> None:
        super().__init__(name, agenda)
        self.chance, self.profile, self.control = chance, profile, itertools.count(1)
        self.patients: dict[str, Patient] = {}
        self.usages: list[Usage] = []
        self.repeat_rate = 0.04

    def document(self, usage: Usage, now: datetime) -> None:
        """Theatre documents a usage, in the EHR's own codes."""
        self.usages.append(usage)
        stamp = Stamp(number=next(self.control), at=now.isoformat())
        assert FORMAT.write is not None
        raw = FORMAT.write(usage, self._about(self.patient(usage.patient)), stamp)
        for _ in range(2 if self.chance.random() < self.repeat_rate else 1):
            self.say("charges", raw, f"{stamp.number}.hl7")

    def patient(self, mrn: str) -> Patient:
        """Who has this medical record number; the first time, somebody is invented."""
        if mrn not in self.patients:
            self.patients[mrn] = self._invented(mrn)
        return self.patients[mrn]

    def _invented(self, mrn: str) -> Patient:
        chance = self.chance
        return Patient(
            mrn=mrn,
            family=chance.choice(FAMILY) + chance.choice(ENDINGS),
            given=chance.choice(GIVEN),
            born=date(1930, 1, 1) + timedelta(days=chance.randrange(80 * 365)),
            sex=chance.choice("FM"),
            street=f"{chance.randint(1, 199)} {chance.choice(STREETS)}",
            town=chance.choice(TOWNS),
            phone=f"555-01{chance.randint(0, 99):02d}-{chance.randint(1000, 9999)}",
        )

    def _about(self, patient: Patient) -> Profile:
        return structs.replace(self.profile, options={**self.profile.options, **patient.told()})
