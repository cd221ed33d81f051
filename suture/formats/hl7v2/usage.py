"""A usage is what a charge (FT1) of a DFT^P03 reports: an item used on a patient (HL7 v2.8.2, section 6.4.1)."""

from __future__ import annotations

import re
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Literal

from msgspec import structs

from suture.formats.format import Profile
from suture.formats.hl7v2.charges import CHARGES_MAX, DEVICES_MAX, UNBROKEN, Charge, charges, device_rows, places, split
from suture.formats.hl7v2.instants import parse_instant, zone
from suture.formats.hl7v2.lexer import Message, Segment
from suture.formats.hl7v2.path import Path
from suture.formats.hl7v2.segments_codes import ADJUSTMENT, CHARGE, CREDITS, MONEY_ONLY, UNITS
from suture.model import Finding, Quantity, Usage

Kind = Literal["used", "wasted", "corrected", "cancelled"]

#: The longest values, in characters, that a usage takes (``id`` leaves room for what is added to it).
_LONGEST = {"item": 64, "place": 64, "id": 100, "reverses": 100}
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)")
_NUMBER_LENGTH_MAX = 16


def read_usages(message: Message, profile: Profile) -> tuple[tuple[Usage, ...], tuple[Finding, ...]]:
    """The usages that a DFT^P03 reports, and what is wrong with it.

    What is wrong with the patient or the encounter refuses the message; what is wrong with one charge refuses that one.
    """
    try:
        where, local = places(profile), zone(profile.timezone)
    except ValueError as problem:
        return (), (Finding(code="207", text=f"the profile of this partner is wrong: {problem}"),)
    subject = _Reader(Charge(message, (), where.parts), profile, local)
    patient, encounter = subject.subject()
    readers = [_Reader(charge, profile, local) for charge in charges(message, where)]
    if not 0 < len(readers) <= CHARGES_MAX:
        subject.findings.append(Finding(code="100", path="FT1", text=f"a DFT^P03 needs 1 to {CHARGES_MAX} FT1 segments"))
        readers = []
    usages = [usage for reader in readers for usage in reader.usages(patient, encounter)]
    findings = (*subject.findings, *(finding for reader in readers for finding in reader.findings))
    return () if subject.findings else tuple(usages), findings


