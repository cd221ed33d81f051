"""The seal: a hash chain over all events in order, with signed checkpoints that anybody can recompute.

The chain begins with 32 zero bytes. Each event in order of position takes it on:

    head = SHA-256(head before | position as 8 bytes, unsigned, big-endian | SHA-256(body))

where ``body`` is the event's JSON exactly as stored. A checkpoint says: up to and including ``position`` there are ``events``
events and the chain's head is ``head`` (hexadecimal, lower case). It is signed with Ed25519 (RFC 8032) over these UTF-8 lines,
each ended by one line feed, the time in UTC with six decimals:

    suture-seal-1
    120
    118
    0f343b0931126a20f133d67c2b018a3b9c5d...
    2026-03-01T06:00:00.000000Z

The other columns of an event and its references repeat parts of the body for queries; they can be written anew from it.
What a seal cannot show by itself is that the newest checkpoints and everything after them were cut off: keep the latest
one elsewhere too and hand it to ``verify`` as ``anchor``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from suture.journal.journal import Journal
from suture.journal.keys import load_or_create
from suture.journal.records import Checkpoint, Unit
from suture.model import Finding

#: The head of the empty chain.
BEGINNING = bytes(32)
_PAGE = 1000
_LOWEST = -(2**63)


def link(head: bytes, position: int, body: bytes) -> bytes:
    """The chain's head (32 bytes) after one more event."""
    return hashlib.sha256(head + position.to_bytes(8, "big") + hashlib.sha256(body).digest()).digest()


def signed_bytes(checkpoint: Checkpoint) -> bytes:
    """What the signature of a checkpoint covers."""
    at = checkpoint.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"suture-seal-1\n{checkpoint.position}\n{checkpoint.events}\n{checkpoint.head}\n{at}\n".encode()


def seal(journal: Journal, key: Ed25519PrivateKey, now: datetime, limit: int = 100_000) -> Checkpoint | None:
    """Seal up to ``limit`` events after the latest checkpoint; None if there are none.

    Raises Fenced if another sealer was faster.
    """
    latest = journal.checkpoint()
    position, events, head = (latest.position, latest.events, bytes.fromhex(latest.head)) if latest else (0, 0, BEGINNING)
    before = position
    for position, body in _bodies(journal, before, limit):
        head = link(head, position, body)
        events += 1
    if position == before:
        return None
    checkpoint = Checkpoint(position=position, events=events, head=head.hex(), at=now)
    signed = msgspec.structs.replace(checkpoint, signature=key.sign(signed_bytes(checkpoint)).hex())
    journal.commit([Unit(checkpoints=[signed])])
    return signed


class Sealed(Protocol):
    """What has been sealed: a journal, or what was archived of one."""

    def bodies(self, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Positions and stored bytes of events after a position, in order."""

    def checkpoints(self, after: int = 0, limit: int = 1000) -> list[Checkpoint]:
        """Seals after a position, in order."""


def verify(journal: Sealed, public_key: Ed25519PublicKey | None, anchor: Checkpoint | None = None) -> list[Finding]:
    """What is wrong with the sealed part of the journal; nothing if it is as it was sealed.

    Without a key signatures are not judged.

    Codes: ``seal.signature`` (not signed by this key), ``seal.events`` and ``seal.head`` (between this checkpoint and the one
    before an event was changed, removed, added or moved), ``seal.anchor`` (the checkpoint kept elsewhere is not there).
    """
    findings = _before_the_beginning(journal)
    chain = _Chain(journal)
    anchored = anchor is None
    for checkpoint in _checkpoints(journal):
        anchored = anchored or checkpoint == anchor
        findings += _signature(checkpoint, public_key)
        findings += chain.follow(checkpoint)
    if not anchored:
        assert anchor is not None
        findings.append(_finding("seal.anchor", anchor, "the checkpoint that was kept elsewhere is missing or differs"))
    return findings


def _before_the_beginning(journal: Sealed) -> list[Finding]:
    """Readers begin at position 1, but ``find`` would show what somebody put before it."""
    first = journal.bodies(_LOWEST, 1)
    if not first or first[0][0] > 0:
        return []
    return [Finding(code="seal.events", text=f"an event stands at position {first[0][0]}", path="beginning", offset=0)]


class _Chain:
    """Recomputes the chain from one checkpoint to the next, so that damage is located and reported once."""

    def __init__(self, journal: Sealed) -> None:
        self._bodies = _bodies(journal, 0, None)
        self._ahead = next(self._bodies, None)
        self._position, self._events, self._head = 0, 0, BEGINNING

    def follow(self, checkpoint: Checkpoint) -> list[Finding]:
        events, head = self._events, self._head
        while self._ahead is not None and self._ahead[0] <= checkpoint.position:
            events, head = events + 1, link(head, *self._ahead)
            self._ahead = next(self._bodies, None)
        findings = []
        if events != checkpoint.events:
            text = f"{events - self._events} events, {checkpoint.events - self._events} were sealed"
            findings.append(_finding("seal.events", checkpoint, f"after position {self._position} there are {text}"))
        if head.hex() != checkpoint.head:
            text = f"what stands after position {self._position} up to {checkpoint.position} is not what was sealed"
            findings.append(_finding("seal.head", checkpoint, text))
        # go on from what was sealed, so that one wrong stretch does not taint those after it
        sound = head.hex() == checkpoint.head
        self._position = checkpoint.position
        self._events, self._head = (events, head) if sound else (checkpoint.events, _head(checkpoint))
        return findings


def _head(checkpoint: Checkpoint) -> bytes:
    try:
        return bytes.fromhex(checkpoint.head)
    except ValueError:
        return BEGINNING


def _signature(checkpoint: Checkpoint, public_key: Ed25519PublicKey | None) -> list[Finding]:
    if public_key is None:
        return []
    try:
        public_key.verify(bytes.fromhex(checkpoint.signature), signed_bytes(checkpoint))
    except (InvalidSignature, ValueError):
        return [_finding("seal.signature", checkpoint, "the signature is not of this key over this checkpoint")]
    return []


def _finding(code: str, checkpoint: Checkpoint, text: str) -> Finding:
    return Finding(code=code, text=text, path=f"checkpoint {checkpoint.position}", offset=checkpoint.position)


def _bodies(journal: Sealed, after: int, limit: int | None) -> Iterator[tuple[int, bytes]]:
    while limit is None or limit > 0:
        page = journal.bodies(after, _PAGE if limit is None else min(limit, _PAGE))
        if not page:
            return
        yield from page
        after = page[-1][0]
        limit = None if limit is None else limit - len(page)


def _checkpoints(journal: Sealed) -> Iterator[Checkpoint]:
    after = 0
    while page := journal.checkpoints(after, _PAGE):
        yield from page
        after = page[-1].position


def load_or_create_signing_key(path: str | Path) -> Ed25519PrivateKey:
    """The signing key in a PEM file (PKCS #8), written with mode 0600 at first use; raises ValueError for another kind."""
    pem = load_or_create(path, lambda: _pem(Ed25519PrivateKey.generate()))
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{Path(path).name} holds no Ed25519 key")
    return key


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """The public half in PEM, for whoever verifies."""
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
