"""The door for systems: what a kind of counterpart accepts, what it sends us, and how its outcomes become known."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import date
from typing import Literal

from msgspec import Struct, field

from suture.formats import Profile, Stamp
from suture.model import Document, Finding, Held, HeldSupplier
from suture.transports.exchange import Reply, Request

OutcomeClass = Literal["key", "lookup", "readback", "statement", "none"]


class Done(Struct, frozen=True, kw_only=True):
    """The peer has it; ``reference`` is the peer's own number for it."""

    reference: str = ""
    #: What the peer told us on top, as documents that intake accepts in its name (rare).
    documents: tuple[Document, ...] = ()


class Refused(Struct, frozen=True, kw_only=True):
    """The peer will never take it as it is; ``reason`` is its own word."""

    reason: str
    findings: tuple[Finding, ...] = ()


class Again(Struct, frozen=True, kw_only=True):
    """It certainly was not taken, and may be later; ``after_s`` is the peer's own wish (Retry-After)."""

    reason: str
    after_s: float = 0.0


class Unsure(Struct, frozen=True, kw_only=True):
    """It may have been taken; the operation's outcome class decides what happens next."""

    reason: str


class Awaiting(Struct, frozen=True, kw_only=True):
    """Handed over; a later message about ``reference`` (997, pain.002) will tell. Overdue after ``within_s`` seconds."""

    reference: str
    within_s: float = 86_400.0


Outcome = Done | Refused | Again | Unsure | Awaiting

#: A conversation with a peer: yields requests, is sent replies (or has NotSent/NoReply thrown in), returns the outcome.
#: It holds no socket and no clock, so that the same code runs over real connections, in memory and in the simulator.
Steps = Generator[Request, Reply, Outcome]


class Call(Struct, frozen=True, kw_only=True):
    """What an operation knows besides its document: the idempotency key, control number and time, the agreement.

    ``id`` is the document's id in our own codes: the reference to give the peer, whatever codes the document is in.
    ``password`` fetches the instance's password, for peers whose login is part of the conversation; it is kept nowhere.
    """

    key: str
    id: str = ""
    stamp: Stamp
    profile: Profile
    attempt: int = 1
    options: Mapping[str, str] = field(default_factory=dict)
    password: Callable[[], str] = str
    #: The bytes of an Acknowledgement, written by the format that read the message.
    body: bytes = b""


class Operation(Struct, frozen=True, kw_only=True):
    """How one document type is brought to the system, and how a doubtful outcome becomes known.

    ``lookup`` and ``readback`` need ``probe``: it returns Done if the peer has the document, Again if it certainly has
    not (then ``send`` follows in the same turn, within the per-key lock), Unsure if it cannot tell. For ``statement`` the
    probe names what to wait for (Awaiting) and nothing is sent again. ``numbered``: the key is the control number, which a
    journal that was restored may give anew. ``key_lives_s``: for so long the peer remembers a key (most promise a day); an older
    doubt is probed, or asked of a person where there is no probe.
    """

    send: Callable[[Document, Call], Steps]
    outcome: OutcomeClass
    probe: Callable[[Document, Call], Steps] | None = None
    numbered: bool = False
    key_lives_s: float = float("inf")


class Channel(Struct, frozen=True, kw_only=True):
    """A way in: how bytes arrive and which format reads them.

    ``http`` listens on /in/INSTANCE/NAME (signed with the instance's secret); ``mllp`` on the instance's port; ``folder``
    and ``sftp`` pick up files that match ``pattern``.
    """

    name: str
    transport: Literal["http", "mllp", "folder", "sftp", "memory"]
    format: str
    pattern: str = "*"


class Poll(Struct, frozen=True, kw_only=True):
    """A question asked every ``every_s`` seconds: ``ask(cursor, call)`` yields requests and returns (documents, next cursor)."""

    name: str
    every_s: float
    ask: Callable[[str, Call], Generator[Request, Reply, tuple[tuple[bytes, ...], str]]]
    format: str


class NotListed(RuntimeError):
    """The counterpart did not tell what it holds; nothing may be concluded from what it left out."""


#: One page of a listing: yields requests; returns what the page holds and the cursor of the next one, "" after the last.
Page = Generator[Request, Reply, tuple[tuple[Held, ...], str]]


class Listing(Struct, frozen=True, kw_only=True):
    """A list that a counterpart keeps, and what it should say: read by people as its orders, its invoices.

    ``documents`` are the types that show in it, sent by us or said by it; ``reference`` is the number under which a document
    shows. ``holds`` says what one row should be after all these documents under one reference, oldest first. ``ask`` reads
    a page, changes nothing, and raises NotListed for an answer that cannot be read. Where ``absolute``, the last
    document under a reference alone decides.
    """

    name: str
    documents: tuple[type[Document], ...]
    reference: Callable[[Document], str]
    holds: Callable[[Sequence[tuple[Document, Call]]], Held]
    ask: Callable[[str, Call], Page]
    absolute: bool = True


#: One page of a roster: as ``Page``.
RosterPage = Generator[Request, Reply, tuple[tuple[HeldSupplier, ...], str]]


class Roster(Struct, frozen=True, kw_only=True):
    """The suppliers that a counterpart knows: ``ask`` reads a page, changes nothing, and raises NotListed as a listing's does."""

    ask: Callable[[str, Call], RosterPage]


class Release(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A day on which the vendor changes the product under us: the name of the release, and when it goes live."""

    name: str
    on: date


class Platform(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the vendor says of its product: when it releases, and what it lets anybody ask of it.

    ``months`` (1 to 12) are those in which each year brings a major release; ``releases`` are the days that are known.
    ``per_s``, ``per_day`` and ``at_once`` are the most calls that it takes; 0 where it names no limit. ``source`` is where it
    says so.
    """

    months: tuple[int, ...] = ()
    releases: tuple[Release, ...] = ()
    per_s: float = 0.0
    per_day: int = 0
    at_once: int = 0
    source: str = ""


class System(Struct, frozen=True, kw_only=True):
    """A kind of counterpart. ``role`` is the part it plays when a process says ``Send(role, ...)``.

    ``codes`` are the crosswalk kinds in which it uses its own identifiers. ``evidence`` says against what the connector was
    proven: "real" (a product), "simulator" (somebody else's), "twin" (ours only).
    """

    name: str
    title: str
    role: str
    accepts: Mapping[type[Document], Operation]
    channels: tuple[Channel, ...] = ()
    polls: tuple[Poll, ...] = ()
    #: What can be compared with what it really holds.
    lists: tuple[Listing, ...] = ()
    #: Its supplier master, where it tells it.
    suppliers: Roster | None = None
    emits: tuple[type[Document], ...] = ()
    codes: tuple[str, ...] = ()
    evidence: tuple[Literal["real", "simulator", "twin"], ...] = ("twin",)
    #: Calls per second and at once that the counterpart tolerates, unless the instance says otherwise.
    rate_per_s: float = 100.0
    concurrency: int = 8
    timeout_s: float = 10.0
    #: The vendor's calendar and limits; an instance may know its own better.
    platform: Platform = Platform()
    notes: str = ""
