"""What headings of all sets have in common: parties, references, contacts, dates, notes, currency; read and written alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal

from suture.formats.format import Unwritable
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.elements import clock, clock_text, day, day_text, real
from suture.formats.x12.faults import Notes, Refusal, Segment
from suture.formats.x12.spec import Loop

#: A segment to be written: its id and its elements.
Row = list[str]

#: The roles under which partners name the selling side, the plainest first.
SELLERS = ("SU", "SE", "VN")
#: Our ids may not be longer than this (model/documents.py).
LONGEST_CODE = 64
#: Data element 127 had 30 characters until release 005010.
LONGEST_REFERENCE = 30


def row(name: str, *elements: str) -> Row:
    """A segment without trailing empty elements, which the standard forbids to send."""
    cells = [name, *elements]
    while len(cells) > 1 and not cells[-1]:
        cells.pop()
    return cells


# -- parties


def party(role: str, code: str) -> Row:
    """A party by our code for it (N103 92); a code of one character is too short for N104 and goes as the name."""
    return row("N1", role, "", "92", code) if len(code) > 1 else row("N1", role, code)


def parties(loop: Loop) -> dict[str, Segment]:
    """The first N1 of each role that is said directly in ``loop``."""
    found: dict[str, Segment] = {}
    for inner in loop.inner("N1"):
        found.setdefault(inner.head[1], inner.head)
    return found


def code_of(party: Segment) -> str:
    """A party's code as the partner writes it, else its name; "" if it has neither. Raises Refusal if it is too long."""
    code = party[4] or party[2]
    if len(code) > LONGEST_CODE:
        raise Refusal(party.fault("x12.length", f"at most {LONGEST_CODE} characters", 4, ack="5"))
    return code


def own_code(party: Segment) -> str:
    """A party's code, where it has one: N104, or what is too short for N104 and stands in N102. A mere name is none."""
    return code_of(party) if party[4] or len(party[2]) == 1 else ""


def seller(loop: Loop, agreement: Agreement) -> str:
    """The selling party's code (N1 SU, SE or VN), else the partner whose message it is."""
    found = parties(loop)
    return next((code for role in SELLERS if role in found and (code := own_code(found[role]))), agreement.partner)


# -- references, contacts, notes


def reference(qualifier: str, value: str) -> Row:
    """A REF; what is too long for REF02 of release 004010 goes into the description, REF03."""
    return row("REF", qualifier, value) if len(value) <= LONGEST_REFERENCE else row("REF", qualifier, "", value)


def referenced(loop: Loop, *qualifiers: str) -> str:
    """The value of the first REF with one of the qualifiers, in the order of the qualifiers."""
    for qualifier in qualifiers:
        for segment in loop.all("REF"):
            if segment[1] == qualifier and (segment[2] or segment[3]):
                return segment[2] or segment[3]
    return ""


def short(value: str, what: str) -> str:
    """A value for data element 127; raises Unwritable if it is longer than release 004010 allows."""
    if len(value) > LONGEST_REFERENCE:
        raise Unwritable(f"{what} is longer than {LONGEST_REFERENCE} characters")
    return value


def note(subject: str, text: str) -> list[Row]:
    """A remark on a subject: N9 L1 and as many MSG as it takes."""
    chunks = wrapped(text, 264)
    return [row("N9", "L1", subject), *(row("MSG", chunk) for chunk in chunks)] if chunks else []


def noted(loop: Loop, subject: str) -> str:
    """The remark on a subject, or ""."""
    for inner in loop.inner("N9"):
        if inner.head[1] == "L1" and inner.head[2] == subject:
            return " ".join(segment[1] for segment in inner.all("MSG"))
    return ""


def wrapped(text: str, width: int) -> list[str]:
    """``text`` in pieces of at most ``width`` whose ``" ".join`` gives it back; raises Unwritable for an endless word.

    Blanks at the end are dropped, as X12.6 has it for every string.
    """
    text, pieces = text.rstrip(" "), []
    while len(text) > width:
        at = text.rfind(" ", 0, width + 1)
        while at > 0 and text[at - 1] == " ":
            at -= 1  # a piece must not end in a blank, it would not arrive
        if at <= 0:
            raise Unwritable(f"a word of more than {width} characters")
        pieces.append(text[:at])
        text = text[at + 1 :]
    return [*pieces, text] if text else pieces


# -- dates and times


def moment_row(qualifier: str, moment: datetime) -> Row:
    """A moment as DTM in UTC, to the hundredth of a second, the finest that TM can say."""
    return row("DTM", qualifier, day_text(moment.date()), clock_text(moment), "UT")


def day_row(qualifier: str, value: date | None) -> list[Row]:
    """A day as DTM, if there is one."""
    return [row("DTM", qualifier, day_text(value))] if value else []


def day_of(segments: Iterable[Segment], *qualifiers: str) -> date | None:
    """The day of the first DTM with one of the qualifiers, in the order of the qualifiers."""
    found = dated(segments, *qualifiers)
    return day(found[2]) if found else None


def dated(segments: Iterable[Segment], *qualifiers: str) -> Segment | None:
    """The first DTM with one of the qualifiers that has a date."""
    by_qualifier: dict[str, Segment] = {}
    for segment in segments:
        if segment[2]:
            by_qualifier.setdefault(segment[1], segment)
    return next((by_qualifier[qualifier] for qualifier in qualifiers if qualifier in by_qualifier), None)


def moment_of(said: Segment | None, fallback: tuple[Segment, int, int], agreement: Agreement) -> datetime:
    """The moment that a DTM says, else that of a segment's date and time elements (0: no time); raises Refusal.

    A date without time is the beginning of that day where the partner is.
    """
    segment, at_day, at_clock, code = (said, 2, 3, said[4]) if said else (*fallback, "")
    value = day(segment[at_day])
    if value is None:
        raise Refusal(segment.fault("x12.missing", "a date is due", at_day, ack="1"))
    at = clock(segment[at_clock]) if at_clock and segment[at_clock] else time()
    try:
        return agreement.moment(value, at, code if at_clock and segment[at_clock] else "")
    except ValueError as error:
        raise Refusal(segment.fault("x12.time", str(error), 4, ack="7")) from error


# -- currency, totals


def currency_of(loop: Loop, agreement: Agreement) -> str:
    """CUR02, else the agreed currency; raises Refusal for what is no ISO 4217 code."""
    said = loop.first("CUR")
    code = said[2] if said else agreement.currency
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        fault = (said or loop.head).fault("x12.code", "no currency of ISO 4217", 2, ack="7")
        raise Refusal(fault)
    return code


def check_totals(loop: Loop, lines: int, hash_total: Decimal, notes: Notes) -> None:
    """CTT01 must count the lines; a hash total that does not agree is a warning. The whole CTT is optional."""
    said = loop.first("CTT")
    if said is None:
        return
    if int(said[1]) != lines:
        notes.add(said.fault("x12.count", f"CTT01 says {int(said[1])} lines, {lines} are there", 1, ack="7"))
    if said[2] and real(said[2]) != hash_total:
        warning = said.fault("x12.count", "the hash total of the quantities does not agree", 2, ack="7", severity="warning")
        notes.warn(warning)


def order_number(number: str, release: str) -> str:
    """An order's number; a release of a blanket order has its own, NUMBER-RELEASE."""
    return f"{number}-{release}" if release else number
