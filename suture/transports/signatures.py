"""Signed HTTP messages after the Standard Webhooks specification 1.0: HMAC-SHA256 over id, timestamp and raw body."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

#: How far a timestamp may be from now, either way.
WINDOW = timedelta(minutes=5)

_PREFIX = "whsec_"
_MOST_SIGNATURES = 16


class WrongSignature(Exception):
    """The message is not proven to come from the partner; the text may be told to the sender."""


def sign(message_id: str, at: datetime, body: bytes, secret: str) -> dict[str, str]:
    """The three headers that prove ``body``; ``secret`` is base64, with or without the prefix "whsec_".

    Raises ValueError for a secret that is no base64, and for an id with a full stop, which would make the proof ambiguous.
    """
    if not message_id or "." in message_id:
        raise ValueError("a message id must be non-empty and without full stops")
    timestamp = str(int(at.timestamp()))
    digest = _digest(_key(secret), message_id, timestamp, body)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[str], now: datetime) -> str:
    """The message id, if one signature matches one of ``secrets`` (the new key and the old) and is of these five minutes.

    ``headers`` have lower-case names. Raises WrongSignature otherwise.
    """
    proof = Proof(headers, secrets)
    proof.update(body)
    return proof.check(now)


class Proof:
    """A signature that is checked while the body comes, however long it is; nothing of the body is kept."""

    def __init__(self, headers: Mapping[str, str], secrets: Iterable[str]) -> None:
        parts = ("id", "timestamp", "signature")
        self._id, self._timestamp, self._offered = (headers.get(f"webhook-{part}", "") for part in parts)
        begin = f"{self._id}.{self._timestamp}.".encode()
        self._digests = [hmac.new(_key(secret), begin, hashlib.sha256) for secret in secrets]

    def update(self, piece: bytes) -> None:
        """The next bytes of the body."""
        for digest in self._digests:
            digest.update(piece)

    def check(self, now: datetime) -> str:
        """The message id, once the whole body was seen; raises WrongSignature."""
        if not (self._id and self._timestamp and self._offered):
            raise WrongSignature("the headers webhook-id, webhook-timestamp and webhook-signature are required")
        if "." in self._id:
            raise WrongSignature("webhook-id contains a full stop, which separates what is signed")
        _fresh(self._timestamp, now)
        signatures = _decoded(self._offered)
        # Every pair is compared, so that the time taken does not tell which key or signature came close.
        genuine = False
        for digest in self._digests:
            for signature in signatures:
                genuine |= hmac.compare_digest(digest.digest(), signature)
        if not genuine:
            raise WrongSignature("no signature matches the bytes received under the agreed secret")
        return self._id


def _key(secret: str) -> bytes:
    text = secret.removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a signing secret is base64, with or without the prefix whsec_") from None
    if not key:
        raise ValueError("a signing secret may not be empty")
    return key


def _digest(key: bytes, message_id: str, timestamp: str, body: bytes) -> bytes:
    return hmac.digest(key, f"{message_id}.{timestamp}.".encode() + body, hashlib.sha256)


def _fresh(timestamp: str, now: datetime) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        raise WrongSignature("webhook-timestamp is not a number of seconds since 1970")
    distance = now - datetime.fromtimestamp(int(timestamp), UTC)
    if distance > WINDOW:
        raise WrongSignature("webhook-timestamp is more than five minutes old; sign each attempt anew")
    if distance < -WINDOW:
        raise WrongSignature("webhook-timestamp is more than five minutes ahead; check the clock")


def _decoded(offered: str) -> list[bytes]:
    """The version 1 signatures of a header; other versions and malformed ones prove nothing and are left out."""
    found = []
    for part in offered.split(" ", _MOST_SIGNATURES)[:_MOST_SIGNATURES]:
        version, _, text = part.partition(",")
        if version != "v1":
            continue
        try:
            found.append(base64.b64decode(text, validate=True))
        except (binascii.Error, ValueError):
            continue
    return found
