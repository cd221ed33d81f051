"""Every kind of difference is found and named; what agrees, and what is on its way, is left alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.model import Held, Money
from suture.rules.reconciling import ACTIONS, Difference, Ours, action, compare, judge

TEN = Money(Decimal("10.00"), "USD")
TWELVE = Money(Decimal("12.50"), "USD")


def held(reference: str = "PO-1", **more: Any) -> Held:
    """An order of two boxes for ten dollars."""
    told: dict[str, Any] = {"number": "45", "amount": TEN, "lines": {"1 GLOVE BX": Decimal(2)}, "state": "open"}
    return Held(reference=reference, **{**told, **more})


AS_IT_IS = held(number="")
FEWER = {"1 GLOVE BX": Decimal(1)}

#: What we believe, what stands there, and the judgement: kind and money, or nothing.
TABLE: dict[str, tuple[Ours | None, tuple[Held, ...], tuple[str, Money | None] | None]] = {
    "both agree": (Ours(settled=AS_IT_IS), (held(),), None),
    "a scale is no difference": (Ours(settled=AS_IT_IS), (held(amount=Money(Decimal(10), "USD")),), None),
    "what is not told is not compared": (Ours(settled=AS_IT_IS), (held(amount=None, lines=None, state=""),), None),
    "a line of nothing is no line": (
        Ours(settled=AS_IT_IS),
        (held(lines={"1 GLOVE BX": Decimal(2), "2 X EA": Decimal(0)}),),
        None,
    ),
    "lost": (Ours(settled=AS_IT_IS), (), ("missing_there", TEN)),
    "cancelled and cleared away": (Ours(settled=held(state="cancelled")), (), None),
    "never heard of": (None, (held(),), ("missing_here", TEN)),
    "never heard of, twice": (None, (held(), held()), ("missing_here", Money(Decimal("20.00"), "USD"))),
    "twice": (Ours(settled=AS_IT_IS), (held(), held(number="46")), ("doubled", TEN)),
    "thrice": (Ours(settled=AS_IT_IS), (held(), held(), held()), ("doubled", Money(Decimal("20.00"), "USD"))),
    "another amount": (Ours(settled=AS_IT_IS), (held(amount=TWELVE),), ("different_amount", Money(Decimal("2.50"), "USD"))),
    "another currency": (
        Ours(settled=AS_IT_IS),
        (held(amount=Money(Decimal(10), "EUR")),),
        ("different_amount", Money(Decimal(10), "EUR")),
    ),
    "another quantity": (Ours(settled=AS_IT_IS), (held(lines=FEWER),), ("different_lines", Money(Decimal("0.00"), "USD"))),
    "a quantity tells more than its amount": (
        Ours(settled=AS_IT_IS),
        (held(lines=FEWER, amount=TWELVE),),
        ("different_lines", Money(Decimal("2.50"), "USD")),
    ),
    "another state": (
        Ours(settled=AS_IT_IS),
        (held(state="cancelled", lines=FEWER),),
        ("different_state", Money(Decimal(0), "USD")),
    ),
    "arrived without a word": (Ours(open=(AS_IT_IS,)), (held(),), ("held_but_open", TEN)),
    "its change arrived without a word": (
        Ours(settled=AS_IT_IS, open=(held(amount=TWELVE),)),
        (held(amount=TWELVE),),
        ("held_but_open", TWELVE),
    ),
    "its change has not arrived": (Ours(settled=AS_IT_IS, open=(held(amount=TWELVE),)), (held(),), None),
    "open, and there in another way": (
        Ours(open=(AS_IT_IS,)),
        (held(amount=TWELVE),),
        ("different_amount", Money(Decimal("2.50"), "USD")),
    ),
    "open and absent": (Ours(open=(AS_IT_IS,)), (), None),
    "refused and absent": (Ours(), (), None),
    "refused, and there": (Ours(), (held(),), ("held_but_refused", TEN)),
    "on its way and absent": (Ours(settled=AS_IT_IS, moving=True), (), None),
    "on its way and different": (Ours(settled=AS_IT_IS, moving=True), (held(amount=TWELVE),), None),
    "on its way and doubled": (Ours(moving=True), (held(), held()), None),
}


@pytest.mark.parametrize("name", TABLE)
def test_the_judgement(name: str) -> None:
    ours, theirs, expected = TABLE[name]
    found = judge("PO-1", ours, theirs)
    assert (found and (found.kind, found.money)) == expected


def test_it_counts_how_far_open_changes_have_come() -> None:
    changes = tuple(held(number="", amount=Money(Decimal(amount), "USD")) for amount in (11, 12, 13))
    for count, change in enumerate(changes, start=1):
        found = judge("PO-1", Ours(settled=AS_IT_IS, open=changes), (structs.replace(change, number="45"),))
        assert found is not None
        assert (found.kind, found.arrived) == ("held_but_open", count)


def test_a_row_without_a_reference_goes_by_its_own_number() -> None:
    found = compare({"PO-1": Ours(settled=AS_IT_IS)}, [held(), held("", number="77"), held("", number="78")])
    assert [(each.kind, each.reference) for each in found] == [("missing_here", "77"), ("missing_here", "78")]


# -- policy


def test_policy_says_what_is_done() -> None:
    assert [action({}, kind) for kind in ("missing_there", "held_but_open", "doubled")] == ["resend", "confirm", "raise"]
    assert action({"missing_there": "raise", "doubled": "count"}, "missing_there") == "raise"
    assert action({"missing_there": "raise", "doubled": "count"}, "doubled") == "count"


@pytest.mark.parametrize("kind", sorted(set(ACTIONS) - {"missing_there"}))
def test_only_what_is_missing_may_ever_go_again(kind: Any) -> None:
    with pytest.raises(ValueError, match="reconciliation may say"):
        action({kind: "resend"}, kind)


# -- any number of differences at once

SPOIL: dict[str, Any] = {
    "missing_there": lambda row: (),
    "doubled": lambda row: (row, structs.replace(row, number="again")),
    "different_amount": lambda row: (structs.replace(row, amount=TWELVE),),
    "different_lines": lambda row: (structs.replace(row, lines=FEWER),),
    "different_state": lambda row: (structs.replace(row, state="cancelled"),),
    "": lambda row: (row,),
}
names = st.integers(0, 60).map(lambda number: f"PO-{number}")


@given(st.dictionaries(names, st.sampled_from(sorted(SPOIL))), st.sets(names), st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_all_that_was_spoiled_is_found_and_nothing_else(spoiled: dict[str, str], own: set[str], chance: Any) -> None:
    ours = {name: Ours(settled=held(name, number="")) for name in spoiled}
    rows = [row for name, kind in spoiled.items() for row in SPOIL[kind](held(name))]
    rows += [held(name) for name in own - set(spoiled)]
    chance.shuffle(rows)
    expected = {(name, kind) for name, kind in spoiled.items() if kind} | {(name, "missing_here") for name in own - set(spoiled)}
    found = compare(ours, rows)
    assert {(each.reference, each.kind) for each in found} == expected
    assert len(found) == len(expected)
    assert all(isinstance(each, Difference) and each.money is not None for each in found)
