"""Commands about subscriptions: begin, pause, resume, go back, renew the secret, end; each journaled with who and why.

To go back only moves the cursor of one webhook: the events are read from the journal again, and nothing is decided or delivered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct

from suture.gateway.access import Access, Caller
from suture.gateway.events.addresses import Network, checked
from suture.gateway.events.contract import CONTRACTS
from suture.gateway.events.subscription import MOST, TYPES_MOST, Known, Subscription, known, subscriptions
from suture.gateway.identity.commands import decision, reasoned
from suture.journal import Event, Fenced, Journal, State, Unit
from suture.model import CaseResolved
from suture.runtime.decide import CASES, OpenCase, decode_case, encode

#: How far clocks of those who wrote the journal may have been apart.
SKEW = timedelta(minutes=5)
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)


class NotSubscribed(LookupError):
    """There is no such subscription, or it is somebody else's."""


class Moved(RuntimeError):
    """Somebody else changed it at the same moment; look again."""


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody asks for: a name, an address, types (none is all), who answers for it, and where it begins (a position, or
    the end of the journal)."""

    name: str
    url: str
    types: tuple[str, ...] = ()
    owner: str = ""
    after: int | None = None


class Word(Struct, frozen=True, kw_only=True):
    """Who speaks, why, and when."""

    actor: str
    reason: str
    now: datetime


def subscribe(
    journal: Journal,
    wanted: Wanted,
    hears: Caller,
    word: Word,
    allowed: Sequence[Network] = (),
    *,
    lease: datetime | None = None,
    vouched: bool = False,
) -> Subscription:
    """Begin a subscription in the name of ``hears``; from the next event on, unless it says from where.

    The address is asked first whether it agrees, unless whoever speaks has ``vouched`` for it. After ``lease`` it stops.
    Raises ValueError (and so Denied) for what cannot be, and a name that is taken.
    """
    before = known(journal, wanted.name)
    if before is not None and before.subscription.status != "ended":
        raise ValueError(f"there is a subscription {wanted.name!r} already: end it, or take another name")
    _sound(journal, wanted)
    # a secret that an earlier holder of the name has seen signs nothing for the next one
    generation = before.subscription.generation + 1 if before else 1
    new = Subscription(
        name=wanted.name,
        url=checked(wanted.url, allowed),
        hears=hears,
        owner=wanted.owner or hears.subject,
        types=wanted.types,
        agreed=word.now if vouched else None,
        lease=lease,
        position=end(journal) if wanted.after is None else wanted.after,
        generation=generation,
    )
    values = {"url": new.url, "types": ",".join(new.types), "owner": new.owner, "hears": hears.subject}
    values |= {"vouched": "yes"} if vouched else {}
    return _commit(journal, before or Known(new, 0), new, "subscribe", word, {**values, "after": str(new.position)})


def pause(journal: Journal, name: str, word: Word, by: Caller | None = None) -> Subscription:
    """Send nothing until it is resumed; nothing is lost meanwhile. Raises NotSubscribed."""
    found = _found(journal, name, by)
    return _commit(journal, found, _replace(found, status="paused"), "pause", word, {})


def resume(
    journal: Journal,
    name: str,
    word: Word,
    by: Caller | None = None,
    *,
    speaks: Caller | None = None,
    lease: datetime | None = None,
) -> Subscription:
    """Go on from where it stands, now; an exception about it ends. Raises NotSubscribed.

    ``speaks`` is who asks for it just now: if it is whose subscription this is, it hears from now on with the rights that it has
    shown, until ``lease``.
    """
    found = _found(journal, name, by)
    fresh = _replace(found, status="active", attempts=0, failing=None, next=None, why="", case="")
    if speaks is not None and _alike(speaks, fresh.hears):
        fresh = msgspec.structs.replace(fresh, hears=speaks, lease=lease)
    return _commit(journal, found, fresh, "resume", word, {})


def rewind(journal: Journal, name: str, after: int, word: Word, by: Caller | None = None) -> Subscription:
    """Send again everything after a position, under the same ids, or skip ahead to it. Raises NotSubscribed, ValueError."""
    if not 0 <= after <= end(journal):
        raise ValueError("a position is 0, the beginning, up to the last one of the journal")
    found = _found(journal, name, by)
    moved = _replace(found, position=after, attempts=0, failing=None, next=None, why="")
    return _commit(journal, found, moved, "rewind", word, {"from": str(found.subscription.position), "to": str(after)})


def rotate(journal: Journal, name: str, word: Word, by: Caller | None = None) -> Subscription:
    """Sign with a new secret; for a week the old one signs beside it. Raises NotSubscribed."""
    found = _found(journal, name, by)
    generation = found.subscription.generation + 1
    renewed = _replace(found, generation=generation, rotated=word.now)
    return _commit(journal, found, renewed, "rotate", word, {"generation": str(generation)})


def finish(journal: Journal, name: str, word: Word, by: Caller | None = None) -> Subscription:
    """End it for good; an exception about it ends, too. Raises NotSubscribed."""
    found = _found(journal, name, by)
    return _commit(journal, found, _replace(found, status="ended", next=None, why="", case=""), "end", word, {})


def end(journal: Journal) -> int:
    """The last position that can be read; costs a few dozen reads of one event."""
    low, high = 0, 1
    while journal.read(high, 1):
        low, high = high, high * 2
    while low < high:
        middle = (low + high) // 2
        if page := journal.read(middle, 1):
            low = page[0].position
        else:
            high = middle
    return low


def before(journal: Journal, moment: datetime) -> int:
    """A position after which every event of this moment and later stands; events of up to five minutes earlier may follow it."""
    wanted, low, high = moment - SKEW, 0, end(journal)
    while low < high:
        middle = (low + high) // 2
        page = journal.read(middle, 1)
        if page and page[0].event.at < wanted:
            low = page[0].position
        else:
            high = middle
    return low


def owned(journal: Journal, by: Caller, access: Access) -> list[Subscription]:
    """The subscriptions that this caller may see: its own, or all."""
    everything = access.holds(by, "subscriptions.read")
    found = (each.subscription for each in subscriptions(journal))
    return [each for each in found if everything or _alike(each.hears, by)]


def _sound(journal: Journal, wanted: Wanted) -> None:
    if not _NAME.fullmatch(wanted.name):
        raise ValueError("a subscription is named in lower-case letters, digits and dashes, 63 at most")
    if wanted.after is not None and not 0 <= wanted.after <= end(journal):
        raise ValueError("it begins at 0, or after a position of the journal")
    if len(wanted.types) > TYPES_MOST:
        raise ValueError(f"a subscription names at most {TYPES_MOST} types; none means all")
    promised = {name for contract in CONTRACTS.values() for name in (contract.name, *contract.types)}
    if unknown := [name for name in wanted.types if name not in promised]:
        raise ValueError(f"{unknown[0]!r} is no event of ours; `suture events` lists them")
    if sum(each.subscription.status != "ended" for each in subscriptions(journal)) >= MOST:
        raise ValueError(f"there are {MOST:,} subscriptions already")


def _found(journal: Journal, name: str, by: Caller | None) -> Known:
    """The subscription, if it lives; ``by`` narrows to those of one caller."""
    found = known(journal, name)
    others = by is not None and found is not None and not _alike(found.subscription.hears, by)
    if found is None or others or found.subscription.status == "ended":
        raise NotSubscribed(f"there is no subscription {name}")
    return found


def _alike(one: Caller, other: Caller) -> bool:
    """The same machine or person, and for the same partner: two keys may bear one name."""
    return (one.subject, one.supplier) == (other.subject, other.supplier)


def _replace(found: Known, **changes: Any) -> Subscription:
    return msgspec.structs.replace(found.subscription, **changes)


def _commit(journal: Journal, was: Known, now: Subscription, verb: str, word: Word, values: Mapping[str, str]) -> Subscription:
    kept = reasoned(word.actor, word.reason)
    said = decision(journal, now.ref, verb, actor=word.actor, reason=kept, now=word.now, values=values)
    events, states = [said], [was.after(now)]
    if was.subscription.case and not now.case:
        resolved, closed = closing(journal, was.subscription.case, verb, word, said.once)
        events.append(resolved)
        states.append(closed)
    try:
        journal.commit([Unit(events=events, states=states)])
    except Fenced:
        raise Moved(f"{now.name} changed at the same moment; look again") from None
    return now


def closing(journal: Journal, case: str, verb: str, word: Word, cause: str) -> tuple[Event, State]:
    """The end of an exception about a subscription: the event, and the state of the exception."""
    data = CaseResolved(case=case, action=verb, actor=word.actor, at=word.now, reason=word.reason)
    event = Event(once=f"{cause}/closed", kind="emitted", source=word.actor, at=word.now, data=data, cause=cause, root=cause)
    stored = journal.states([(CASES, case)])[CASES, case]
    return event, State(CASES, case, stored.version + 1, encode(OpenCase("closed", decode_case(stored.data).times)))