class _Reader:
    """Reads one charge, and notes what is wrong with it."""

    def __init__(self, charge: Charge, profile: Profile, local: tzinfo) -> None:
        self.charge = charge
        self.options = profile.options
        self.local = local
        self.findings: list[Finding] = []

    def usages(self, patient: str, encounter: str) -> list[Usage]:
        """One usage for each device of the charge; none if goods are not concerned or anything is wrong."""
        if self._money_only():
            return []
        self._unbroken(*(segment for segment in self.charge.segments if segment.name in UNBROKEN))
        number = self.quantity()
        kind = self.kind(number)
        if number == 0 and kind != "corrected":
            self._wrong("102", "quantity", "is zero: nothing was used")
        found = []
        for charge, pieces in self._pieces(abs(number)):
            self.charge = charge
            found.append(self.usage(kind, pieces, patient, encounter))
        return [] if self.findings else [usage for usage in found if usage is not None]

    def _pieces(self, number: Decimal) -> list[tuple[Charge, Decimal]]:
        """The charge, or one piece for each device: several lots or serials in one FT1 are several uses of one piece."""
        rows = device_rows(self.charge)
        if len(rows) < 2:
            return [(self.charge, number)]
        if number != len(rows) or len(rows) > DEVICES_MAX:
            self._wrong("102", "quantity", f"does not match the {len(rows)} devices named (at most {DEVICES_MAX})")
            return []
        return [(charge, Decimal(1)) for charge in split(self.charge, rows)]

    def usage(self, kind: Kind, number: Decimal, patient: str, encounter: str) -> Usage | None:
        """The usage of one device, or of the whole charge."""
        used_at, unit = self.used_at(), self.unit()
        required = {part: self.need(part) for part in ("item", "place")}
        optional = {part: self.value(part) for part in ("cost_center", "procedure", "lot", "serial")}
        reverses = self.original() if kind in ("corrected", "cancelled") else ""
        category = self.options.get(f"category.{optional['procedure']}") or self.value("procedure_category")
        if self.findings or used_at is None:
            return None
        return Usage(
            id=self.id(kind, reverses),
            kind=kind,
            quantity=Quantity(number, unit),
            used_at=used_at,
            encounter=encounter,
            patient=patient,
            procedure_category=category,
            reverses=reverses,
            **required,
            **optional,
        )

    # What is wrong

    def _wrong(self, code: str, part: str, text: str, path: Path | None = None) -> None:
        self.findings.append(self.charge.wrong(code, path or self.charge.places[part][0], text))

    def _unbroken(self, *segments: Segment) -> None:
        """A line break inside a segment hides where its fields end: nothing in it can be trusted."""
        for name in dict.fromkeys(segment.name for segment in segments if segment.broken_at >= 0):
            self.findings.append(self.charge.wrong("102", Path(name), "is broken by a line break or control character"))

    # The parts

    def value(self, part: str) -> str:
        """The part, or "" if the sender says nothing or too much."""
        text, path = self.charge.look(part)
        longest = _LONGEST.get(part, 128)
        if len(text) <= longest:
            return text
        self._wrong("104", part, f"is longer than {longest} characters", path)
        return ""

    def need(self, part: str) -> str:
        """The part, which must be there."""
        before = len(self.findings)
        text = self.value(part)
        if not text and len(self.findings) == before:
            self._wrong("101", part, "is required", self.charge.places[part][-1 if part == "item" else 0])
        return text

    def subject(self) -> tuple[str, str]:
        """Patient and encounter, as they stand in the message: pseudonyms, once it is minimised."""
        self._unbroken(*self.charge.message.all("PV1")[:1])
        if not self.charge.message.all("PID"):
            self.findings.append(Finding(code="100", path="PID", text="a DFT^P03 needs a PID segment"))
            return "", ""
        return self.patient(), self.need("encounter")

    def patient(self) -> str:
        """The identifier of the agreed type (MR) and assigner; never simply the first one."""
        path = self.charge.places["patient"][0]
        kind, assigner = self.options.get("patient_type", "MR"), self.options.get("patient_assigner", "")
        segment = next(iter(self.charge.segments_at(path)), None)
        if segment is None or not segment.get(path.field):
            self._wrong("101", "patient", "is required")
            return ""
        found = _identifiers(segment, path.field, kind, assigner)
        if len(found) != 1 or len(found[0]) > 128:
            what = f"no identifier of type {kind}" if not found else f"several identifiers of type {kind}"
            self._wrong("205" if found else "204", "patient", f"holds {what}" + (f" from {assigner}" if assigner else ""))
            return ""
        return found[0]

    def quantity(self) -> Decimal:
        """The signed number in FT1-10; 1 if it is empty, as the standard has it."""
        text, path = self.charge.look("quantity")
        if _NUMBER.fullmatch(text) and len(text) <= _NUMBER_LENGTH_MAX:
            return Decimal(text)
        if text:
            self._wrong("102", "quantity", "is not a number", path)
        return Decimal(1)

    def unit(self) -> str:
        """The unit in which FT1-10 counts. HL7 has no field for it: it is agreed (``unit``), or stands where ``unit_at`` says."""
        text, path = self.charge.look("unit_at")
        if not text:
            return self.options.get("unit", "EA")
        unit = self.options.get(f"unit.{text}") or UNITS.get(text.upper(), "")
        if not unit:
            self._wrong("103", "unit_at", "names an unknown unit", path)
        return unit or "EA"

    def used_at(self) -> datetime | None:
        """When the item was used, in UTC."""
        text = self.need("used_at")
        try:
            return parse_instant(text, self.local) if text else None
        except ValueError as problem:
            self._wrong("102", "used_at", f"is no date: {problem}")
            return None

    def _money_only(self) -> bool:
        text, path = self.charge.look("transaction")
        if text not in MONEY_ONLY:
            return False
        note = self.charge.wrong("not-usage", path, "moves money, not goods")
        self.findings.append(structs.replace(note, severity="info"))
        return True

    def kind(self, number: Decimal) -> Kind:
        """What happened: a credit, or a negative quantity, undoes; an adjustment replaces."""
        text = self.need("transaction")
        if text and text not in (CHARGE, ADJUSTMENT, *CREDITS):
            self._wrong("103", "transaction", "is not a transaction type of table 0017")
        if text in CREDITS or number < 0:
            return "cancelled"
        return "corrected" if text == ADJUSTMENT else self._spent()

    def _spent(self) -> Kind:
        """Wasted if a modifier (FT1-26) says discarded: JW, as Medicare has it, unless the profile names others."""
        modifiers = self.options.get("waste_modifiers", "JW").split()
        return "wasted" if any(modifier in modifiers for modifier in self.charge.ft1.texts(26)) else "used"

    def id(self, kind: Kind, reverses: str) -> str:
        """FT1-2 (MSH-10 with the set id if it is empty); with several devices, which one; never the id of what it reverses."""
        number = self.value("id") or f"{self.charge.message.text('MSH-10')}/{self.charge.ft1.text_at(1) or self.charge.ordinal}"
        number = self._device(number)
        return f"{number}/{kind}" if number == reverses else number

    def original(self) -> str:
        """The usage that a credit or adjustment is about.

        Looked for in ``reverses`` (ZFT-1 unless agreed otherwise: the standard has no field for it), then in FT1-31 as
        the set id of another charge of the message, then in FT1-2 itself, which many senders repeat from the charge.
        """
        number = self.value("reverses") or self._referenced() or self.value("id")
        if not number:
            self._wrong("101", "id", "is required to tell what is reversed")
        return self._device(number)

    def _referenced(self) -> str:
        other = self.charge.set_ids.get(self.charge.ft1.text_at(31))
        return other.text_at(2) if other is not None and other is not self.charge.ft1 else ""

    def _device(self, number: str) -> str:
        return f"{number}#{self.charge.device}" if self.charge.device and number else number


def _identifiers(segment: Segment, field: int, kind: str, assigner: str) -> list[str]:
    """The distinct identifiers (CX) of that type and assigner; a single one without type will do if no assigner is asked for."""
    numbers, types = segment.texts(field), segment.texts(field, 5)
    wanted = [number for number, of in zip(numbers, types, strict=True) if of == kind]
    if assigner:
        rows = zip(numbers, types, segment.texts(field, 4), segment.texts(field, 4, 2), strict=True)
        wanted = [number for number, of, *by in rows if of == kind and assigner in by]
    if not wanted and not assigner and types == [""]:
        wanted = numbers
    return [number for number in dict.fromkeys(wanted) if number]
