"""A JSON Web Token as proof: signed with an allowed algorithm, by this issuer, for us, holding now (RFC 7519, 9068, 8725)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from msgspec import Struct

from suture.gateway.identity.settings import ASYMMETRIC, Issuer
from suture.gateway.identity.unproven import Unproven

PublicKey = RSAKey | ECKey | OKPKey
Claims = Mapping[str, Any]

#: So large may a token be, in bytes; servers take no larger headers either.
MOST_BYTES = 8192
#: Which kind of key makes which signatures (RFC 7518 section 3.1, RFC 8037, RFC 9864).
KINDS = {"RS": "RSA", "PS": "RSA", "ES": "EC", "Ed": "OKP"}


class Peek(Struct, frozen=True):
    """What a token says of itself before anything is proven: only good for finding the key that could prove it."""

    algorithm: str
    key: str
    type: str
    issuer: str


class _Registry(jws.JWSRegistry):
    # a proof of possession carries its public key in the header: an RSA key of 4096 bits has 700 letters
    max_header_length = 2048


def peek(token: str) -> Peek:
    """Header and issuer of a token, unproven; raises Unproven for anything that is no signed token."""
    try:
        found = jws.extract_compact(token[: MOST_BYTES + 1].encode("ascii"), registry=_registry(()))
        header, claims = found.headers(), msgspec.json.decode(found.payload)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError):
        raise _wrong("it is no signed JSON Web Token") from None
    if len(token) > MOST_BYTES or not isinstance(claims, dict):
        raise _wrong("it is no signed JSON Web Token of bearable size")
    texts = [header.get("alg"), header.get("kid", ""), header.get("typ", ""), claims.get("iss", "")]
    if not all(isinstance(text, str) for text in texts):
        raise _wrong("its header is not as it should be")
    return Peek(*texts)


def allowed(seen: Peek, issuer: Issuer) -> None:
    """Raises Unproven for an algorithm or type that this issuer's access tokens never have; asked before any key is fetched."""
    if seen.algorithm not in issuer.algorithms or seen.algorithm not in ASYMMETRIC:
        raise _wrong(f"its signature algorithm is not among {', '.join(issuer.algorithms)}")
    if seen.type.lower() not in issuer.types:
        raise _wrong("it is no access token by its type; an ID token proves a login, not a right")


def proven(token: str, algorithm: str, key: PublicKey) -> dict[str, Any]:
    """The claims, if this key signed them with this algorithm; raises Unproven."""
    try:
        return _claims(jws.deserialize_compact(token.encode("ascii"), key, [algorithm], _registry((algorithm,))).payload)
    except (JoseError, ValueError, TypeError):
        raise _wrong("its signature does not fit its key") from None


def holding(claims: Claims, issuer: Issuer, now: datetime, skew_s: int, audience: str = "") -> None:
    """Raises Unproven unless the claims are this issuer's, for us, and hold now; ``skew_s`` is the patience with clocks.

    ``audience`` is whom an ID token is for: the client that asked for it.

    A token that would live longer than ``issuer.longest_s`` from now is refused: what is stolen should not be good for long.
    """
    if claims.get("iss") != issuer.issuer:
        raise _wrong("its issuer is another")
    said = claims.get("aud")
    if (audience or issuer.audience) not in (said if isinstance(said, list) else [said]):
        raise _wrong("it was issued for somebody else (aud)")
    expires, since, at = _instant(claims, "exp"), _instant(claims, "nbf", 0.0), now.timestamp()
    if expires <= at - skew_s:
        raise _wrong("it has expired")
    if since > at + skew_s or _instant(claims, "iat", 0.0) > at + skew_s:
        raise _wrong("it does not hold yet")
    if expires > at + issuer.longest_s + skew_s:
        raise _wrong(f"it would hold for longer than {issuer.longest_s} seconds")


def fits(key: PublicKey, algorithm: str) -> bool:
    """Whether this key is meant for signatures of this algorithm."""
    kind = KINDS.get(algorithm[:2])
    return key.key_type == kind and key.get("use", "sig") == "sig" and key.get("alg", algorithm) == algorithm


def _registry(algorithms: tuple[str, ...]) -> jws.JWSRegistry:
    # names in a header that nobody here knows are passed over (RFC 7515 section 4); "crit" still stops
    return _Registry(algorithms=list(algorithms), strict_check_header=False)


def _claims(payload: bytes) -> dict[str, Any]:
    claims = msgspec.json.decode(payload)
    if not isinstance(claims, dict):
        raise ValueError("no claims")
    return claims


def _instant(claims: Claims, name: str, default: float | None = None) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(f"it does not say {name} as a number of seconds")
    return float(value)


def _wrong(what: str) -> Unproven:
    return Unproven(f"this token proves nothing: {what}", error="invalid_token")
