"""Tokens that a thief cannot use: bound to a key that signs each request (RFC 9449) or to a TLS certificate (RFC 8705)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from suture.gateway.identity.remembering import Remembered, fingerprint
from suture.gateway.identity.settings import ASYMMETRIC
from suture.gateway.identity.tokens import Claims, PublicKey, fits, proven
from suture.gateway.identity.unproven import Scheme, Unproven

#: How old a proof may be, and how far ahead the clock that signed it.
WINDOW = timedelta(seconds=60)
#: So many proofs are remembered until they are too old to be used again; more than that within a minute are refused.
MOST_PROOFS = 100_000
_PORTS = {"https": 443, "http": 80}


class Possession:
    """Checks that whoever sends a token also has what it is bound to; remembers each proof, so that none counts twice."""

    def __init__(self, most: int = MOST_PROOFS) -> None:
        self._seen: Remembered[bool] = Remembered(most)

    def check(
        self,
        token: str,
        scheme: Scheme,
        claims: Claims,
        proof: str,
        asked: tuple[str, str],
        certificate: bytes | None,
        now: datetime,
        *,
        bound: bool,
    ) -> None:
        """Raises Unproven unless the token's bonds hold for this request; ``asked`` is its method and address.

        ``bound`` demands that there is a bond at all.
        """
        bonds = claims.get("cnf", {})
        if not isinstance(bonds, dict):
            raise _wrong("it is bound to something that we do not know (cnf)")
        known = {"jkt", "x5t#S256"} & bonds.keys()
        if (bonds and not known) or (bound and not known):
            raise _wrong("it is not bound to a key or certificate of its holder, as this house asks for")
        if "x5t#S256" in bonds:
            _has_certificate(bonds["x5t#S256"], certificate)
        if ("jkt" in bonds) != (scheme == "DPoP"):
            raise _wrong("a token that is bound to a key comes with the scheme DPoP and its proof, any other does not")
        if "jkt" in bonds:
            self._has_key(bonds["jkt"], token, proof, asked, now)

    def _has_key(self, thumbprint: object, token: str, proof: str, asked: tuple[str, str], now: datetime) -> None:
        key, said = _opened(proof)
        if not isinstance(thumbprint, str) or not hmac.compare_digest(key.thumbprint(), thumbprint):
            raise _wrong("the proof is another key's than the token is bound to")
        method, address = asked
        if said.get("htm") != method or _place(str(said.get("htu", ""))) != _place(address):
            raise _wrong("the proof is for another request")
        if not hmac.compare_digest(str(said.get("ath", "")).encode(), _b64(hashlib.sha256(token.encode()).digest()).encode()):
            raise _wrong("the proof is for another token")
        made, id = said.get("iat"), said.get("jti")
        if isinstance(made, bool) or not isinstance(made, int | float) or abs(made - now.timestamp()) > WINDOW.total_seconds():
            raise _wrong("the proof is not of this minute")
        if not isinstance(id, str) or not 0 < len(id) <= 256:
            raise _wrong("the proof has no id")
        mark = fingerprint(f"{thumbprint}/{id}")
        if self._seen.get(mark, now) is not None:
            raise _wrong("the proof was used before")
        if self._seen.full(now):
            raise Unproven("too many proofs came within a minute; try again in a moment", "DPoP", later=True)
        self._seen.put(mark, True, now + 2 * WINDOW)


def certificate_print(certificate: bytes) -> str:
    """The SHA-256 of a DER certificate as tokens name it (RFC 8705 section 3.1)."""
    return _b64(hashlib.sha256(certificate).digest())


def _has_certificate(print: object, certificate: bytes | None) -> None:
    if certificate is None or not isinstance(print, str) or not hmac.compare_digest(certificate_print(certificate), print):
        raise _wrong("it is bound to a client certificate that this connection does not have")


def _opened(proof: str) -> tuple[PublicKey, Mapping[str, Any]]:
    """The key in a proof and what it says, signed by that key (RFC 9449 section 4.3)."""
    try:
        header = msgspec.json.decode(_unb64(proof[:4096].partition(".")[0]))
        algorithm, told = header["alg"], header["jwk"]
        if header["typ"] != "dpop+jwt" or algorithm not in ASYMMETRIC or "d" in told:
            raise ValueError("no proof")
        key = import_key(told)
    except (JoseError, ValueError, KeyError, TypeError):
        raise _wrong("the header DPoP holds no proof of possession") from None
    if not isinstance(key, RSAKey | ECKey | OKPKey) or not fits(key, algorithm):
        raise _wrong("the proof's key does not fit its algorithm")
    return key, proven(proof, algorithm, key)


def _place(address: str) -> tuple[str, str, int | None, str]:
    """An address without query and fragment, its parts as they compare (RFC 3986 section 6.2)."""
    try:
        parts = urlsplit(address)
        return parts.scheme.lower(), parts.hostname or "", parts.port or _PORTS.get(parts.scheme.lower()), parts.path or "/"
    except ValueError:
        return "", "", None, ""


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _wrong(what: str) -> Unproven:
    return Unproven(f"this token proves nothing: {what}", "DPoP", error="invalid_token")
