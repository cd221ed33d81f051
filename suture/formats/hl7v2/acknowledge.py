"""An acknowledgement tells the sender what became of its message, in the mode the message asks for (HL7 v2.8.2, section 2.9)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from suture.formats.format import Profile, Reading, Verdict
from suture.formats.hl7v2.escape import escape
from suture.formats.hl7v2.instants import format_instant
from suture.formats.hl7v2.lexer import Message, Segment, lex
from suture.formats.hl7v2.path import parse_path
from suture.formats.hl7v2.reading import Detail, Head
from suture.formats.hl7v2.segments_codes import ERRORS, REJECTIONS
from suture.model import Finding, Severity

_ERRORS_MAX = 50
_TEXT_MAX = 200
_SEVERITIES: dict[Severity, str] = {"error": "E", "warning": "W", "info": "I"}


class Acknowledged(NamedTuple):
    """An acknowledgement as its receiver reads it: AA, AE, AR, CA, CE, CR ("" if it is none), the MSA-2 echo, what was wrong."""

    code: str
    control_id: str
    findings: tuple[Finding, ...]


def acknowledge(reading: Reading, verdict: Verdict, profile: Profile) -> bytes | None:
    """The ACK, or a batch of them for a batch; None where the sender wants or may get none.

    Original mode: AA, AE (errors: correct and resend) or AR (this message is not for us). In enhanced mode (MSH-15, MSH-16) the
    accept acknowledgement CA, CE, CR if MSH-15 asks for it, else the application acknowledgement if MSH-16 does.
    An answer is never answered. Nor is anything while we are ``busy``: silence makes the sender resend the same message,
    while many senders park or drop a message that was answered AE.
    """
    detail = reading.detail if isinstance(reading.detail, Detail) else _unread(reading)
    if verdict.outcome == "busy":
        return None
    known = frozenset(reading.findings)
    extra = tuple(finding for finding in verdict.findings if finding.severity == "error" and finding not in known)
    answers = []
    for number, head in enumerate(detail.heads, start=1):
        control_id = str(verdict.stamp.number) if len(detail.heads) == 1 else f"{verdict.stamp.number}.{number}"
        answers.append(_answer(head, _wrong(head, extra, verdict, detail), control_id, verdict, profile))
    if detail.batch is not None:
        lines = _batch(detail.batch, [answer for answer in answers if answer], verdict, profile)
    else:
        lines = _worst(answers)
    return "".join(f"{line}\r" for line in lines).encode(detail.charset, "replace") if lines else None


def _unread(reading: Reading) -> Detail:
    """A message that was not even read: too large, or stopped before this format saw it."""
    return Detail((Head(findings=reading.findings),), "utf-8")


def _wrong(head: Head, extra: tuple[Finding, ...], verdict: Verdict, detail: Detail) -> tuple[Finding, ...]:
    """The errors to tell; a refusal without a word is an internal error, unless another message of the batch was to blame."""
    errors = (*head.errors, *extra)
    if not errors and verdict.outcome != "accepted" and len(detail.heads) == 1:
        return (Finding(code="207", text="the message could not be accepted"),)
    return errors


def _answer(head: Head, errors: tuple[Finding, ...], control_id: str, verdict: Verdict, profile: Profile) -> list[str]:
    mode = "" if head.response else _mode(head, not errors)
    if not mode:
        return []
    code = mode + ("A" if not errors else "R" if _rejected(head, errors) else "E")
    mark = head.delimiters.field
    msa = ["MSA", code, head.control_id]
    if errors and head.version < "2.4":
        msa.append(_said(errors[0].text, head))
    shown = errors[:_ERRORS_MAX]
    return [_msh(head, control_id, verdict, profile), mark.join(msa), *(_err(finding, head) for finding in shown)]


def _mode(head: Head, good: bool) -> str:
    if not (head.accept or head.application):
        return "A"
    for wanted, mode in ((head.accept, "C"), (head.application, "A")):
        if {"AL": True, "ER": not good, "SU": good}.get(wanted, False):
            return mode
    return ""


def _rejected(head: Head, errors: tuple[Finding, ...]) -> bool:
    return not head.control_id or any(finding.code in REJECTIONS for finding in errors)


def _msh(head: Head, control_id: str, verdict: Verdict, profile: Profile) -> str:
    """Sender and receiver change places; version, delimiters, processing id and character set are the sender's."""
    marks = head.delimiters
    kind = marks.component.join(("ACK", head.event, "ACK")) if head.event and head.version >= "2.3.1" else "ACK"
    us = head.receiver or _said(profile.us, head)
    partner = head.sender or _said(profile.partner, head)
    fields = ["MSH", marks.encoding, us, head.receiver_facility, partner, head.sender_facility, _now(verdict), "", kind]
    fields += [control_id, head.processing or "P", head.version or "2.5.1"]
    if head.charset:
        fields += ["", "", "", "", "", head.charset]
    return marks.field.join(fields)


