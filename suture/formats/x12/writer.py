"""Bytes of interchanges: documents as sets in their envelopes, and the acknowledgements of what came."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import cast

from msgspec import Struct

from suture.formats.format import Profile, Reading, Stamp, Unwritable, Verdict
from suture.formats.scalars import as_utc
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import day_text
from suture.formats.x12.faults import Notes, Segment
from suture.formats.x12.functional import Receipt, rows_997, ta1_row
from suture.formats.x12.heading import Row, row
from suture.formats.x12.lexer import Delimiters
from suture.formats.x12.sets import BY_TYPE, Set
from suture.formats.x12.spec import tree
from suture.model import Document

#: Delimiters from the most usual on; the last of each are control characters that no data may contain.
_ELEMENT, _COMPONENT, _TERMINATOR, _REPETITION = "*|+\x1d", ">:<\x1f", "~'!\x1c", "^`\\\x1e"
#: Control numbers have nine digits.
_LAST_NUMBER = 999_999_999


class Names(Struct, frozen=True, kw_only=True):
    """Who sends and who receives, on ISA (qualifier and id) and on GS."""

    qualifier_from: str
    isa_from: str
    gs_from: str
    qualifier_to: str
    isa_to: str
    gs_to: str


class Outgoing(Struct, frozen=True):
    """One set to be sent: GS01, ST01, its segments between ST and SE, and its GS names if they differ from the interchange's."""

    group: str
    code: str
    rows: list[Row]


def write(document: Document, profile: Profile, stamp: Stamp) -> bytes:
    """The interchange with the document as its only set, under the stamp's control number; raises Unwritable."""
    kind = BY_TYPE.get(type(document))
    if kind is None or kind.write is None:
        raise Unwritable(f"X12 has no set for {type(document).__name__}")
    agreement = _agreement(profile)
    rows = kind.write(document, agreement)
    _check(rows, kind)
    return _interchange([Outgoing(kind.group, kind.code, rows)], [], _our_names(agreement), agreement, profile, stamp)


def acknowledge(reading: Reading, verdict: Verdict, profile: Profile) -> bytes | None:
    """One interchange with a TA1 for each envelope that is broken or asks for one, and a 997 for each group.

    None where nothing is to be said: for acknowledgements, for what has no ISA to answer to, for what names nobody to
    answer to, and while we are busy (an X12 partner takes silence for "not yet"). A reading of which nothing can be
    accepted has no accepting acknowledgement either.
    """
    receipts = cast("tuple[Receipt, ...]", reading.detail or ())
    accepted = verdict.outcome == "accepted"
    if not receipts or verdict.outcome == "busy" or (accepted and reading.errors and not reading.documents):
        return None
    answers = [ta1_row(found, refused=not accepted) for found in receipts if found.wants_answer]
    groups = [group for found in receipts if not found.refused for group in found.groups if group.header[1] != "FA"]
    sets = [Outgoing("FA", "997", rows_997(group, refused=not accepted)) for group in groups]
    if not answers and not sets:
        return None
    try:
        agreement = _agreement(profile)
        return _interchange(sets, answers, _reply_names(receipts[0], agreement), agreement, profile, verdict.stamp)
    except Unwritable:
        return None


def _agreement(profile: Profile) -> Agreement:
    try:
        return Agreement.of(profile)
    except ValueError as error:
        raise Unwritable(str(error)) from error


def _check(rows: list[Row], kind: Set) -> None:
    """Our own set under its declaration: what we would refuse from others we do not send; raises Unwritable."""
    notes = Notes()
    segments = [Segment("ST", 1, 1, ["ST", kind.code, "0001"])]
    segments += [Segment(cells[0], position, 0, cells) for position, cells in enumerate(rows, 2)]
    tree(kind.spec, segments, notes)
    if notes.faults:
        raise Unwritable(f"{notes.faults[0].path}: {notes.faults[0].text}")


def _our_names(agreement: Agreement) -> Names:
    return Names(
        qualifier_from=agreement.qualifier_us,
        isa_from=agreement.us,
        gs_from=agreement.gs_us,
        qualifier_to=agreement.qualifier_partner,
        isa_to=agreement.partner,
        gs_to=agreement.gs_partner,
    )


