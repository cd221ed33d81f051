"""The one way in which a proof of identity fails: with a reason for the caller that names no secret."""

from __future__ import annotations

from typing import Literal

#: How a proof is offered: a key of ours, a bearer token (RFC 6750), one bound to a key (RFC 9449), or a TLS certificate.
Scheme = Literal["ApiKey", "Bearer", "DPoP", "Certificate"]


class Unproven(Exception):
    """Nobody is proven; the gateway answers 401 with ``challenge``, or 503 if nobody can tell at the moment (``later``).

    ``why`` is written for the caller: it says what to mend, and never a token, a key, or whether a name exists.
    """

    def __init__(self, why: str, scheme: Scheme = "Bearer", *, error: str = "", later: bool = False) -> None:
        super().__init__(why)
        self.why, self.scheme, self.error, self.later = why, scheme, error, later

    @property
    def challenge(self) -> str:
        """The value of WWW-Authenticate (RFC 9110 section 11.6.1; the error codes are RFC 6750's, section 3.1)."""
        said = f', error="{self.error}", error_description="{self.why}"' if self.error else ""
        return f'{self.scheme} realm="suture"{said}'
