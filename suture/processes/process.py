"""The door for processes: long-lived conversations as pure decisions over events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct, field

from suture.journal import Event
from suture.model import ApprovalRequest, Case, Document, Policy
from suture.rules.policies import in_force


class Send(Struct, frozen=True, kw_only=True):
    """Bring a document to whoever plays ``role`` (routing picks the instance by facility, entity, supplier and date).

    ``key`` orders it among deliveries to the same instance; its fate comes back as ``Delivered`` to the same process and
    key. ``supplier``, ``facility`` and ``entity`` are what routing looks at. ``priority``: 0 critical to care, 5 normal,
    9 background.
    """

    role: str
    document: Document
    key: str
    supplier: str = ""
    facility: str = ""
    entity: str = ""
    priority: int = 5


class Emit(Struct, frozen=True, kw_only=True):
    """State a fact to all who listen: other processes, views, subscribers."""

    document: Document


class Ask(Struct, frozen=True, kw_only=True):
    """Put a question to a person with authority, through the system that plays ``via``; the Approval comes back as an event.

    ``priority`` as of a Send: what is critical under the same key waits behind its question.
    """

    request: ApprovalRequest
    via: str = "procurement"
    facility: str = ""
    entity: str = ""
    priority: int = 5


class Wait(Struct, frozen=True, kw_only=True):
    """Wake this process under this key at ``until`` with TimerFired(name); None cancels. One timer per name."""

    name: str
    until: datetime | None


class Raise(Struct, frozen=True, kw_only=True):
    """Open an exception; opening an open one with the same id again changes nothing."""

    case: Case


class Resolve(Struct, frozen=True, kw_only=True):
    """Close an exception that this process opened."""

    case: str
    action: str
    actor: str
    reason: str = ""


Effect = Send | Emit | Ask | Wait | Raise | Resolve


class Seen(Struct, frozen=True):
    """What a decision may look at, handed in and recorded: master documents as of now, policies in force, the time (UTC).

    ``key`` is the key under which this decision is made: an event about several keys is decided under each.
    """

    now: datetime
    masters: Mapping[tuple[str, str], Sequence[Document]] = field(default_factory=dict)
    key: str = ""

    def one(self, kind: type[Any], id: str) -> Any:
        """The master document of this kind and id, or None."""
        found = self.masters.get((kind.__name__, id))
        return found[-1] if found else None

    def all(self, kind: type[Any], id: str) -> Sequence[Any]:
        """All documents filed under this id: every contract price of "supplier/item", every version of a policy."""
        return self.masters.get((kind.__name__, id), ())

    def policy(self, name: str) -> Policy:
        """The version of a policy in force now; raises LookupError if there is none."""
        found = in_force(self.all(Policy, name), self.now)
        if found is None:
            raise LookupError(f"no version of policy {name!r} is in force; publish one in the network's policies")
        return found


#: A handler is pure: no clock, chance, I/O or globals; the same arguments give the same answer for ever.
Handler = Callable[[Any, Event, Seen], tuple[Any, Sequence[Effect]]]

#: Which masters a decision on this event and state needs: (document type, id) pairs.
Needs = Callable[[Any, Event], Sequence[tuple[type[Document], str]]]


class Step(Struct, frozen=True, kw_only=True):
    """One line of an example: what comes in, and the state and effects that a reader should see."""

    given: Document
    state: str = ""
    effects: tuple[str, ...] = ()
    to: bool = False


class Example(Struct, frozen=True, kw_only=True):
    """A story of one key, told in documents: documentation, test and picture of the process."""

    text: str
    masters: tuple[Document, ...]
    steps: tuple[Step, ...]


class Process(Struct, frozen=True, kw_only=True):
    """A long-lived conversation, one state per key.

    ``on`` maps a document type to its handler. ``key`` names the keys that an event concerns (several are decided each on
    its own; none ignores it); answers addressed with ``Event.to`` bypass it. ``state`` is a frozen Struct whose fields all
    have defaults; ``state().phase`` names where the conversation stands. ``compensation`` says, per phase, what undoes it.
    """

    name: str
    title: str
    version: int
    owner: str
    key: Callable[[Document], Sequence[str]]
    state: type[Struct]
    on: Mapping[type[Document], Handler]
    needs: Needs
    phases: tuple[str, ...]
    compensation: Mapping[str, str] = field(default_factory=dict)
    criticality: Literal["critical", "important", "background"] = "important"
    example: Example | None = None
