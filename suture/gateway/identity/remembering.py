"""What was proven a moment ago: a bounded memory by fingerprint, each entry with its end."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from datetime import datetime
from typing import Generic, TypeVar

V = TypeVar("V")

#: So many are remembered; then the oldest are forgotten, and proven again.
MOST = 10_000


class Remembered(Generic[V]):
    """Values by key until their time; the first to come is the first to go when there are too many."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._known: OrderedDict[bytes, tuple[V, datetime]] = OrderedDict()

    def get(self, key: bytes, now: datetime) -> V | None:
        """The value, or None if there is none or its time is over."""
        found = self._known.get(key)
        if found is None or now >= found[1]:
            self._known.pop(key, None)
            return None
        return found[0]

    def put(self, key: bytes, value: V, until: datetime) -> None:
        """Remember the value until then."""
        self._known[key] = (value, until)
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def full(self, now: datetime) -> bool:
        """Whether the next one would push out one whose time is not over."""
        return len(self._known) >= self._most and next(iter(self._known.values()))[1] > now

    def forget(self) -> None:
        """Everything is to be proven again."""
        self._known.clear()


def fingerprint(text: str) -> bytes:
    """What a proof is remembered by, so that it lies in no memory of ours: its SHA-256."""
    return hashlib.sha256(text.encode()).digest()
