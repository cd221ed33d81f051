"""The door for operations: one value says what a call is, who may make it, what it promises, and how it is answered.

Routing, validation, OpenAPI, documentation, mock answers, audit, metrics and tests derive from it. An operation that ``takes``
documents hands them over to intake in the name of the caller's instance and needs no code; one that looks something up has an
``answer``. What an answer may reach is ``Inside``: states of processes, filed master data, registers, journeys and the systems'
own look-ups. It holds no journal, no link and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from suture.extensions import found
from suture.gateway.access import ANYTHING, About, Caller
from suture.model import Document
from suture.views.register import Entry

Layer = Literal["system", "process", "partner"]
Method = Literal["GET", "POST", "PUT"]
DataClass = Literal["public", "internal", "financial", "personal", "patient"]
Quota = Literal["critical", "standard", "bulk"]
Lifecycle = Literal["experimental", "stable", "deprecated"]
#: safe: it changes nothing; key: the Idempotency-Key is asked for, and a repeat gets the first answer.
Idempotency = Literal["safe", "key"]
#: Whether the caller, having got no answer or a bad one, may send the same again.
Class = Literal["retryable", "permanent", "unknown outcome"]

_NAMES = re.compile(r"\{(\w+)\}")


class Nothing(Struct, frozen=True):
    """No parameters."""


class Criticality(Struct, frozen=True, kw_only=True):
    """What a flow must withstand: how late its answer may be, how much of it comes, and how it recovers."""

    tolerance_s: float
    volume_per_day: int
    recovery: Literal["retry", "replay", "manual"]


class Part(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one source says, and as of when. ``state`` is "unknown" where it could not be asked in time: then ``last`` is what it
    said before, ``at`` when, and ``why`` the reason."""

    source: str
    state: str
    at: datetime | None = None
    #: How old it was when we answered, in seconds; None if the source has never said anything.
    age_s: float | None = None
    last: str = ""
    reference: str = ""
    why: str = ""


class Accepted(Struct, frozen=True, kw_only=True):
    """Documents are in the journal and will be carried to everyone who must know; ``status`` tells what became of them."""

    outcome: Literal["accepted", "parked"]
    documents: tuple[str, ...]
    status: str
    findings: tuple[Mapping[str, Any], ...] = ()


class Given(Struct, frozen=True, kw_only=True):
    """One call after every check: who asks, with which parameters (an ``asks``), when, and after which cursor."""

    caller: Caller
    asked: Any
    now: datetime
    after: str = ""
    limit: int = 50


class Said(Struct, frozen=True, kw_only=True):
    """An answer (a ``gives``), and whose it is: a caller who may not see all of ``about`` is told that there is nothing.

    ``etag`` changes with the thing, not with the time of asking; ``next`` is the cursor of the next page.
    """

    value: Any
    about: Sequence[About]
    etag: str = ""
    next: str = ""


def scoped(caller: Caller, key: str) -> str:
    """The caller's key as the journal knows it: partners that share an instance do not share their keys."""
    return f"{caller.supplier}:{key}" if caller.bound else key


def about(entry: Entry) -> About:
    """Whom a registered document concerns."""
    return About(supplier=entry.supplier, entity=entry.entity, facility=entry.facility)


class Trace(Struct, frozen=True, kw_only=True):
    """What is known of an identifier: its documents, who has them, who is owed them, and its story, oldest first."""

    subject: str
    documents: tuple[str, ...]
    entities: tuple[str, ...]
    facilities: tuple[str, ...]
    has: tuple[Part, ...]
    owed: tuple[Part, ...]
    exceptions: tuple[str, ...]
    story: tuple[tuple[datetime, str], ...]
    #: The versions of policies that applied to it, as of then: "tolerances 3".
    policies: tuple[str, ...] = ()


class Submission(Struct, frozen=True, kw_only=True):
    """What became of what was handed over under a key: what it held, what that led to (an order, a payment), who has it by now,
    who is owed it, and what is wrong."""

    key: str
    at: datetime
    outcome: Literal["accepted", "parked", "refused"]
    documents: tuple[str, ...]
    led_to: tuple[str, ...] = ()
    has: tuple[Part, ...] = ()
    owed: tuple[Part, ...] = ()
    exceptions: tuple[str, ...] = ()