def _err(finding: Finding, head: Head) -> str:
    """ERR since version 2.5 says location, code, severity and text in fields of their own; before, ERR-1 says all but text."""
    marks = head.delimiters
    code = finding.code if finding.code in ERRORS else "207"
    place = _location(finding.path)
    if head.version and head.version < "2.5":
        words = (marks.subcomponent or " ").join((code, ERRORS[code], "HL70357"))
        segment, sequence, field = (*place, "", "", "")[:3]
        return marks.field.join(("ERR", marks.component.join((segment, sequence, field, words))))
    condition = marks.component.join((code, ERRORS[code], "HL70357"))
    where = marks.component.join(place)
    return marks.field.join(("ERR", "", where, condition, _SEVERITIES[finding.severity], "", "", "", _said(finding.text, head)))


def _location(path: str) -> list[str]:
    """A path as ERL: segment, its occurrence, field, repetition, component, sub-component (data type ERL)."""
    try:
        at = parse_path(path)
    except ValueError:
        return []
    numbers = [at.occurrence, at.field, at.repetition or int(at.field > 0), at.component, at.subcomponent]
    parts = [at.segment, *(str(number) if number else "" for number in numbers)]
    while not parts[-1]:
        parts.pop()
    return parts


def _said(text: str, head: Head) -> str:
    """Text in a field; where the message declared no escape character its delimiters become blanks."""
    text = text[:_TEXT_MAX]
    try:
        return escape(text, head.delimiters)
    except ValueError:
        return "".join(" " if letter in head.delimiters.letters().values() or letter < " " else letter for letter in text)


def _now(verdict: Verdict) -> str:
    return format_instant(datetime.fromisoformat(verdict.stamp.at).replace(microsecond=0))


def _batch(head: Head, answers: list[list[str]], verdict: Verdict, profile: Profile) -> list[str]:
    """The answers as a batch that refers to the batch answered (BHS-12)."""
    if not answers:
        return []
    us, partner = head.receiver or _said(profile.us, head), head.sender or _said(profile.partner, head)
    mark = head.delimiters.field
    first = ["BHS", head.delimiters.encoding, us, head.receiver_facility, partner, head.sender_facility, _now(verdict)]
    first += ["", "", "", str(verdict.stamp.number), head.control_id]
    return [mark.join(first), *(line for answer in answers for line in answer), mark.join(("BTS", str(len(answers))))]


def _worst(answers: list[list[str]]) -> list[str]:
    """Several messages without a batch header get one answer: the first that names an error, else the first."""
    given = [answer for answer in answers if answer]
    return next((answer for answer in given if len(answer) > 2), given[0] if given else [])


def parse_ack(raw: bytes) -> Acknowledged:
    """What an acknowledgement says; never raises. For a batch, its first answer."""
    for message in lex(raw).messages:
        for msa in message.all("MSA"):
            code = msa.text_at(1)
            wrong = tuple(_told(message))
            if not wrong and code[1:] in ("E", "R"):
                wrong = (Finding(code="207", path="MSA-3", text=msa.text_at(3) or "no reason was given"),)
            return Acknowledged(code, msa.text_at(2), wrong)
    return Acknowledged("", "", ())


def _told(message: Message) -> Iterable[Finding]:
    for err in message.all("ERR")[:_ERRORS_MAX]:
        if err.text_at(3):
            severity: Severity = "warning" if err.text_at(4) == "W" else "info" if err.text_at(4) == "I" else "error"
            text = err.text_at(8) or err.text_at(7) or err.text_at(3, 1, 2)
            yield Finding(code=err.text_at(3), path=_path(err, 2), text=text, severity=severity)
        for n in range(1, len(err.repetitions(1)) + 1):
            text = err.text_at(1, n, 4, 2) or err.text_at(1, n, 4)
            yield Finding(code=err.text_at(1, n, 4), path=_path(err, 1, n), text=text)


def _path(err: Segment, field: int, repetition: int = 1) -> str:
    name, occurrence, place = (err.text_at(field, repetition, component) for component in (1, 2, 3))
    number = f"[{occurrence}]" if occurrence not in ("", "1") else ""
    return f"{name}{number}-{place}" if place else f"{name}{number}"


def control_id(raw: bytes) -> str:
    """MSH-10 of the first message, as an acknowledgement's MSA-2 should repeat it; "" if there is none."""
    return next((message.text("MSH-10") for message in lex(raw).messages if message.name == "MSH"), "")
