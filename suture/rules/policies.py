"""Policy data as rules read it: numbers, waiting times and limits of money."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from suture.model import Money


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
    return timedelta(hours=float(number(values, name, Decimal(default))))


def money(limits: Mapping[str, Any], currency: str) -> Money | None:
    """The limit in this currency, from {"USD": "500", "EUR": "450"}; None where the policy knows no limit in it."""
    return Money(number(limits, currency, Decimal(0)), currency) if currency in limits else None
