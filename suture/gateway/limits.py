"""How much one caller may ask for: token buckets per caller and class, told in RateLimit headers, and bounds of a request."""

from __future__ import annotations

import tomllib
from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from math import ceil
from pathlib import Path

import msgspec
from msgspec import Struct, field

from suture.gateway.operation import Quota
from suture.runtime.policy import Quota as Bucket


class Allowance(Struct, frozen=True, forbid_unknown_fields=True):
    """Calls a second on average, and at once."""

    rate: float
    burst: int


def _allowances() -> Mapping[Quota, Allowance]:
    return {"critical": Allowance(200.0, 400), "standard": Allowance(100.0, 200), "bulk": Allowance(10.0, 40)}


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of the gateway; a limit that is reached is told with what to do, never passed over.

    ``allowances`` are by class of operation, ``callers`` by the subject of a caller and class where one was agreed with it.
    """

    allowances: Mapping[Quota, Allowance] = field(default_factory=_allowances)
    callers: Mapping[str, Mapping[Quota, Allowance]] = field(default_factory=dict)
    #: Bytes of a request as it comes, and after it is unpacked.
    body: int = 1 << 20
    unpacked: int = 4 << 20
    #: Bytes of a query, and parameters in it.
    query: int = 4096
    parameters: int = 32
    #: Requests at once, and how long one may take to come whole, in seconds.
    at_once: int = 256
    body_s: float = 30.0
    #: How long intake may take before the outcome is told as unknown.
    intake_s: float = 30.0
    #: How long a caller may wait for a decision (Prefer: wait), in seconds.
    wait_s: int = 30
    page: int = 200
    #: Buckets that are remembered.
    buckets: int = 10_000

    def of(self, subject: str, quota: Quota) -> Allowance:
        """What this caller may ask for in this class."""
        agreed = self.callers.get(subject, {}).get(quota) or self.allowances.get(quota)
        return agreed or _allowances()[quota]


class BadLimits(ValueError):
    """The gateway's limits cannot be used; the message names the file and the field."""


def read_limits(path: Path) -> Limits:
    """The limits of a TOML file; the standard ones without a file. Raises BadLimits."""
    try:
        limits = msgspec.convert(tomllib.loads(path.read_text("utf-8")), Limits)
    except FileNotFoundError:
        return Limits()
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise BadLimits(f"{path}: {error}") from None
    agreed = [each for table in (limits.allowances, *limits.callers.values()) for each in table.values()]
    if any(each.rate <= 0 or each.burst < 1 for each in agreed):
        raise BadLimits(f"{path}: an allowance is at least one call, at a rate above zero")
    return limits


class Left(Struct, frozen=True):
    """What is left of an allowance: calls that may be made now, and seconds until the next or until it is full again."""

    allowed: bool
    remaining: int
    reset_s: int
    policy: Quota
    allowance: Allowance

    def headers(self) -> dict[str, str]:
        """RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers)."""
        window = max(1, ceil(self.allowance.burst / self.allowance.rate))
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.allowance.burst};w={window}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset_s}',
        }


class Rates:
    """The buckets of all callers, the least recently seen forgotten first; touched by the event loop alone."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._buckets: OrderedDict[tuple[str, Quota], Bucket] = OrderedDict()

    def spend(self, subject: str, of: Quota, now: datetime) -> Left:
        """One call of this caller in this class."""
        allowance = self.limits.of(subject, of)
        bucket = self._bucket((subject, of), allowance)
        room = bucket.room(now)
        if room < 1:
            return Left(False, 0, max(1, ceil((bucket.wakes(now) - now).total_seconds())), of, allowance)
        bucket.spend()
        full = ceil((allowance.burst - bucket.tokens) / allowance.rate)
        return Left(True, room - 1, full, of, allowance)

    def _bucket(self, key: tuple[str, Quota], allowance: Allowance) -> Bucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(allowance.rate, allowance.burst)
            if len(self._buckets) > self.limits.buckets:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket
