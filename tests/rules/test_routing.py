"""Routing: the first rule that fits in all that it names decides, and silence leaves it to the network file."""

from __future__ import annotations

from typing import Any

import pytest

from suture.rules.routing import Matter, check_routing, routed, rules_of

RULES = rules_of(
    {
        "rules": [
            {"role": "erp", "to": "erp-lake", "documents": ["Invoice"], "entities": ["NORTH"], "reason": "the close moves"},
            {"role": "erp", "to": "erp-north", "suppliers": ["ALDER"], "reason": "one buyer"},
        ]
    }
)


@pytest.mark.parametrize(
    ("more", "to"),
    [
        ({"document": "Invoice", "entity": "NORTH"}, "erp-lake"),
        ({"document": "Invoice", "entity": "NORTH", "supplier": "ALDER"}, "erp-lake"),
        ({"document": "Invoice", "entity": "LAKE", "supplier": "ALDER"}, "erp-north"),
        ({"document": "Invoice"}, ""),
        ({"document": "PurchaseOrder", "entity": "NORTH"}, ""),
        ({"document": "Invoice", "entity": "NORTH", "role": "ap"}, ""),
    ],
)
def test_the_first_that_fits_decides(more: dict[str, str], to: str) -> None:
    assert routed(RULES, Matter(**{"role": "erp", **more})) == to


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"rules": [{"role": "erp", "to": "erp-lake"}]}, "cannot be read"),
        ({"rules": [{"role": "erp", "to": "erp-lake", "reason": " "}]}, "a reason"),
        ({"rules": [{"role": "erp", "to": "", "reason": "r"}]}, "an instance"),
        ({"rules": [{"role": "erp", "to": "erp-lake", "reason": "r", "documents": ["Bill"]}]}, "Bill, which is no type"),
        ({"rules": [{"role": "erp", "to": "erp-lake", "reason": "r", "facility": "NSC"}]}, "cannot be read"),
        ({"rules": "none"}, "cannot be read"),
        ({"rule": []}, "nothing else"),
        ({"rules": [{"role": "erp", "to": "erp-lake", "reason": "r"}] * 501}, "more than 500"),
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_routing(values)
