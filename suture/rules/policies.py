"""Policy data as rules read it: the version in force, its numbers, waiting times and limits of money."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from suture.model import Document, Money, Policy


def in_force(filed: Iterable[Document], now: datetime) -> Policy | None:
    """Of the versions filed of one policy the highest whose time has come; None if none has."""
    found: Policy | None = None
    for version in filed:
        if isinstance(version, Policy) and version.effective <= now and (found is None or version.version > found.version):
            found = version
    return found


def number(values: Mapping[str, Any], name: str, default: Decimal) -> Decimal:
    """A number of the policy, or ``default``; raises ValueError for what is no finite number."""
    try:
        found = Decimal(str(values[name])) if name in values else default
    except InvalidOperation:
        found = Decimal("NaN")
    if not found.is_finite():
        raise ValueError(f"the policy's {name} must be a number, not {values[name]!r}")
    return found


def hours(values: Mapping[str, Any], name: str, default: int) -> timedelta:
    """A waiting time of the policy in hours, or ``default`` hours; raises ValueError for what is no number."""
    return timedelta(hours=float(number(values, name, Decimal(default))) if name in values else default)


def money(limits: Mapping[str, Any], currency: str) -> Money | None:
    """The limit in this currency, from {"USD": "500", "EUR": "450"}; None where the policy knows no limit in it."""
    return Money(number(limits, currency, Decimal(0)), currency) if currency in limits else None
