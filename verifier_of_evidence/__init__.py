"""The independent verifier of what ``suture evidence`` writes: one page about one payment or document, and its proof.

It stands on ``verifier``, which checks whole exports, and like it shares no code with Suture and needs only ``cryptography``.
"""

from __future__ import annotations

from verifier_of_evidence.checking import Verified, verify_evidence, words

__all__ = ["Verified", "verify_evidence", "words"]
