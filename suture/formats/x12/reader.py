"""Readings of X12 messages: bytes to interchanges, sets and documents, with a finding for everything that is wrong.

What is refused is refused as narrowly as the standard allows: a set alone (AK5 R), a group with a wrong trailer, an interchange
with a broken envelope (TA1 R); the others of the same file go on.
"""

from __future__ import annotations

import re
from itertools import accumulate, pairwise

from msgspec import Struct, ValidationError

from suture.formats.format import LARGEST_MESSAGE, Profile, Reading, Running
from suture.formats.x12.agreement import Agreement
from suture.formats.x12.envelope import Envelope, TransactionSet, unwrap
from suture.formats.x12.faults import Fault, Refusal
from suture.formats.x12.functional import Receipt, read_ta1, receipt
from suture.formats.x12.lexer import BLANKS, Interchange, Tokens, tokenize
from suture.formats.x12.sets import BY_CODE, Set
from suture.formats.x12.spec import tree
from suture.model import Document, Finding, decode, encode

#: Sets that are known to be somebody's answer or note, and are not taken without an agreement.
_NOT_AGREED = {"999": "implementation acknowledgements", "824": "application advice", "864": "text messages"}
#: Findings kept of one message.
MOST_FINDINGS = 1_000
#: Characters of a message id that come from the message.
_LONGEST_ID = 100
#: ISA13: nine digits, and not all of them 0.
_CONTROL = re.compile("(?!0*$)[0-9]{1,9}")


class Understood(Struct, frozen=True):
    """One interchange after reading; an unreadable one has a finding and nothing else."""

    id: str
    kinds: tuple[str, ...]
    documents: tuple[Document, ...]
    findings: tuple[Finding, ...]
    receipt: Receipt | None = None
    envelope: tuple[tuple[str, str], ...] = ()
    number: Running | None = None


def read(raw: bytes, profile: Profile) -> Reading:
    """The documents and findings in ``raw``; total for any bytes, and linear in their number."""
    if len(raw) > LARGEST_MESSAGE:
        return _refused("x12.size", f"more than {LARGEST_MESSAGE} bytes")
    try:
        agreement = Agreement.of(profile)
        text = raw.decode(profile.charset, "surrogateescape")
    except (ValueError, LookupError) as error:
        return _refused("x12.profile", f"the agreement with this partner cannot be used: {type(error).__name__}")
    tokens = tokenize(text)
    if not tokens.interchanges:
        return (
            _refused("x12.limit", tokens.problem) if tokens.problem else _refused("x12.isa", "no ISA: this is no X12 interchange")
        )
    several = len(tokens.interchanges) > 1
    understood = []
    seen: set[str] = set()
    starts = _starts(text, raw, tokens, profile.charset)
    for number, (interchange, start) in enumerate(zip(tokens.interchanges, starts, strict=True), 1):
        where = _Where(interchange, f"ISA[{number}]/" if several else "", start, profile.charset)
        understood.append(_understand(interchange, where, agreement, seen))
    return _reading(understood, _around(tokens, starts))


def _refused(code: str, text: str) -> Reading:
    return Reading(findings=(Finding(code=code, text=text, path="ISA", offset=0),))


def _reading(understood: list[Understood], around: list[Finding]) -> Reading:
    findings = [finding for part in understood for finding in part.findings] + around
    if len(findings) > MOST_FINDINGS:
        # What refuses must not be lost behind what is merely noted.
        findings.sort(key=lambda finding: finding.severity != "error")
        severity = findings[MOST_FINDINGS].severity
        text = f"more than {MOST_FINDINGS} findings"
        findings[MOST_FINDINGS:] = [Finding(code="x12.limit", text=text, path="ISA", severity=severity)]
    ids = [part.id for part in understood if part.id]
    return Reading(
        message_id=ids[0] + (f"+{len(ids) - 1}" if len(ids) > 1 else "") if ids else "",
        kind="+".join(dict.fromkeys(kind for part in understood for kind in part.kinds)),
        documents=tuple(document for part in understood for document in part.documents),
        findings=tuple(findings),
        envelope=dict(understood[0].envelope),
        detail=tuple(part.receipt for part in understood if part.receipt),
        numbers=tuple(part.number for part in understood if part.number),
    )


def _starts(text: str, raw: bytes, tokens: Tokens, charset: str) -> list[int]:
    """Where the interchanges begin, in bytes."""
    starts = [interchange.start for interchange in tokens.interchanges]
    if len(text) == len(raw):
        return starts
    pieces = (text[first:second] for first, second in pairwise([0, *starts]))
    return list(accumulate(len(_bytes(piece, charset)) for piece in pieces))


def _around(tokens: Tokens, starts: list[int]) -> list[Finding]:
    """Text outside of all interchanges, and the limit that was reached."""
    findings = []
    told = False
    for interchange, start in zip(tokens.interchanges, starts, strict=True):
        # The text of an interchange that could not be read stands before the next one, and was told already.
        if interchange.lead.strip(BLANKS) and not told:
            text = "text before the ISA"
            findings.append(Finding(code="x12.stray", text=text, path="ISA", offset=start, severity="warning"))
        told = bool(interchange.problem)
    if tokens.problem:
        findings.append(Finding(code="x12.limit", text=tokens.problem, path="ISA"))
    elif tokens.tail.strip(BLANKS) and not told:
        findings.append(Finding(code="x12.stray", text="text after the last interchange", path="IEA"))
    return findings


def _understand(interchange: Interchange, where: _Where, agreement: Agreement, seen: set[str]) -> Understood:
    if interchange.problem:
        fault = Fault(code="x12.delimiter", text=interchange.problem, segment="ISA")
        return Understood("", (), (), (where.finding(fault, "", 0),))
    envelope = unwrap(interchange, agreement)
    name = _name(envelope)
    if name in seen:
        text = "an interchange with this control number came before in the same file"
        envelope.faults.append(envelope.header.fault("x12.control", text, 13, ack="025"))
    seen.add(name)
    documents = _documents(envelope, agreement)
    answers, told = _answers(envelope)
    findings = where.findings(envelope, told)
    kinds = (("TA1",) if envelope.answers else ()) + tuple(found.code for found in envelope.sets)
    return Understood(name, kinds, (*answers, *documents), findings, receipt(envelope), _echo(envelope), _running(envelope))


def _name(envelope: Envelope) -> str:
    """The partner's id of the interchange: its own name and control number."""
    header = envelope.header
    return _printable(f"{header[5]}:{header[6]}:{header[13]}"[:_LONGEST_ID])


def _running(envelope: Envelope) -> Running | None:
    """ISA13: nine digits, one more with each interchange of this sender to this receiver."""
    header = envelope.header
    series = _printable(f"{header[6].strip()}>{header[8].strip()}")
    return Running(int(header[13]), series) if _CONTROL.fullmatch(header[13]) else None


def _printable(said: str) -> str:
    return "".join(character if character.isascii() and character.isprintable() else "?" for character in said[:_LONGEST_ID])


def _echo(envelope: Envelope) -> tuple[tuple[str, str], ...]:
    header = envelope.header
    names = (("sender", 6), ("receiver", 8), ("control", 13), ("version", 12), ("usage", 15))
    return tuple((name, header[number]) for name, number in names)


def _documents(envelope: Envelope, agreement: Agreement) -> list[Document]:
    """The documents of all good sets in good groups; what is wrong with the others is in their notes."""
    found = []
    for group in envelope.groups:
        broken = envelope.refused or any(fault.severity == "error" for fault in group.faults)
        for transaction in group.sets:
            document = _document(transaction, agreement)
            if document is not None and not transaction.notes.refused and not broken:
                found.append(document)
    return found


def _document(transaction: TransactionSet, agreement: Agreement) -> Document | None:
    notes, first = transaction.notes, transaction.segments[0]
    kind = BY_CODE.get(transaction.code)
    if kind is None:
        why = f"{_NOT_AGREED[transaction.code]} are not agreed on" if transaction.code in _NOT_AGREED else "no set that we read"
        notes.add(first.fault("x12.set", why, 1, ack="1"))
        return None
    root = tree(kind.spec, transaction.segments, notes)
    if notes.refused:
        return None
    try:
        return _storable(kind.read(root, agreement, notes))
    except Refusal as refusal:
        notes.add(refusal.fault)
    except (ValueError, ArithmeticError, ValidationError):
        notes.add(first.fault("x12.value", f"the set says something that no {_title(kind)} can hold", ack="5"))
    return None


def _title(kind: Set) -> str:
    return kind.documents[0].__name__


def _storable(document: Document) -> Document:
    """The document, once it was seen to survive the journal's encoding; raises ValidationError or ValueError."""
    decode(encode(document))
    return document


def _answers(envelope: Envelope) -> tuple[list[Document], list[Fault]]:
    """The TA1s as documents, unless the envelope around them is broken itself."""
    said = [read_ta1(answer) for answer in envelope.answers]
    documents: list[Document] = [] if envelope.refused else [document for document, _ in said if document is not None]
    return documents, [fault for _, faults in said for fault in faults]


class _Where:
    """Turns the faults of one interchange into findings with paths and byte offsets."""

    def __init__(self, interchange: Interchange, place: str, start: int, charset: str) -> None:
        self.interchange, self.place, self.start, self.charset = interchange, place, start, charset
        self.starts: list[int] = []

    def findings(self, envelope: Envelope, told: list[Fault]) -> tuple[Finding, ...]:
        """All of them: the envelope's, TA1s', groups' and sets', in this order."""
        findings = [self.finding(fault, "", 0) for fault in (*envelope.faults, *told)]
        for group in envelope.groups:
            findings += [self.finding(fault, "", group.row) for fault in group.faults]
        for transaction in envelope.sets:
            within = f"ST[{transaction.number}]/" if transaction.number > 1 else ""
            for fault in transaction.notes.faults:
                findings.append(self.finding(fault, within, self.row(transaction, fault)))
        return tuple(findings)

    def row(self, transaction: TransactionSet, fault: Fault) -> int:
        """The row of the segment that a fault is about; that of ST where it is about a missing one."""
        place = fault.position - 1
        return transaction.rows[place] if 0 <= place < len(transaction.rows) else transaction.rows[0]

    def finding(self, fault: Fault, within: str, row: int) -> Finding:
        """One fault, at its path and at the offset of its row."""
        path = f"{self.place}{within}{fault.path}"
        return Finding(code=fault.code, text=fault.text, path=path, offset=self.offset(row), severity=fault.severity)

    def offset(self, row: int) -> int:
        """Where a row begins, in bytes; worked out for all rows at the first finding."""
        if not self.starts:
            delimiters = self.interchange.delimiters
            sizes = [
                len(_bytes(delimiters.element.join(cells) + delimiters.terminator, self.charset))
                for cells in self.interchange.rows
            ]
            self.starts = list(accumulate(sizes, initial=0))
        return self.start + self.starts[row]


def _bytes(text: str, charset: str) -> bytes:
    return text.encode(charset, "surrogateescape")
