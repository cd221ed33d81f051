"""A path is the address of a value in a message: ``FT1[3]-7.1`` is component 1 of field 7 of the third FT1."""

from __future__ import annotations

import functools
import re

from msgspec import Struct

_GRAMMAR = re.compile(
    r"(?P<segment>[A-Z][A-Z0-9]{2})(?:\[(?P<occurrence>\d{1,5})\])?"
    r"(?:-(?P<field>\d{1,3})(?:\[(?P<repetition>\d{1,4})\])?(?:\.(?P<component>\d{1,3})(?:\.(?P<subcomponent>\d{1,3}))?)?)?"
)


class Path(Struct, frozen=True):
    """Where something stands; all numbers count from 1, and 0 means "the whole of it"."""

    segment: str
    occurrence: int = 1
    field: int = 0
    repetition: int = 0
    component: int = 0
    subcomponent: int = 0

    def __str__(self) -> str:
        place = self.segment if self.occurrence == 1 else f"{self.segment}[{self.occurrence}]"
        place += f"-{self.field}" if self.field else ""
        place += f"[{self.repetition}]" if self.repetition > 1 else ""
        return place + "".join(f".{number}" for number in (self.component, self.subcomponent) if number)


@functools.lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """The path written as ``text``; raises ValueError for anything else. A component is of the first repetition unless said."""
    match = _GRAMMAR.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no HL7 path such as FT1[3]-7.1")
    given = {name: int(number) for name, number in match.groupdict().items() if number and name != "segment"}
    if 0 in given.values():
        raise ValueError(f"{text!r}: HL7 counts from 1")
    if "component" in given:
        given.setdefault("repetition", 1)
    return Path(match["segment"], **given)
