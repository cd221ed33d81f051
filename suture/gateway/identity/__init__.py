"""Identity: who a caller is, proven by a key, a token or a certificate, and what that proof is worth here.

Law: nobody is anybody until proven; whatever is wrong with a proof is told in words that help its owner and nobody else.
Secrets are named, never written (``env:``, ``file:``, ``vault:``). To believe another issuer, add it to ``identity.toml``.
"""

from suture.gateway.identity.door import Identity, InThread
from suture.gateway.identity.login import Pending, SignIn
from suture.gateway.identity.settings import BadIdentity, Grant, Issuer, Login, Settings, read_identity
from suture.gateway.identity.unproven import Scheme, Unproven

__all__ = [
    "BadIdentity",
    "Grant",
    "Identity",
    "InThread",
    "Issuer",
    "Login",
    "Pending",
    "Scheme",
    "Settings",
    "SignIn",
    "Unproven",
    "read_identity",
]
