"""API keys of partners: made, rotated and revoked by decisions in the journal, shown once, known by a digest.

A key is ``suk_ID_SECRET``. The secret is 256 random bits, so nobody can guess it from its digest however fast the hash:
BLAKE2b (RFC 7693) is enough, and checking a key costs microseconds; a slow hash is for secrets that people think up.
What a key may do stands in the decision that made it; later ones can only end it sooner.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from suture.gateway.access import Access, Caller
from suture.gateway.identity.commands import decision, reasoned
from suture.gateway.identity.segregation import of_machine
from suture.gateway.identity.settings import Grant
from suture.gateway.identity.unproven import Unproven
from suture.journal import Journal, Recorded, Unit
from suture.model import Decision, Ref

#: The header that a key comes in, the type of the objects that decisions about keys are about, and how their ids begin.
HEADER, KEY, PREFIX = "x-api-key", "ApiKey", "suk_"
#: How long a key lives at most, and how long the old one still works after a rotation unless told otherwise.
LONGEST, OVERLAP = timedelta(days=400), timedelta(days=7)
#: So many keys are listed, and so many rotations are followed.
MOST_KEYS, MOST_ROTATIONS = 10_000, 1_000
_FORM = re.compile(r"(suk_[0-9a-f]{16})_([A-Za-z0-9_-]{43})", re.ASCII)
#: What an unknown id is compared with, so that it takes as long to refuse as a known one.
_NOBODY = "0" * 64


class Key(Struct, frozen=True, kw_only=True):
    """One key as the journal knows it; ``ends`` is its expiry, or when its overlap is over or it was revoked."""

    id: str
    name: str
    digest: str
    grant: Grant
    begins: datetime
    ends: datetime
    revoked: bool = False
    #: The key that came after it by rotation.
    successor: str = ""

    def live(self, now: datetime) -> bool:
        """Whether it opens anything at ``now``."""
        return not self.revoked and self.begins <= now < self.ends


class NoSuchKey(LookupError):
    """There is no key of that id, or it has ended."""


def make(
    journal: Journal,
    access: Access,
    name: str,
    grant: Grant,
    *,
    actor: str,
    reason: str,
    now: datetime,
    lives: timedelta = timedelta(days=365),
) -> str:
    """Journal a new key and return it: the only time that it is seen.

    Raises ValueError for no name, role or reason, too long a life, or rights that are a person's.
    """
    if not timedelta(0) < lives <= LONGEST:
        raise ValueError(f"a key lives up to {LONGEST.days} days, then it is rotated")
    if not grant.roles or not name.strip():
        raise ValueError("a key has a name and at least one role")
    if too_much := of_machine(access, name, grant):
        raise ValueError("; ".join(map(str, too_much)))
    text, key = _new(name.strip(), grant, now, now + lives)
    journal.commit([_unit(journal, [("make", key)], actor, reason, now)])
    return text


def rotate(journal: Journal, id: str, *, actor: str, reason: str, now: datetime, overlap: timedelta = OVERLAP) -> str:
    """Journal a successor that may do the same for as long, and let the old key end after ``overlap``; returns the new one.

    Raises NoSuchKey for a key that has ended, ValueError for no reason.
    """
    old = known(journal, id)
    if old is None or not old.live(now):
        raise NoSuchKey(f"there is no live key {id}")
    text, new = _new(old.name, old.grant, now, now + min(old.ends - old.begins, LONGEST))
    ending = msgspec.structs.replace(old, ends=min(old.ends, now + overlap), successor=new.id)
    journal.commit([_unit(journal, [("make", new), ("rotate", ending)], actor, reason, now)])
    return text


def revoke(journal: Journal, id: str, *, actor: str, reason: str, now: datetime) -> None:
    """Journal that a key opens nothing from now on. Raises NoSuchKey for one that was never made, ValueError for no reason."""
    key = known(journal, id)
    if key is None:
        raise NoSuchKey(f"there is no key {id}")
    ended = msgspec.structs.replace(key, ends=min(key.ends, now), revoked=True)
    journal.commit([_unit(journal, [("revoke", ended)], actor, reason, now)])


def known(journal: Journal, id: str) -> Key | None:
    """The key of that id as the journal has it: made once, and ended by the earliest word."""
    return _folded(journal.find(Ref(KEY, id)))


def ended(journal: Journal, id: str, now: datetime) -> str:
    """Why nothing goes on any longer in the name of a key; empty as long as it lives, or the key that came after it by rotation.

    A key that was revoked ends what it began even where it has a successor: whoever had stolen it may have begun it.
    """
    for _ in range(MOST_ROTATIONS):
        key = known(journal, id)
        if key is None or key.revoked:
            return f"the API key {id} was revoked" if key else f"there is no API key {id}"
        if key.live(now):
            return ""
        if not key.successor:
            return f"the API key {id} has expired"
        id = key.successor
    return f"the API key {id} was rotated too often to be followed"


def keys(journal: Journal) -> list[Key]:
    """Every key that was ever made, in order of id."""
    found = (known(journal, id) for id in journal.names(PREFIX, MOST_KEYS))
    return [key for key in found if key is not None]


def parted(text: str) -> tuple[str, str]:
    """The id and the secret of a key as a caller sends it; raises Unproven for what cannot be one."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise Unproven("this is no API key of ours: it begins with suk_ and has 64 characters", "ApiKey")
    return found[1], found[2]


