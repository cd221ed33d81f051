"""The seal recomputed: the hash chain over all events, and each checkpoint's count, head and signature.

The chain begins with 32 zero bytes; each event takes it on:

    head = SHA-256(head before | position as 8 bytes, unsigned, big-endian | SHA-256(the event's bytes))

A checkpoint is signed with Ed25519 (RFC 8032) over five lines of UTF-8, each ended by one line feed: ``suture-seal-1``, its
position, its count of events, its head in lower-case hexadecimal, and its time in UTC as ``2026-03-01T06:00:00.000000Z``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from verifier.findings import Findings
from verifier.reading import Checkpoint

_HEAD = re.compile(r"[0-9a-f]{64}")
#: The one way in which a checkpoint's signature and time are written: another way would be a change that nobody sees.
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)


def public_key(pem: bytes) -> Ed25519PublicKey:
    """The key in a PEM text; raises ValueError for anything but an Ed25519 public key."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("this is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("this is no Ed25519 key")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the 32 bytes of the key, in hexadecimal: what two people compare by telephone."""
    return hashlib.sha256(key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)).hexdigest()


class Chain:
    """Follows the events from checkpoint to checkpoint; after a wrong stretch it goes on from what was sealed.

    So damage is reported once, with the two positions between which it lies. ``anchors`` are heads (hexadecimal) by position
    that were kept elsewhere.
    """

    def __init__(
        self, checkpoints: Sequence[Checkpoint], key: Ed25519PublicKey, anchors: Mapping[int, str], to: Findings
    ) -> None:
        self.findings = to
        self.valid, self.matched, self.anchored = 0, 0, 0
        self.position, self.events, self.head = 0, 0, bytes(32)
        self._anchors = dict(anchors)
        self._sealed = 0
        self._ahead = _in_order(checkpoints, to)
        for checkpoint in checkpoints:
            self._signature(checkpoint, key)

    def event(self, position: int, body: bytes) -> None:
        """Take the chain on by one event."""
        if position <= self.position:
            self.findings.add("event.order", position, f"it stands after position {self.position}: positions must increase")
        while self._ahead and position > self._ahead[-1].position:
            self._reach(self._ahead.pop())
        self.head = hashlib.sha256(self.head + position.to_bytes(8, "big") + hashlib.sha256(body).digest()).digest()
        self.position, self.events = position, self.events + 1
        self._anchor(position)

    def end(self) -> None:
        """After the last event."""
        while self._ahead:
            self._reach(self._ahead.pop())
        if self.position > self._sealed:
            self.findings.add("seal.tail", self.position, f"no checkpoint covers what stands after position {self._sealed}")
        for position in sorted(self._anchors):
            text = f"the anchor kept elsewhere names position {position}, where this export has no event: something was cut off"
            self.findings.add("anchor.missing", position, text)

    def _anchor(self, position: int) -> None:
        expected = self._anchors.pop(position, None)
        if expected is None:
            return
        self.anchored += expected == self.head.hex()
        if expected != self.head.hex():
            self.findings.add("anchor.head", position, "the head of the chain is not the one that was kept elsewhere")

    def _reach(self, checkpoint: Checkpoint) -> None:
        stretch = f"between position {self._sealed} and checkpoint {checkpoint.position}"
        counted = self.events == checkpoint.events
        if not counted:
            text = f"{stretch} there are {self.events - checkpoint.events:+} events compared with what was sealed"
            self.findings.add("seal.events", checkpoint.position, text)
        sound = self.head.hex() == checkpoint.head
        if not sound:
            text = f"{stretch} an event was changed, removed, inserted or moved"
            self.findings.add("seal.head", checkpoint.position, text)
            self.head = bytes.fromhex(checkpoint.head) if _HEAD.fullmatch(checkpoint.head) else bytes(32)
        self.matched += counted and sound
        self._sealed, self.events = checkpoint.position, checkpoint.events

    def _signature(self, checkpoint: Checkpoint, key: Ed25519PublicKey) -> None:
        try:
            key.verify(bytes.fromhex(checkpoint.signature), signed(checkpoint))
            self.valid += 1
        except (InvalidSignature, ValueError, OverflowError):
            text = "the signature of this checkpoint is not of this key over what it says"
            self.findings.add("seal.signature", checkpoint.position, text)


def signed(checkpoint: Checkpoint) -> bytes:
    """What a checkpoint's signature is over; raises ValueError for one that is not written as it is signed."""
    if not (_SIGNATURE.fullmatch(checkpoint.signature) and _AT.fullmatch(checkpoint.at)):
        raise ValueError("the checkpoint is not written as it is signed")
    told = datetime.fromisoformat(checkpoint.at).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return f"suture-seal-1\n{checkpoint.position}\n{checkpoint.events}\n{checkpoint.head}\n{told}\n".encode()


def _in_order(checkpoints: Sequence[Checkpoint], to: Findings) -> list[Checkpoint]:
    """Those that stand in increasing order, the last one first: the next to be reached is popped from the end."""
    ordered: list[Checkpoint] = []
    for checkpoint in checkpoints:
        if ordered and checkpoint.position <= ordered[-1].position:
            to.add("checkpoint.order", checkpoint.position, f"it stands after checkpoint {ordered[-1].position}")
        else:
            ordered.append(checkpoint)
    return ordered[::-1]
