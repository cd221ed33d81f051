"""A TLS certificate as a proof of identity: one that is known by its fingerprint, or by its subject among a trusted authority's.

Whether the authority is trusted, TLS itself has decided (``settings.Tls``) before any of this is asked.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

from cryptography import x509

from suture.gateway.access import Caller
from suture.gateway.identity.meaning import machine
from suture.gateway.identity.settings import Certificate
from suture.gateway.identity.unproven import Unproven


def caller_of(certificate: bytes, known: Iterable[Certificate], now: datetime) -> Caller:
    """The machine that this DER certificate is of; raises Unproven for one that is not declared, or not of this time."""
    try:
        read = x509.load_der_x509_certificate(certificate)
        subject, begins, ends = read.subject.rfc4514_string(), read.not_valid_before_utc, read.not_valid_after_utc
    except ValueError:
        raise Unproven("this is no X.509 certificate", "Certificate") from None
    print = hashlib.sha256(certificate).hexdigest()
    found = [
        each
        for each in known
        if (each.fingerprint and hmac.compare_digest(_plain(each.fingerprint), print))
        or (each.subject and each.subject == subject)
    ]
    if not found or not begins <= now < ends:
        raise Unproven("this certificate is not declared here, or its time is over", "Certificate")
    # the one that names this very certificate is meant, where its subject is declared, too
    chosen = min(found, key=lambda each: not each.fingerprint)
    return machine(f"certificate/{chosen.name}", chosen, ends, chosen.scopes)


def _plain(fingerprint: str) -> str:
    return fingerprint.lower().removeprefix("sha256:").replace(":", "")
