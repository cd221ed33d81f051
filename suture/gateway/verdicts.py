"""Checks and what follows from them: what validations share."""

from __future__ import annotations

from collections.abc import Sequence

from suture.gateway.answers import Check, Verdict


def checked(name: str, passed: bool, otherwise: str) -> Check:
    """A check that could be made; ``otherwise`` is why it failed."""
    return Check(name=name, result="passed" if passed else "failed", text="" if passed else otherwise)


def verdict(checks: Sequence[Check]) -> Verdict:
    """One failure makes it invalid; without one, an unknown makes it unknown."""
    results = {check.result for check in checks}
    return "invalid" if "failed" in results else "unknown" if "unknown" in results or not checks else "valid"
