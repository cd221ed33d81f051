"""The door for message formats: bytes to documents and back, pure, with findings instead of exceptions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct, field

from suture.model import Document, Finding

#: No message may be larger than this, in bytes; transports refuse it earlier where the protocol allows.
LARGEST_MESSAGE = 32 * 1024 * 1024


class Profile(Struct, frozen=True, kw_only=True):
    """What two partners agreed on: names on the envelope, character set, time zone (IANA), and a format's own options."""

    us: str = "SUTURE"
    partner: str = "PARTNER"
    charset: str = "utf-8"
    timezone: str = "UTC"
    options: Mapping[str, str] = field(default_factory=dict)


class Stamp(Struct, frozen=True, kw_only=True):
    """What a writer may not invent: the control number (per partner, 1 upwards) and the time (UTC, ISO 8601)."""

    number: int
    at: str


class Running(Struct, frozen=True):
    """A running number that the sender gives to what it sends: one more each time, beginning again at 1 when it is full.

    ``series`` tells several counts of one sender apart; it is printable, short, and names no account.
    """

    number: int
    series: str = ""


class Reading(Struct, frozen=True, kw_only=True):
    """What a message said. ``message_id`` is the partner's own id for it (ISA13, MSH-10, MsgId; "" if it has none).

    A message is refused as a whole when it has error findings and no documents; with both, the good part goes on and
    the acknowledgement names the bad part. ``envelope`` holds the names and numbers that an acknowledgement echoes;
    ``detail`` is the format's own and is read by its ``acknowledge`` only. ``numbers`` are the running numbers in it, where the
    standard has them (ISA13, MSH-13, ElctrncSeqNb): what is missing between them did not come.
    """

    message_id: str = ""
    kind: str = ""
    documents: tuple[Document, ...] = ()
    findings: tuple[Finding, ...] = ()
    envelope: Mapping[str, str] = field(default_factory=dict)
    detail: object = None
    numbers: tuple[Running, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that refuse something."""
        return tuple(finding for finding in self.findings if finding.severity == "error")


class Verdict(Struct, frozen=True, kw_only=True):
    """What intake made of a reading, for the acknowledgement: accepted, or refused (for good or for now)."""

    outcome: str  # "accepted" | "refused" | "busy"
    findings: tuple[Finding, ...] = ()
    stamp: Stamp


class Read(Protocol):
    """``read(raw, profile)`` never raises on bad input and never loops: whatever is wrong is a finding."""

    def __call__(self, raw: bytes, profile: Profile) -> Reading: ...


class Write(Protocol):
    """``write(document, profile, stamp)`` is deterministic: the same arguments give the same bytes.

    Raises ``Unwritable`` for a document that the format cannot carry without losing something.
    """

    def __call__(self, document: Document, profile: Profile, stamp: Stamp) -> bytes: ...


class Acknowledge(Protocol):
    """The protocol's own acknowledgement of a reading (997, ACK, ...), or None where it has none for this message."""

    def __call__(self, reading: Reading, verdict: Verdict, profile: Profile) -> bytes | None: ...


class Minimise(Protocol):
    """``raw`` without a patient's identity: ``pseudonym(identifier)`` stands where an identifier stood. ``profile`` may name what
    else leads to a patient in this partner's words: the option ``patient``, names with ``;`` between them."""

    def __call__(self, raw: bytes, pseudonym: Callable[[str], str], profile: Profile = ...) -> bytes: ...


class Unwritable(ValueError):
    """The document says something that the format, or this partner's code set, has no words for."""


class Sample(Struct, frozen=True, kw_only=True):
    """A message written by us, and what reading it yields: documentation, golden test and seed of the fuzzer."""

    name: str
    raw: bytes
    documents: int = 1
    #: Codes of the findings that reading must report; empty for a clean message.
    findings: tuple[str, ...] = ()


class Format(Struct, frozen=True, kw_only=True):
    """A message format. ``reads`` and ``writes`` are the document types that it carries in each direction.

    ``version`` changes whenever the meaning of a field changes; every document keeps the version that read it.
    ``minimise(raw, pseudonym, profile)`` replaces a patient's identity by ``pseudonym(identifier)`` in bytes that ``read``
    would accept, before anything is stored; formats that cannot carry a patient leave it None. ``clinical``: each message is
    about a patient, so that even the name of its file may tell who it is.
    """

    name: str
    title: str
    version: int
    standard: str
    media_type: str
    reads: tuple[type[Document], ...] = ()
    writes: tuple[type[Document], ...] = ()
    read: Read
    write: Write | None = None
    acknowledge: Acknowledge | None = None
    minimise: Minimise | None = None
    clinical: bool = False
    samples: tuple[Sample, ...] = ()
