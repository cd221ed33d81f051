"""A charge is one FT1 of a DFT^P03 with the segments that follow it, and where each part of a usage stands in it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from msgspec import Struct, field, structs

from suture.formats.format import Profile
from suture.formats.hl7v2.lexer import Message, Segment, by_name
from suture.formats.hl7v2.path import Path, parse_path
from suture.formats.hl7v2.segments_codes import FIELDS
from suture.model import Finding

#: Where each part of a usage stands, best place first. A profile option of the same name replaces a line of this table.
PLACES: dict[str, str] = {
    "patient": "PID-3",
    "encounter": "PV1-19 PID-18",
    "id": "FT1-2",
    "reverses": "ZFT-1",
    "used_at": "FT1-4",
    "transaction": "FT1-6",
    "item": "FT1-34 PRT-16 FT1-29 FT1-7",
    "quantity": "FT1-10",
    "unit_at": "ZFT-2",
    "cost_center": "FT1-13",
    "place": "FT1-16 PV1-3",
    "procedure": "FT1-25 PR1-3",
    "procedure_category": "PR1-6",
    "lot": "PRT-19",
    "serial": "PRT-20",
}

#: More charges than this in one message, or devices in one charge, are refused.
CHARGES_MAX = 2_000
DEVICES_MAX = 100

#: The segments of a charge in which a line break makes everything doubtful.
UNBROKEN = ("FT1", "PR1", "PRT", "ZFT")
_HEAD = frozenset({"MSH", "EVN", "PID", "PV1", "PV2"})
_LOCATIONS = (("FT1", 16), ("PV1", 3))


class Charge(Struct, frozen=True):
    """One FT1 (first) with what says something about it up to the next FT1. ``places`` is PLACES as the partners agreed on it."""

    message: Message
    segments: tuple[Segment, ...]
    places: dict[str, tuple[Path, ...]]
    #: Which FT1 of the message it is, from 1, and all FT1 by their set ids.
    ordinal: int = 0
    set_ids: dict[str, Segment] = field(default_factory=dict)
    #: Which of several devices in one FT1 this is (1 upwards), 0 if it is not split.
    device: int = 0
    #: The segments by their names.
    named: dict[str, list[Segment]] = field(default_factory=dict)

    @property
    def ft1(self) -> Segment:
        """The FT1 itself."""
        return self.segments[0]

    def look(self, part: str) -> tuple[str, Path]:
        """The text at the first valued place of a part, and that place; "" and the first place if none is valued."""
        places = self.places[part]
        for path in places:
            for segment in self.segments_at(path):
                text = self.text_at(segment, path)
                if text:
                    return text, path
        return "", places[0]

    def segments_at(self, path: Path) -> Sequence[Segment]:
        """The segments that a path may mean: of the message's head for patient and visit, else of this charge."""
        if path.segment in _HEAD:
            return self.message.all(path.segment)[:1]
        own = self.named.get(path.segment, [])
        return own if path.occurrence == 1 else own[path.occurrence - 1 : path.occurrence]

    def text_at(self, segment: Segment, path: Path) -> str:
        """The text at ``path``. A location (PL) that names facility and point of care is FACILITY/POINT, as points repeat."""
        charset = self.message.charset
        text = segment.text_at(path.field, path.repetition or 1, path.component or 1, path.subcomponent or 1, charset)
        if text and not path.component and (path.segment, path.field) in _LOCATIONS:
            facility = segment.text_at(path.field, 1, 4, charset=charset)
            return f"{facility}/{text}" if facility else text
        return text

    def wrong(self, code: str, path: Path, text: str) -> Finding:
        """An error at ``path``, addressed as the sender counts: FT1[3]-10 is field 10 of the third FT1 of the message."""
        name = FIELDS.get(path.segment, {}).get(path.field, "")
        place = f"{path.segment}-{path.field}" if path.field else path.segment
        own = next(iter(self.segments_at(path)), None)
        everyone = self.message.all(path.segment)
        occurrence = next((n for n, segment in enumerate(everyone, start=1) if segment is own), 1)
        where = structs.replace(path, occurrence=occurrence)
        return Finding(code=code, path=str(where), text=f"{place} ({name}) {text}" if name else f"{place} {text}")


class Places(Struct, frozen=True):
    """Where each part of a usage stands, best place first, and the names of the segments of a charge that say something."""

    parts: dict[str, tuple[Path, ...]]
    segments: frozenset[str]


def places(profile: Profile) -> Places:
    """PLACES with the profile's own lines in it; raises ValueError for an option that is no list of paths to fields."""
    if profile.options.keys().isdisjoint(PLACES):
        return _USUAL
    return _places(tuple(profile.options.get(part, usual) for part, usual in PLACES.items()))


@lru_cache(maxsize=256)
def _places(texts: tuple[str, ...]) -> Places:
    found = {part: tuple(map(parse_path, text.split())) for part, text in zip(PLACES, texts, strict=True)}
    for part, paths in found.items():
        if not paths or not all(path.field for path in paths):
            raise ValueError(f"option {part} names no field")
    return Places(found, frozenset({*UNBROKEN, *(path.segment for paths in found.values() for path in paths)}))


_USUAL = _places(tuple(PLACES.values()))


def charges(message: Message, where: Places) -> list[Charge]:
    """The charges of a message, in order, without the segments that say nothing about what was used."""
    groups: list[list[Segment]] = []
    for segment in message.segments:
        if segment.name == "FT1":
            groups.append([])
        if groups and segment.name in where.segments:
            groups[-1].append(segment)
    set_ids = {group[0].text_at(1): group[0] for group in groups}
    return [
        Charge(message, tuple(group), where.parts, ordinal, set_ids, named=by_name(group))
        for ordinal, group in enumerate(groups, start=1)
    ]


def device_rows(charge: Charge) -> list[Segment]:
    """The segments of a charge that name a lot or a serial number."""
    tracking = [path for part in ("lot", "serial") for path in charge.places[part] if path.segment != "FT1"]
    return [
        segment
        for segment in charge.segments
        if any(path.segment == segment.name and charge.text_at(segment, path) for path in tracking)
    ]


def split(charge: Charge, rows: list[Segment]) -> list[Charge]:
    """The charge once for each of its devices, each with what they share."""
    own = set(map(id, rows))
    shared = [segment for segment in charge.segments if id(segment) not in own]
    pieces = [(*shared, row) for row in rows]
    return [
        structs.replace(charge, segments=piece, device=number, named=by_name(piece))
        for number, piece in enumerate(pieces, start=1)
    ]
