"""Reading bytes means: for every message in them, who sent what, what it reports, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct, structs

from suture.formats.format import Profile, Reading, Running
from suture.formats.hl7v2.adt import Merge, merges, read_context
from suture.formats.hl7v2.escape import Delimiters
from suture.formats.hl7v2.lexer import BLANK, MESSAGES_MAX, SEGMENTS_MAX, Lexed, Message, Segment, lex
from suture.formats.hl7v2.segments_codes import CONTEXT_EVENTS, FIELDS, VERSIONS
from suture.formats.hl7v2.usage import read_usages
from suture.model import Finding, Usage

#: A control id is at most 20 characters before version 2.7 and 199 since; more is cut off in what we say about it.
_CONTROL_ID_MAX = 199
#: So many fields of a header (the name is field 0) say something to us.
_HEAD_FIELDS = 19
#: What is read, by kinds of message.
_EVENTS = {"DFT": frozenset({"P03"}), "ADT": CONTEXT_EVENTS}
#: MSH-13 is a number of at most 15 characters.
_COUNTED = re.compile("[1-9][0-9]{0,14}")


class Head(Struct, frozen=True, kw_only=True):
    """What one message said about itself, raw where an acknowledgement echoes it, and what was wrong with it."""

    delimiters: Delimiters = Delimiters("|", "^", "~", "\\", "&")
    sender: str = ""
    sender_facility: str = ""
    receiver: str = ""
    receiver_facility: str = ""
    kind: str = ""
    event: str = ""
    control_id: str = ""
    #: MSH-13 (section 2.14.9.13): one more with each message of the sender; blank, 0 and -1 where it does not count.
    sequence: str = ""
    processing: str = "P"
    version: str = ""
    accept: str = ""
    application: str = ""
    charset: str = ""
    #: Whether it answers another message; an answer is never answered.
    response: bool = False
    findings: tuple[Finding, ...] = ()
    merges: tuple[Merge, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What refuses something."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


class Detail(Struct, frozen=True):
    """What ``acknowledge`` needs of a reading: the messages, the codec of the bytes, and the batch header if there is one."""

    heads: tuple[Head, ...]
    charset: str
    batch: Head | None = None


def read(raw: bytes, profile: Profile) -> Reading:
    """The usages in one message, a batch or a file.

    DFT^P03 gives usages; ADT is context; acknowledgements are recognised; anything else is refused (AR). Options of the
    profile: the places of ``charges.PLACES``, ``patient_type`` (MR), ``patient_assigner``, ``unit`` (EA), ``unit.CODE``,
    ``category.PROCEDURE``, ``waste_modifiers`` (JW) and ``processing`` (P: what MSH-11 may say here).
    """
    lexed = lex(raw, profile.charset)
    general = [*lexed.findings, *_limits(lexed), *_counts(lexed.messages)]
    documents: list[Usage] = []
    heads: list[Head] = []
    for message in lexed.messages:
        if message.name == "MSH":
            head, usages = _read_one(message, profile)
            heads.append(head)
            documents.extend(usages)
    if not heads:
        general.append(Finding(code="100", path="MSH", text="there is no MSH segment, so it is no HL7 v2 message", offset=0))
        heads.append(Head(response=b"\rMSA" in raw or b"\nMSA" in raw or raw.startswith(b"MSA")))
    # What concerns the whole is told with the last message: nobody knows whether its end came.
    if general:
        heads[-1] = structs.replace(heads[-1], findings=(*general, *heads[-1].findings))
    batch = next((_head(message) for name in ("BHS", "FHS") for message in lexed.messages if message.name == name), None)
    first = batch or heads[0]
    return Reading(
        message_id=first.control_id,
        kind=_title(heads[0]),
        documents=tuple(documents),
        findings=heads[0].findings if len(heads) == 1 else tuple(_numbered(heads)),
        envelope=_envelope(first),
        detail=Detail(tuple(heads), lexed.charset, batch),
        numbers=tuple(_running(head) for head in heads if _COUNTED.fullmatch(head.sequence)),
    )


def _running(head: Head) -> Running:
    """The number that the sender gave it, in the count of this pair of applications."""
    pair = f"{head.sender[:30]}>{head.receiver[:30]}"
    return Running(int(head.sequence), "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in pair))


def _read_one(message: Message, profile: Profile) -> tuple[Head, tuple[Usage, ...]]:
    head = _head(message)
    wrong = tuple(_header_faults(message, head, profile))
    if head.response:
        note = Finding(code="acknowledgement", path="MSA", text="an answer to a message of ours", severity="info")
        return structs.replace(head, findings=(note,)), ()
    if any(finding.severity == "error" for finding in wrong):
        return structs.replace(head, findings=wrong), ()
    if head.kind == "DFT":
        usages, found = read_usages(message, profile)
        return structs.replace(head, findings=(*wrong, *found)) if wrong or found else head, usages
    merged = merges(message) if head.event == "A40" else ()
    return structs.replace(head, findings=(*wrong, *read_context(message, head.event)), merges=merged), ()


def _head(message: Message) -> Head:
    if message.name != "MSH":
        return _batch_head(message)
    header, charset = message.segments[0], message.charset
    raw = _stated(header)
    kind = header.text_at(9, charset=charset)
    return Head(
        delimiters=message.delimiters,
        sender=raw[3],
        sender_facility=raw[4],
        receiver=raw[5],
        receiver_facility=raw[6],
        kind=kind,
        event=header.text_at(9, component=2, charset=charset) or message.text("EVN-1"),
        control_id=raw[10][:_CONTROL_ID_MAX],
        sequence=raw[13],
        processing=raw[11],
        version=header.text_at(12, charset=charset),
        accept=raw[15],
        application=raw[16],
        charset=raw[18],
        response=kind == "ACK" or bool(message.all("MSA")),
    )


def _stated(header: Segment) -> list[str]:
    """The fields of a header up to the 18th as they stand, without surrounding blanks; "" for those that it leaves out."""
    fields = [field.strip() for field in header.fields[:_HEAD_FIELDS]]
    return fields + [""] * (_HEAD_FIELDS - len(fields))


def _batch_head(message: Message) -> Head:
    """BHS and FHS: the same names in fields 3 to 6, the control id in field 11 (section 2.14.2, 2.14.6)."""
    raw = _stated(message.segments[0])
    return Head(
        delimiters=message.delimiters,
        sender=raw[3],
        sender_facility=raw[4],
        receiver=raw[5],
        receiver_facility=raw[6],
        control_id=raw[11][:_CONTROL_ID_MAX],
    )


def _header_faults(message: Message, head: Head, profile: Profile) -> Iterator[Finding]:
    if not message.declared:
        yield _fault("102", 2, "must be 2 to 5 different punctuation characters")
        return
    if not head.control_id:
        yield _fault("101", 10, "is required")
    if head.version not in VERSIONS:
        yield _fault("203", 12, "is not a version from 2.1 to 2.9")
    processing = message.segments[0].text_at(11, charset=message.charset)
    if not processing:
        yield _fault("101", 11, "is empty; taken as production", severity="warning")
    elif processing not in profile.options.get("processing", "P").split():
        yield _fault("202", 11, "is not processed here")
    yield from _kind_faults(head)


def _kind_faults(head: Head) -> Iterator[Finding]:
    events = _EVENTS.get(head.kind)
    if not head.kind:
        yield _fault("101", 9, "is required")
    elif events is None:
        yield _fault("200", 9, f"{_short(head.kind)} is not supported; DFT and ADT are")
    elif head.event not in events:
        yield _fault("201", 9, f"{head.kind}^{_short(head.event)} is not supported; of {head.kind}: {' '.join(sorted(events))}")


def _fault(code: str, field: int, text: str, severity: str = "error") -> Finding:
    name = FIELDS["MSH"][field]
    found = Finding(code=code, path=f"MSH-{field}", text=f"MSH-{field} ({name}) {text}")
    return found if severity == "error" else structs.replace(found, severity="warning")


def _short(text: str) -> str:
    return text if len(text) <= 3 and text.isalnum() else "the given value"


def _limits(lexed: Lexed) -> Iterator[Finding]:
    if lexed.lead.strip(BLANK) and lexed.messages:
        yield Finding(code="junk", path="MSH", offset=0, text="something stands before the first header", severity="warning")
    if len(lexed.messages) >= MESSAGES_MAX:
        yield Finding(code="104", path="FHS", text=f"there are {MESSAGES_MAX} messages or more")
    if any(len(message.segments) > SEGMENTS_MAX for message in lexed.messages):
        yield Finding(code="104", path="MSH", text=f"there are more than {SEGMENTS_MAX} segments")


def _counts(messages: Iterable[Message]) -> Iterator[Finding]:
    """BTS-1 counts the messages of a batch, FTS-1 the batches of a file; a missing trailer means a cut transmission.

    Batch headers may be left out (section 2.10.3): messages without any are one batch.
    """
    awaited: dict[str, str] = {}
    batches = inside = 0
    for message in messages:
        match message.name:
            case "MSH":
                inside += 1
            case "BHS":
                awaited["BTS"] = "batch"
                batches, inside = batches + 1, 0
            case "FHS":
                awaited["FTS"] = "file"
            case "BTS":
                yield from _count("BTS", message.text("BTS-1"), inside, "messages")
            case "FTS":
                yield from _count("FTS", message.text("FTS-1"), batches or min(inside, 1), "batches")
        awaited.pop(message.name, None)
    for trailer, what in awaited.items():
        yield Finding(code="100", path=trailer, text=f"the {what} has no {trailer} segment: its end may be cut off")


def _count(trailer: str, stated: str, counted: int, what: str) -> Iterator[Finding]:
    if stated and (not stated.isdecimal() or int(stated[:9]) != counted):
        yield Finding(code="102", path=f"{trailer}-1", text=f"{trailer}-1 does not say {counted}, the number of {what} received")


def _numbered(heads: list[Head]) -> Iterator[Finding]:
    for number, head in enumerate(heads, start=1):
        for finding in head.findings:
            yield structs.replace(finding, text=f"message {number}: {finding.text}")


def _title(head: Head) -> str:
    return f"{head.kind}^{head.event}" if head.event else head.kind


def _envelope(head: Head) -> dict[str, str]:
    return {
        "sender": head.sender,
        "sender_facility": head.sender_facility,
        "receiver": head.receiver,
        "receiver_facility": head.receiver_facility,
        "control_id": head.control_id,
        "version": head.version,
        "processing": head.processing,
    }
