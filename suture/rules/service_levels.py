"""Service levels: within which time a delivery of each flow is to be made, and how often at least, as one policy says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct

from suture.model import DOCUMENTS, Policy

NAME = "service_levels"


class Level(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One flow's promise: brought within so many ``minutes`` of becoming owed, in so many ``percent`` of the cases at least."""

    minutes: int = 60
    percent: Decimal = Decimal(99)

    @property
    def within(self) -> timedelta:
        """The time as a span."""
        return timedelta(minutes=self.minutes)

    def budget(self, number: int, missed: int) -> Decimal | None:
        """What is left of the error budget, in percent of it, below 0 when it is overdrawn; None where nothing may be missed."""
        allowed = number * (100 - self.percent) / 100
        return (100 * (allowed - missed) / allowed).quantize(Decimal("0.1")) if allowed else None


class Levels(Struct, frozen=True):
    """The promise of each flow, by type of document; ``default`` for those that are not named."""

    flows: Mapping[str, Level]
    default: Level = Level()

    def of(self, flow: str) -> Level:
        """The promise of one flow."""
        return self.flows.get(flow, self.default)


def levels(policy: Policy | None) -> Levels:
    """The levels of the policy ``service_levels``: a table ``minutes`` and ``percent`` per type of document, and ``default``.

    What cannot be read promises what the default does: a slip in a policy must not hide how the network fares.
    """
    values: Mapping[str, Any] = policy.values if policy else {}
    read = {name: level for name, value in values.items() if (level := _level(value))}
    return Levels(read, read.get("default", Level()))


def check_levels(values: Mapping[str, Any]) -> None:
    """Raises ValueError for what no version of this policy should say, though it would promise the default."""
    for name, value in values.items():
        if name not in ("default", *DOCUMENTS):
            raise ValueError(f"the policy promises something for {name}, which is no type of document")
        if _level(value) is None:
            raise ValueError(f"the policy's {name} is no table of minutes and percent: {value!r}")


def _level(value: object) -> Level | None:
    try:
        return msgspec.convert(value, Level, strict=False)
    except (msgspec.ValidationError, ArithmeticError):
        return None