class Inside(Protocol):
    """What an answer may reach. Every method answers within the operation's own latency target or says what it does not know."""

    async def state(self, process: str, key: str) -> tuple[Any, int]:
        """The state of a process under a key and its version; (None, 0) if there is none."""

    async def filed(self, kind: type[Document], id: str) -> tuple[Any, ...]:
        """Master documents filed under this id, as decisions see them."""

    async def register(
        self, kind: str, *, supplier: str = "", state: str = "", after: int = 0, limit: int = 50
    ) -> tuple[Entry, ...]:
        """Documents of a kind in order of their first appearance, after a position, narrowed where asked."""

    async def registered(self, kind: str, id: str) -> Entry | None:
        """One document of the register."""

    async def trace(self, id: str) -> Trace | None:
        """The whereabouts of anything, by any identifier."""

    async def submission(self, caller: Caller, key: str) -> Submission | None:
        """What became of what this caller's instance handed over under this key; None if nothing was."""

    async def holds(self, role: str, document: Document, about: About) -> Part:
        """Whether the system that plays ``role`` for this holds the document: asked live, shared with all who ask, or unknown."""

    async def rows(self, instance: str, listing: str, cursor: str) -> tuple[tuple[Struct, ...], str, Part]:
        """One page of a connected system's own list, the next cursor, and how it was heard."""


#: How a look-up is answered; None for what does not exist.
Answering = Callable[[Given, Inside], Awaitable[Said | None]]


class Example(Struct, frozen=True, kw_only=True):
    """A call that a reader can repeat: parameters, the document handed over, and the answer. It is what a mock says."""

    given: Mapping[str, str] = field(default_factory=dict)
    document: Document | None = None
    answer: Struct | None = None


async def _anything(document: Any, inside: Inside) -> Sequence[About]:
    return (ANYTHING,)


async def _fits(given: Given, document: Any, inside: Inside) -> str:
    return ""


class Operation(Struct, frozen=True, kw_only=True):
    """A business capability as a call.

    ``path`` begins with "/" and follows /api/LAYER/vVERSION; its ``{names}`` are fields of ``asks``, whose other fields are query
    parameters. ``takes`` are the documents that may be handed over, ``about`` whom one concerns, ``fits`` why one does not fit
    the address or the caller ("" if it does). A later version is another value with another name that says whom it ``replaces``.
    ``guards`` names the look-up whose ETag an If-Match is compared with. ``rests_on`` are the processes and roles that stand
    behind it. ``logged``: whether the path may stand in the log of calls. ``brings_to`` is the instance that is owed a document
    directly, without a process; only the derived operations of connected systems do that.
    """

    name: str
    title: str
    text: str
    layer: Layer
    method: Method
    path: str
    permission: str
    owner: str
    data_class: DataClass
    latency_ms: int
    criticality: Criticality
    version: int = 1
    asks: type[Struct] = Nothing
    takes: tuple[type[Document], ...] = ()
    gives: type[Any] = Accepted
    answer: Answering | None = None
    about: Callable[[Any, Inside], Awaitable[Sequence[About]]] = _anything
    fits: Callable[[Given, Any, Inside], Awaitable[str]] = _fits
    paged: bool = False
    guards: str = ""
    brings_to: str = ""
    quota: Quota = "standard"
    examples: tuple[Example, ...] = ()
    rests_on: tuple[str, ...] = ()
    state: Lifecycle = "stable"
    replaces: str = ""
    #: When it was deprecated, and when it ends; only where ``state`` says so.
    deprecated_on: date | None = None
    sunset_on: date | None = None
    logged: bool = True

    @property
    def address(self) -> str:
        """The whole path, with its names in braces."""
        return f"/api/{self.layer}/v{self.version}{self.path}"

    @property
    def names(self) -> tuple[str, ...]:
        """The parameters within the path."""
        return tuple(_NAMES.findall(self.path))

    @property
    def idempotency(self) -> Idempotency:
        """What a repeat does."""
        return "safe" if self.method == "GET" else "key"


def operations() -> dict[str, Operation]:
    """Every declared operation by name; those of connected systems are derived (``gateway.system_apis``)."""
    return found("suture.gateway.operations", "OPERATION", Operation)
