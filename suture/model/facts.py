"""What the runtime itself has to say: messages received, fates of deliveries, timers, exceptions, human decisions."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

from suture.model.documents import NUMBER, Document, Id, Instant, Key, Ref, Text, only
from suture.model.quantities import Money

Severity = Literal["error", "warning", "info"]


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something wrong with a message, where, and why; precise enough to be told to the sender."""

    code: str
    text: str
    path: str = ""
    offset: int = -1
    severity: Severity = "error"

    def __str__(self) -> str:
        where = f" at {self.path}" if self.path else ""
        return f"{self.code}{where}: {self.text}"


class Owed(Struct, frozen=True):
    """One obligation entered into: this delivery is to bring this document to this instance."""

    delivery: Key
    instance: Id
    document: Ref


class Decided(Document, frozen=True, kw_only=True):
    """That a process decided an event under a key: what it looked at stands in the event's ``seen``, what it owes here."""

    process: Id
    version: int
    key: str
    event: Key
    phase: str
    owes: tuple[Owed, ...] = ()
    effects: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.process}/{self.key}"

    def refs(self) -> tuple[Ref, ...]:
        return ()


class Numbered(Struct, frozen=True, omit_defaults=True):
    """Where a message stands in its sender's own count, and the highest number ``after`` which it came; 0 if it was the first."""

    number: int
    after: int = 0
    #: Which of the sender's counts, where it has several.
    series: str = ""


class MessageReceived(Document, frozen=True, kw_only=True):
    """Bytes that a partner handed over: kept, and answered with ``answer`` (a blob address) now and at every repeat."""

    id: Key
    instance: Id
    format: str
    documents: int
    outcome: Literal["accepted", "refused", "parked"]
    answer: str = ""
    findings: tuple[Finding, ...] = ()
    owes: tuple[Owed, ...] = ()
    channel: str = ""
    #: The types of the documents that it holds.
    kinds: tuple[Id, ...] = ()
    numbers: tuple[Numbered, ...] = ()
    #: The name of the file that it came in, where it was one and the name cannot hold a patient's.
    file: str = ""
    #: Who handed it over, where a proven identity did, and by which operation of the gateway.
    actor: str = ""
    operation: str = ""

    @property
    def number(self) -> str:
        """The partner's own id of the message (ISA13, MSH-10, MsgId), as its id holds it; "" if it has none."""
        said = self.id.removeprefix(f"{self.instance}/").rpartition("/")[0]
        return "" if said == "-" else said

    def refs(self) -> tuple[Ref, ...]:
        # X12 counts per sender: people know the count alone, without the sender's address before it
        count = self.number.partition("+")[0].rpartition(":")[2]
        numbers = (Ref("Message", number, NUMBER) for number in (self.number, count))
        return only(Ref("Message", self.id), *numbers, Ref("File", self.file), Ref("Person", self.actor, "actor"))


class Parked(Document, frozen=True, kw_only=True):
    """A message or document that cannot go on yet: kept with its cause, to be repaired and released."""

    id: Key
    instance: Id
    format: str
    reason: Id
    findings: tuple[Finding, ...] = ()
    candidates: tuple[str, ...] = ()
    about: tuple[Ref, ...] = ()

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("Message", self.id), *self.about)


class FunctionalAcknowledgement(Document, frozen=True, kw_only=True):
    """A partner's word on whether it could read what we sent (X12 997/TA1, CONTRL, pain.002 at group level)."""

    reference: Id
    accepted: bool
    partial: bool = False
    findings: tuple[Finding, ...] = ()

    @property
    def id(self) -> str:
        return self.reference

    def refs(self) -> tuple[Ref, ...]:
        return (Ref("Interchange", self.reference),)


class Acknowledgement(Document, frozen=True, kw_only=True):
    """An acknowledgement that we owe a partner for a message; its bytes are written from the message when it goes out."""

    id: Key
    #: The address of the message's bytes.
    blob: Id
    format: Id
    outcome: Literal["accepted", "refused"]
    findings: tuple[Finding, ...] = ()

    def refs(self) -> tuple[Ref, ...]:
        return (Ref("Message", self.id),)


class Delivered(Document, frozen=True, kw_only=True):
    """The fate of one delivery, told to the process that asked for it; ``reference`` is the peer's own number.

    ``causes`` are what the document came from, where it says so: a stock movement and a posting from a usage.
    """

    delivery: Key
    role: Id
    instance: Id
    document: Ref
    outcome: Literal["done", "refused", "parked", "cancelled"]
    at: Instant
    reference: str = ""
    reason: Text = ""
    causes: tuple[Ref, ...] = ()

    @property
    def id(self) -> str:
        return self.delivery

    def refs(self) -> tuple[Ref, ...]:
        peer = Ref(self.document.type, self.reference, self.instance) if self.reference else None
        return only(Ref("Delivery", self.delivery), self.document, peer, *self.causes)


