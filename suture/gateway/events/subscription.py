"""Subscriptions: who hears which events where, and how far each has come.

What people decided about a subscription stands in the journal as decisions; how it stands now is a state of the journal, whose
version every writer has to know: who comes second reads again, so a cursor never moves behind somebody's back.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

from suture.gateway.access import Caller
from suture.journal import Journal, State
from suture.model import Ref
from suture.views.events import CloudEvent

#: Built-in states, and the type of the objects that decisions about subscriptions are about.
SUBSCRIPTIONS, SUBSCRIPTION = "subscriptions", "Subscription"
#: So many subscriptions may live at a time, and so many types may one of them name.
MOST, TYPES_MOST = 1_000, 100
#: How long an old secret still signs beside the new one.
OVERLAP = timedelta(days=7)
_PAGE = 500


class Subscription(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One webhook: its address, what it hears and in whose name, and how far it has come.

    ``types`` are documents or event types, none means all that ``hears`` may hear. Everything up to ``position`` has been
    received there or does not concern it. ``attempts`` failures in a row began at ``failing``; the next attempt is at ``next``.
    Nothing is sent before the address has ``agreed``, nor after ``lease``, if there is one.
    """

    name: str
    url: str
    hears: Caller
    owner: str
    types: tuple[str, ...] = ()
    status: Literal["active", "paused", "ended"] = "active"
    agreed: datetime | None = None
    lease: datetime | None = None
    position: int = 0
    received: int = 0
    attempts: int = 0
    failing: datetime | None = None
    next: datetime | None = None
    why: str = ""
    #: The exception that stands open about it.
    case: str = ""
    #: How often its secret was replaced, and when last.
    generation: int = 1
    rotated: datetime | None = None

    @property
    def ref(self) -> Ref:
        """How decisions name it."""
        return Ref(SUBSCRIPTION, self.name)

    def wants(self, event: CloudEvent) -> bool:
        """Whether this event is of a type that it asked for."""
        document = event.dataschema.rpartition(":")[2]
        return not self.types or event.type in self.types or document in self.types


class Known(Struct, frozen=True):
    """A subscription and the version of its state; who writes it has to know the version."""

    subscription: Subscription
    version: int

    def after(self, subscription: Subscription) -> State:
        """The state after a change."""
        return State(SUBSCRIPTIONS, subscription.name, self.version + 1, _encode(subscription))


def known(journal: Journal, name: str) -> Known | None:
    """A subscription by its name."""
    state = journal.states([(SUBSCRIPTIONS, name)]).get((SUBSCRIPTIONS, name))
    return Known(_decode(state.data), state.version) if state else None


def subscriptions(journal: Journal) -> Iterator[Known]:
    """Every subscription there ever was, in order of name."""
    after = ""
    while page := journal.scan_states(SUBSCRIPTIONS, after, _PAGE):
        yield from (Known(_decode(state.data), state.version) for state in page)
        after = page[-1].key


def secrets(key: bytes, subscription: Subscription, now: datetime) -> tuple[str, ...]:
    """The secrets that sign what is sent now, the newest first; the old one beside it for a week after a rotation.

    They are derived from the house's key (HMAC-SHA-256 over name and generation), so that none is kept anywhere.
    """
    generations = [subscription.generation]
    if subscription.rotated is not None and now < subscription.rotated + OVERLAP:
        generations.append(subscription.generation - 1)
    return tuple(_secret(key, subscription.name, generation) for generation in generations)


def _secret(key: bytes, name: str, generation: int) -> str:
    digest = hmac.digest(key, f"suture-webhook-1\n{name}\n{generation}".encode(), "sha256")
    return f"whsec_{base64.b64encode(digest).decode()}"


_encode = msgspec.json.Encoder(decimal_format="string").encode
_decode = msgspec.json.Decoder(Subscription).decode
