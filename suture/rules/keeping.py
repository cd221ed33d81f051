"""Retention: for how many days what is kept of each class of data is needed, as the policy ``retention`` says."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from suture.model import Policy
from suture.model.classes import CLASSES, KEPT_DAYS, DataClass
from suture.rules.policies import number

NAME = "retention"
#: No policy says less than a month, within which something may still have to be read again, nor more than a century.
LEAST, MOST = Decimal(31), Decimal(36_600)


def kept_days(policy: Policy | None, kind: DataClass) -> int:
    """How long a class is needed: as the policy in force says, or as law and custom do where it is silent (``KEPT_DAYS``).

    Raises ValueError for a policy that cannot be read: what is destroyed too early never comes back.
    """
    values = policy.values if policy else {}
    check_retention(values)
    return int(number(values, kind, Decimal(KEPT_DAYS[kind])))


def check_retention(values: Mapping[str, Any]) -> None:
    """Raises ValueError for what no version of this policy may say."""
    for name in values:
        if name not in CLASSES:
            raise ValueError(f"{name} is no class of data; there are {', '.join(CLASSES)}")
        days = number(values, name, LEAST)
        if not LEAST <= days <= MOST or days % 1:
            raise ValueError(f"the policy's {name} must be whole days from {LEAST} to {MOST}, not {days}")