class Repaired(Document, frozen=True, kw_only=True):
    """A difference that reconciliation has put right: ``resent`` owes a new delivery, ``confirmed`` ends an open one."""

    #: The delivery that proved wrong about what became of it.
    delivery: Key
    instance: Id
    document: Ref
    found: Id
    action: Literal["resent", "confirmed"]
    at: Instant
    owes: tuple[Owed, ...] = ()

    @property
    def id(self) -> str:
        return self.delivery

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("Delivery", self.delivery), self.document)


class Reconciled(Document, frozen=True, kw_only=True):
    """One comparison of what a counterpart says that it holds with what we believe: how much was compared, and what was found.

    ``compared`` counts documents by listing, ``differences`` by class; each of them was repaired, is an open exception, was
    accepted by a person or is merely counted by policy. ``raised`` are the exceptions opened now, ``gone`` those that ended.
    """

    instance: Id
    at: Instant
    compared: dict[str, int]
    differences: dict[str, int] = msgspec.field(default_factory=dict)
    in_flight: int = 0
    repaired: int = 0
    raised: int = 0
    gone: int = 0
    #: Listings that the counterpart did not tell to the end; nothing was concluded about them.
    unheard: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return f"{self.instance}/{self.at.isoformat()}"

    def refs(self) -> tuple[Ref, ...]:
        return (Ref("Reconciliation", self.id),)


class FieldCompared(Struct, frozen=True, kw_only=True):
    """How one field of the suppliers stands in one system: how many were compared, and at which of them it says otherwise."""

    field: Id
    compared: int
    #: Our numbers of the suppliers that differ, the first of them; never what either side says.
    differing: tuple[Id, ...] = ()
    #: How many differ in all.
    differences: int = 0


class SuppliersCompared(Document, frozen=True, kw_only=True):
    """A counterpart's suppliers beside the group's, field by field; of a bank account only whether it agrees, never which it is.

    ``missing`` are active suppliers that it should know and does not list; ``strangers`` counts its rows that are nobody's here.
    """

    instance: Id
    at: Instant
    suppliers: int
    fields: tuple[FieldCompared, ...] = ()
    missing: tuple[Id, ...] = ()
    strangers: int = 0

    @property
    def id(self) -> str:
        return f"{self.instance}/suppliers/{self.at.isoformat()}"

    def refs(self) -> tuple[Ref, ...]:
        return (Ref("Reconciliation", self.id),)


class CallsAnswered(Document, frozen=True, kw_only=True):
    """The calls that the gateway answered within a moment; their lines, who asked for what with which result, are its blob."""

    #: The hour of the last of them, in UTC, such as 2026-03-02T14.
    hour: Id
    number: int
    at: Instant

    @property
    def id(self) -> str:
        return f"{self.hour}/{self.at.isoformat()}"

    def refs(self) -> tuple[Ref, ...]:
        return (Ref("Calls", self.hour),)


class TimerFired(Document, frozen=True, kw_only=True):
    """A wait that a process asked for has come to its end."""

    name: Id
    due: Instant

    @property
    def id(self) -> str:
        return self.name

    def refs(self) -> tuple[Ref, ...]:
        return ()


class Case(Document, frozen=True, kw_only=True):
    """An exception: what is wrong, with which objects, whose it is, by when, what it costs, and what one can do."""

    id: Key
    reason: Id
    text: Text
    objects: tuple[Ref, ...]
    owner: Id
    at: Instant
    deadline: Instant | None = None
    money: Money | None = None
    care: Literal["none", "supply", "procedure"] = "none"
    actions: tuple[str, ...] = ()
    context: dict[str, str] = msgspec.field(default_factory=dict)
    suggestion: str = ""

    def refs(self) -> tuple[Ref, ...]:
        return only(Ref("Case", self.id), *self.objects)


class CaseResolved(Document, frozen=True, kw_only=True):
    """The end of an exception, and who or what ended it."""

    case: Key
    action: Id
    actor: Id
    at: Instant
    reason: Text = ""

    @property
    def id(self) -> str:
        return self.case

    def refs(self) -> tuple[Ref, ...]:
        return (Ref("Case", self.case),)


class Decision(Document, frozen=True, kw_only=True):
    """What a person decided about an exception, a parked message or a delivery, on the state at ``position``."""

    id: Key
    subject: Ref
    verb: Id
    actor: Id
    at: Instant
    reason: Text
    position: int
    #: The repaired content, where the verb is a repair; the address of a blob.
    blob: str = ""
    values: dict[str, str] = msgspec.field(default_factory=dict)

    def refs(self) -> tuple[Ref, ...]:
        return only(self.subject, Ref("Person", self.actor, "actor"))
