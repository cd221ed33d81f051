"""Bank accounts and tax numbers at rest: encrypted inside the JSON of events, deliveries and states, wherever they stand.

What is written down, sealed, exported or archived holds them locked, with the last four characters for whoever knows them;
only a journal that has the key hands them out open. The hash chain covers the locked form, so it holds for ever, whether or not
the key is still there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from functools import lru_cache

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

_MARK = b'"locked:1:'
_TEXT = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
#: A ``BankAccount`` and a tax number as msgspec writes them: nothing else of ours has a field of these names.
_ACCOUNT = re.compile(rb'\{"holder":(?P<holder>%b),"number":(?P<number>%b),"routing":%b\}' % (_TEXT, _TEXT, _TEXT))
_TAX = re.compile(rb'(?<="tax_id":)%b' % _TEXT)
_LOCKED = rb'"locked:1:([A-Za-z0-9_-]+)"'
_LOCKED_ACCOUNT = re.compile(rb'\{"holder":%b,"number":%b,"routing":%b\}' % (_TEXT, _TEXT, _LOCKED))
_LOCKED_TAX = re.compile(rb'(?<="tax_id":)%b' % _LOCKED)


def lock(key: bytes, body: bytes) -> bytes:
    """The JSON with its bank accounts and tax numbers encrypted; without any it comes back as it is."""
    if b'"holder":' in body:
        body = _ACCOUNT.sub(lambda found: _account(key, found), body)
    if b'"tax_id":' in body:
        body = _TAX.sub(lambda found: found[0] if found[0] == b'""' else _locked(key, b"tax", found[0]), body)
    return body


def unlock(key: bytes, body: bytes) -> bytes:
    """What ``lock`` was given; what another key has locked stays as it is."""
    if _MARK not in body:
        return body
    body = _LOCKED_ACCOUNT.sub(_opener(key, b"account"), body)
    return _LOCKED_TAX.sub(_opener(key, b"tax"), body)


def _account(key: bytes, found: re.Match[bytes]) -> bytes:
    tail = re.sub(r"\W", "", msgspec.json.decode(found["number"], type=str))[-4:]
    shown = b'{"holder":%b,"number":%b,"routing":' % (b'"\xe2\x80\xa6"', msgspec.json.encode(f"…{tail}"))
    return shown + _locked(key, b"account", found[0]) + b"}"


def _locked(key: bytes, what: bytes, content: bytes) -> bytes:
    sealed = _cipher(key).encrypt(content, [what])
    return _MARK + base64.urlsafe_b64encode(sealed).rstrip(b"=") + b'"'


def _opener(key: bytes, what: bytes) -> Callable[[re.Match[bytes]], bytes]:
    def opened(found: re.Match[bytes]) -> bytes:
        try:
            sealed = base64.urlsafe_b64decode(found[1] + b"=" * (-len(found[1]) % 4))
            return _cipher(key).decrypt(sealed, [what])
        except (InvalidTag, binascii.Error, ValueError):
            return found[0]

    return opened


def keyed(key: bytes, text: str) -> str:
    """A digest (HMAC-SHA-256, 128 bits, hex) under a key of its own: what is equal has the same one, and who has not the key
    cannot guess from it what it was."""
    return hmac.digest(_digests(key), text.encode(), hashlib.sha256)[:16].hex()


@lru_cache(maxsize=16)
def _digests(key: bytes) -> bytes:
    return hmac.digest(key, b"suture digests", hashlib.sha256)


@lru_cache(maxsize=16)
def _cipher(key: bytes) -> AESSIV:
    """AES-SIV (RFC 5297) under a key of its own, so that blobs and fields do not share one's number of uses.

    It needs no nonce: the same account is locked to the same text, so that a decision made again is written the same.
    """
    return AESSIV(hmac.digest(key, b"suture fields at rest", hashlib.sha512))