def caller_of(key: Key | None, secret: str, now: datetime) -> Caller:
    """Whoever holds the key; raises Unproven, in the same words and time whether the id, the secret or the term is wrong."""
    right = hmac.compare_digest(digest(secret), key.digest if key else _NOBODY)
    if key is None or not right or not key.live(now):
        raise Unproven("this API key opens nothing: it is unknown, expired or revoked", "ApiKey")
    grant = key.grant
    return Caller(
        subject=f"key/{key.name}",
        roles=grant.roles,
        scopes=grant.scopes,
        kind="machine",
        supplier=grant.supplier,
        instance=grant.instance,
        entities=grant.entities,
        facilities=grant.facilities,
        until=key.ends,
        credential=key.id,
    )


def digest(secret: str) -> str:
    """What is kept of a secret: BLAKE2b-256 in hexadecimal, under a name of its own."""
    return hashlib.blake2b(secret.encode(), digest_size=32, person=b"suture-api-key").hexdigest()


def _new(name: str, grant: Grant, begins: datetime, ends: datetime) -> tuple[str, Key]:
    id, secret = f"{PREFIX}{secrets.token_hex(8)}", secrets.token_urlsafe(32)
    return f"{id}_{secret}", Key(id=id, name=name, digest=digest(secret), grant=grant, begins=begins, ends=ends)


def _unit(journal: Journal, words: Iterable[tuple[str, Key]], actor: str, reason: str, now: datetime) -> Unit:
    kept = reasoned(actor, reason)
    events = [
        decision(
            journal, Ref(KEY, key.id), verb, actor=actor, reason=kept, now=now, values={"key": msgspec.json.encode(key).decode()}
        )
        for verb, key in words
    ]
    return Unit(events=events)


def _folded(rows: Iterable[Recorded]) -> Key | None:
    key: Key | None = None
    for row in rows:
        said = row.event.data
        if isinstance(said, Decision) and said.subject.type == KEY:
            word = msgspec.json.decode(said.values["key"], type=Key)
            # two people may speak at once: whatever ends a key holds, in whichever order they were heard
            key = word if key is None else _sooner(key, word)
    return key


def _sooner(key: Key, word: Key) -> Key:
    successor = key.successor or word.successor
    return msgspec.structs.replace(key, ends=min(key.ends, word.ends), revoked=key.revoked or word.revoked, successor=successor)
