"""A vault as a place of secrets: HashiCorp Vault's key-value store version 2, or OpenBao's, over its HTTP interface.

Where it is and what opens it is told by the environment, as its own tools expect: ``VAULT_ADDR``, ``VAULT_TOKEN`` or
``VAULT_TOKEN_FILE`` (what an agent keeps fresh), and ``VAULT_NAMESPACE`` where there are any.
"""

from __future__ import annotations

import os
import re
import time
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

#: A secret is asked for again after so long, in seconds; if the vault is silent, what it said last holds for longer.
FRESH_S, BELIEVED_S, ASK_AGAIN_S = 60.0, 3600.0, 10.0
#: So long the vault may take, in seconds, and so large may its answer be, in bytes.
TIMEOUT_S, MOST_BYTES = 3.0, 262_144
_FORM = re.compile(r"([\w.-]+)/([\w./-]+)#([\w.-]+)", re.ASCII)


class VaultSilent(OSError):
    """The vault cannot be asked, or has no such secret; the message names the place, never its content."""


class _Version(Struct):
    data: dict[str, object]


class _Answer(Struct):
    data: _Version


class _Known(Struct):
    fields: dict[str, object]
    told: float
    asked: float


_known: dict[tuple[str, str, str], _Known] = {}


def from_vault(place: str) -> str:
    """The field at ``MOUNT/PATH#FIELD``; raises VaultSilent, ValueError for a place that is not of this form."""
    found = _FORM.fullmatch(place)
    if found is None or ".." in place:
        raise ValueError("a secret in a vault is named vault:MOUNT/PATH#FIELD")
    mount, path, field = found.groups()
    value = _fields(mount, path).get(field)
    if not isinstance(value, str) or not value:
        raise VaultSilent(f"there is no secret at vault:{place}")
    return value


def _fields(mount: str, path: str) -> dict[str, object]:
    """What the vault holds there, asked at most once a minute: a rotated secret is used within it."""
    key, now = (os.environ.get("VAULT_ADDR", ""), mount, path), time.monotonic()
    known = _known.get(key)
    if known is not None and now - known.asked < (FRESH_S if known.told == known.asked else ASK_AGAIN_S):
        return known.fields
    try:
        _known[key] = _Known(_asked(mount, path), now, now)
    except VaultSilent:
        if known is None or now - known.told > BELIEVED_S:
            raise
        known.asked = now
    return _known[key].fields


def _asked(mount: str, path: str) -> dict[str, object]:
    address = urlsplit(os.environ.get("VAULT_ADDR", ""))
    where = f"vault:{mount}/{path}"
    if address.scheme not in ("http", "https") or not address.hostname:
        raise VaultSilent(f"cannot ask for {where}: the environment has no VAULT_ADDR")
    if address.scheme == "http" and address.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise VaultSilent(f"cannot ask for {where}: a vault is asked over https://, on this machine over http://")
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    connection = kind(address.hostname, address.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", f"{address.path.rstrip('/')}/v1/{quote(mount)}/data/{quote(path)}", headers=_headers())
        answer = connection.getresponse()
        status, raw = answer.status, answer.read(MOST_BYTES)
    except (OSError, HTTPException, ValueError):
        raise VaultSilent(f"cannot ask for {where}: the vault does not answer") from None
    finally:
        connection.close()
    if status != 200:
        raise VaultSilent(f"cannot ask for {where}: the vault answers {status}")
    try:
        return msgspec.json.decode(raw, type=_Answer).data.data
    except msgspec.MsgspecError:
        raise VaultSilent(f"cannot ask for {where}: this is not a key-value store of version 2") from None


def _headers() -> dict[str, str]:
    file = os.environ.get("VAULT_TOKEN_FILE", "")
    token = Path(file).read_text("utf-8").strip() if file else os.environ.get("VAULT_TOKEN", "")
    namespace = os.environ.get("VAULT_NAMESPACE", "")
    return {"X-Vault-Request": "true", "X-Vault-Token": token, **({"X-Vault-Namespace": namespace} if namespace else {})}