def _reply_names(received: Receipt, agreement: Agreement) -> Names:
    """The names of what came, turned round; the group's are those of its first group."""
    header = received.header
    group = received.groups[0].header if received.groups else ("", "", agreement.gs_partner, agreement.gs_us)
    return Names(
        qualifier_from=header[7],
        isa_from=header[8],
        gs_from=group[3],
        qualifier_to=header[5],
        isa_to=header[6],
        gs_to=group[2],
    )


def _interchange(
    sets: Sequence[Outgoing], answers: list[Row], names: Names, agreement: Agreement, profile: Profile, stamp: Stamp
) -> bytes:
    """All sets in one group (they are of one kind) in one interchange; ISA13, GS06 and the stamp have the same number."""
    at, number = _stamped(stamp)
    rows = [*answers, *_group(sets, names, agreement, at, number)]
    delimiters = _delimiters(rows, names, agreement)
    rows.append(row("IEA", "1" if sets else "0", f"{number:09d}"))
    separator, end = delimiters.element, delimiters.terminator
    isa = _isa(names, agreement, delimiters, at, number)
    text = isa + "".join(separator.join(cells) + end for cells in rows)
    return _encoded(text, profile.charset)


def _stamped(stamp: Stamp) -> tuple[datetime, int]:
    if not 1 <= stamp.number <= _LAST_NUMBER:
        raise Unwritable("a control number has up to nine digits")
    try:
        moment = datetime.fromisoformat(stamp.at)
        return as_utc(moment), stamp.number
    except ValueError as error:
        raise Unwritable("the stamp's time is not ISO 8601") from error


def _group(sets: Sequence[Outgoing], names: Names, agreement: Agreement, at: datetime, number: int) -> list[Row]:
    if not sets:
        return []
    when = (day_text(at.date()), at.strftime("%H%M"))
    rows = [row("GS", sets[0].group, names.gs_from, names.gs_to, *when, str(number), "X", agreement.version)]
    for place, outgoing in enumerate(sets, 1):
        control = f"{place:04d}"
        rows += [row("ST", outgoing.code, control), *outgoing.rows, row("SE", str(len(outgoing.rows) + 2), control)]
    return [*rows, row("GE", str(len(sets)), str(number))]


def _isa(names: Names, agreement: Agreement, delimiters: Delimiters, at: datetime, number: int) -> str:
    """The ISA, 106 characters with its terminator; raises Unwritable for names that do not fit."""
    for name, most in ((names.isa_from, 15), (names.isa_to, 15), (names.gs_from, 15), (names.gs_to, 15)):
        if not (name and len(name) <= most and name.isascii() and name.isprintable()):
            raise Unwritable(f"a name on the envelope has up to {most} ASCII characters")
    cells = (
        *("ISA", "00", " " * 10, "00", " " * 10),
        *(f"{names.qualifier_from:2.2}", f"{names.isa_from:15}", f"{names.qualifier_to:2.2}", f"{names.isa_to:15}"),
        *(at.strftime("%y%m%d"), at.strftime("%H%M"), delimiters.repetition or "U", agreement.version[:5]),
        *(f"{number:09d}", "0", f"{agreement.usage:1.1}", delimiters.component),
    )
    isa = delimiters.element.join(cells) + delimiters.terminator
    if len(isa) != 106 or not isa.isascii() or agreement.usage not in ("P", "T", "I"):
        raise Unwritable("version, usage or qualifiers of the agreement do not fit the ISA")
    return isa


def _delimiters(rows: list[Row], names: Names, agreement: Agreement) -> Delimiters:
    """Delimiters that do not occur in the data, for X12 has no escape."""
    used = {character for cells in rows for cell in cells for character in cell}
    used |= {character for name in (names.isa_from, names.isa_to) for character in name}
    element, component, terminator, repetition = (
        next((mark for mark in marks if mark not in used), "") for marks in (_ELEMENT, _COMPONENT, _TERMINATOR, _REPETITION)
    )
    if not (element and component and terminator and repetition):
        raise Unwritable("control characters in the data leave no delimiter")
    repeats = agreement.version[:5] >= "00402"
    return Delimiters(element, component, terminator, repetition if repeats else "")


def _encoded(text: str, charset: str) -> bytes:
    try:
        raw = text.encode(charset)
    except (UnicodeError, LookupError) as error:
        raise Unwritable(f"the text has characters that {charset} cannot say") from error
    if not raw.startswith(b"ISA"):
        raise Unwritable(f"{charset} is not the kind of character set that an ISA can be read in")
    return raw
