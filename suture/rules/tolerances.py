"""Tolerances: how far an invoice may differ from what was ordered and received, as one policy version says."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from msgspec import Struct

from suture.model import Policy

NAME = "tolerances"


class Tolerances(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The values of the policy "tolerances" for one supplier and category; what is absent is not tolerated.

    A price may be over the order's by ``price_percent`` and, line by line, by ``price_amount``: where both are given both hold.
    A price under the order's passes unless ``price_under_percent`` says how far. ``quantity_percent`` is of what was ordered or
    received. ``freight`` is the most that charges which no order agreed may come to, ``tax_percent`` the highest tax on lines
    and charges, ``total_amount`` by how much a total may miss the sum of its parts, ``variance_amount`` the most that tolerated
    differences may add up to on one invoice (absent: no such cap). ``services_two_way``: services need no receipt.
    Amounts are given per currency.
    """

    price_percent: Decimal | None = None
    price_amount: dict[str, Decimal] = msgspec.field(default_factory=dict)
    price_under_percent: Decimal | None = None
    quantity_percent: Decimal = Decimal(0)
    freight: dict[str, Decimal] = msgspec.field(default_factory=dict)
    tax_percent: Decimal = Decimal(0)
    total_amount: dict[str, Decimal] = msgspec.field(default_factory=dict)
    variance_amount: dict[str, Decimal] = msgspec.field(default_factory=dict)
    services_two_way: bool = False

    def allows_price(self, over: Fraction, expected: Fraction, currency: str) -> bool:
        """Whether a line may cost ``over`` more than ``expected``, the order's price for the same quantity."""
        limit = self.price_amount.get(currency)
        if self.price_percent is None and limit is None:
            return over <= 0
        by_percent = self.price_percent is None or over * 100 <= expected * Fraction(self.price_percent)
        return by_percent and (limit is None or over <= Fraction(limit))

    def allows_price_under(self, under: Fraction, expected: Fraction) -> bool:
        """Whether a line may cost ``under`` less than ``expected``."""
        return self.price_under_percent is None or under * 100 <= expected * Fraction(self.price_under_percent)


def tolerances(policy: Policy | None, supplier: str = "", category: str = "") -> Tolerances:
    """The tolerances for an item category and a supplier; the policy's ``categories`` and then ``suppliers`` override its values.

    Raises msgspec.ValidationError for a policy that cannot be read; without a policy nothing is tolerated.
    """
    if policy is None:
        return Tolerances()
    values = {key: value for key, value in policy.values.items() if key not in ("categories", "suppliers")}
    merged = {**values, **_override(policy, "categories", category), **_override(policy, "suppliers", supplier)}
    return msgspec.convert(merged, Tolerances)


def _override(policy: Policy, group: str, name: str) -> Mapping[str, Any]:
    overrides: Any = policy.values.get(group, {})
    found: Mapping[str, Any] = overrides.get(name, {})
    return found


def version(policy: Policy | None) -> str:
    """Which version decided, as results record it: "tolerances/3", or "" where none is in force."""
    return f"{policy.id}/{policy.version}" if policy else ""
