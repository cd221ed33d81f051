"""Raw bytes at rest: addressed by SHA-256, compressed where that helps, encrypted with AES-256-GCM.

A sealed blob is ``version (1) | nonce (12) | AES-256-GCM(form (1) | content)`` with its address as associated data; form 0 is
the content as it is, form 1 the content compressed by zlib. Nonces are random, so a key serves 2^32 blobs at most
(NIST SP 800-38D, section 8.3).
"""

from __future__ import annotations

import hashlib
import os
import zlib
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from suture.journal.keys import load_or_create

KEY_BYTES = 32
_VERSION = b"\x01"
_NONCE_BYTES = 12
_PLAIN, _ZLIB = b"\x00", b"\x01"
#: Shorter content never becomes smaller.
_WORTH_COMPRESSING = 64
#: On 1-20 kB of EDI or JSON level 1 costs a third of the usual level 6 and leaves a few per cent more.
_LEVEL = 1


class BlobDamaged(ValueError):
    """A blob that cannot be opened: the key is another one, or its bytes are not those that were sealed."""


def address_of(content: bytes) -> str:
    """The address of content: its SHA-256 in hexadecimal, 64 characters."""
    return hashlib.sha256(content).hexdigest()


def seal(key: bytes, address: str, content: bytes) -> bytes:
    """The bytes to store under ``address``; raises ValueError for a wrong address or size of key."""
    if address != address_of(content):
        raise ValueError(f"{address} is not the SHA-256 of its content")
    nonce = os.urandom(_NONCE_BYTES)
    return _VERSION + nonce + AESGCM(_checked(key)).encrypt(nonce, _packed(content), address.encode())


def open_sealed(key: bytes, address: str, sealed: bytes) -> bytes:
    """The content that was sealed under ``address``; raises BlobDamaged."""
    nonce, secret = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
    if sealed[:1] != _VERSION or len(secret) < 16:
        raise BlobDamaged(f"blob {address} is not in a known form")
    try:
        packed = AESGCM(_checked(key)).decrypt(nonce, secret, address.encode())
    except InvalidTag:
        raise BlobDamaged(f"blob {address} cannot be opened: the key is another one, or its bytes have changed") from None
    content = zlib.decompress(packed[1:]) if packed[:1] == _ZLIB else packed[1:]
    if address_of(content) != address:
        raise BlobDamaged(f"blob {address} holds other content than its address says")
    return content


def load_or_create_key(path: str | Path) -> bytes:
    """The 32-byte key in a file, written with mode 0600 at first use; raises ValueError if the file holds anything else."""
    return _checked(load_or_create(path, lambda: os.urandom(KEY_BYTES)))


def _packed(content: bytes) -> bytes:
    if len(content) >= _WORTH_COMPRESSING:
        compressed = zlib.compress(content, _LEVEL)
        if len(compressed) < len(content):
            return _ZLIB + compressed
    return _PLAIN + content


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise ValueError(f"a blob key has {KEY_BYTES} bytes, this one {len(key)}")
    return key
