"""Retry: how often and when a delivery is tried again, as the policy ``retry`` says for each kind of document."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from msgspec import Struct

from suture.model import DOCUMENTS, Policy
from suture.rules.policies import number

NAME, DEFAULT = "retry", "default"


class Retry(Struct, frozen=True, kw_only=True):
    """Retry of retryable and unknown outcomes: exponential back-off with jitter, and an end.

    A doubtful outcome may be the document's own fault: it is given up after ``attempts``. A counterpart that is out of
    reach or busy is not: what waits for it is given up after ``patience`` only, longer than any outage that is planned for.
    Both count from the first attempt of a round (``runtime.rounds``), and so does the back-off.
    """

    attempts: int = 12
    first_s: float = 2.0
    factor: float = 2.0
    longest_s: float = 900.0
    patience: timedelta = timedelta(days=7)

    def over(self, attempt: int) -> bool:
        """Whether so many attempts are enough before somebody is told, and again after as many more."""
        return attempt % self.attempts == 0

    def after(self, attempt: int, id: str, wish_s: float = 0.0) -> timedelta:
        """How long to wait after ``attempt`` (1 upwards); the jitter (±25 %) depends on the delivery alone, so it repeats."""
        plain = min(self.longest_s, self.first_s * self.factor ** min(attempt - 1, 32))
        chance = int.from_bytes(hashlib.blake2s(f"{id}/{attempt}".encode(), digest_size=2).digest(), "big") / 65535
        return timedelta(seconds=max(wish_s, plain * (0.75 + chance / 2)))


#: What a policy may say, and within which bounds: no value makes a loop without a rest, or one without an end.
BOUNDS: Mapping[str, tuple[Decimal, Decimal]] = {
    "attempts": (Decimal(1), Decimal(100)),
    "first_s": (Decimal("0.5"), Decimal(3600)),
    "factor": (Decimal(1), Decimal(10)),
    "longest_s": (Decimal(1), Decimal(86_400)),
    "patience_hours": (Decimal(0), Decimal(24 * 90)),
}


def retry_of(policy: Policy | None, kind: str) -> Retry:
    """How a document of this type is tried again: its own table of the policy, what that leaves out from ``default``, and what
    both leave out as the code says.

    What cannot be read counts as not said: a slip in a policy must not keep anything from being delivered.
    """
    try:
        return _read(policy.values if policy else {}, kind)
    except ValueError:
        return Retry()


def check_retry(values: Mapping[str, Any]) -> None:
    """Raises ValueError for what no version of this policy may say."""
    for kind in values:
        if kind not in (DEFAULT, *DOCUMENTS):
            raise ValueError(f"{kind} is no type of document; {DEFAULT} holds for all that are not named")
        _read(values, kind)


def _read(values: Mapping[str, Any], kind: str) -> Retry:
    said = {**_table(values, DEFAULT), **_table(values, kind)}
    found = {name: _bounded(said, name) for name in said}
    attempts, hours = found.pop("attempts", None), found.pop("patience_hours", None)
    plain = Retry()
    return Retry(
        attempts=plain.attempts if attempts is None else int(attempts),
        patience=plain.patience if hours is None else timedelta(hours=float(hours)),
        **{name: float(value) for name, value in found.items()},
    )


def _table(values: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    said = values.get(kind, {})
    if not isinstance(said, Mapping) or (strange := next((name for name in said if name not in BOUNDS), "")):
        raise ValueError(
            f"{kind} is a table of {', '.join(BOUNDS)}" + (f", not of {strange}" if isinstance(said, Mapping) else "")
        )
    return said


def _bounded(said: Mapping[str, Any], name: str) -> Decimal:
    least, most = BOUNDS[name]
    found = number(said, name, least)
    if not least <= found <= most:
        raise ValueError(f"the policy's {name} must be from {least} to {most}, not {found}")
    return found
