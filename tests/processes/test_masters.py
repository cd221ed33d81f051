"""Masters and policies: the newest word of each thing, every price of a pair, and policies by two people, by version and date."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from msgspec import structs

from suture.journal import Event
from suture.model import ContractPrice, Document, Item, Policy, Price, Quantity
from suture.processes.masters import PRICES_MOST, PROCESS, VERSIONS_KEPT, Filed, file
from suture.processes.process import Effect, Raise, Seen
from suture.processes.rehearsal import START

GLOVE = Item(id="GLOVE", name="Glove", unit="EA")


def policy(version: int, percent: str, *, author: str = "ap-lead", approver: str = "cfo", days: int = 0) -> Policy:
    """A version of the tolerances, in force so many days after the start."""
    effective = START + timedelta(days=days)
    given: dict[str, object] = {"price_percent": percent}
    return Policy(id="tolerances", version=version, effective=effective, author=author, approver=approver, values=given)


def price(number: int) -> ContractPrice:
    """The price of one facility among many."""
    each = Price(Decimal(number + 1), "USD", Quantity(Decimal(1), "EA"))
    return ContractPrice(
        id=f"P{number}", contract="C", supplier="S", item="I", price=each, effective_from=date(2026, 1, 1), facility=f"F{number}"
    )


def hear(*documents: Document) -> tuple[Filed, list[Effect]]:
    """What is filed after these, and all that was said."""
    state, said = Filed(), list[Effect]()
    for document in documents:
        event = Event(once="e", kind="commanded", source="test", at=START, data=document)
        state, effects = PROCESS.on[type(document)](state, event, Seen(START, {}, "key"))
        said += effects
    return state, said


def in_force(state: Filed, days: int) -> Policy:
    """The policy that a decision sees so many days after the start."""
    return Seen(START + timedelta(days=days), {("Policy", "tolerances"): state.documents}).policy("tolerances")


def reasons(said: list[Effect]) -> list[str]:
    """Why exceptions were raised."""
    return [effect.case.reason for effect in said if isinstance(effect, Raise)]


def test_the_newest_word_of_a_thing_counts() -> None:
    renamed = structs.replace(GLOVE, name="Glove, nitrile")
    assert hear(GLOVE, renamed, renamed)[0].documents == (renamed,)


def test_no_price_of_a_pair_is_forgotten() -> None:
    assert hear(*map(price, range(120)))[0].documents == tuple(map(price, range(120)))


def test_too_many_prices_are_refused_aloud() -> None:
    full = Filed(documents=tuple(map(price, range(PRICES_MOST))))
    event = Event(once="e", kind="commanded", source="test", at=START, data=price(PRICES_MOST))
    with pytest.raises(OverflowError, match="retire some"):
        file(full, event, Seen(START, {}, "S/I"))


@pytest.mark.parametrize("approver", ["ap-lead", "AP-Lead", " ap-lead "])
def test_nobody_enacts_what_they_wrote(approver: str) -> None:
    state, said = hear(policy(1, "2"), policy(2, "5", approver=approver))
    assert (reasons(said), in_force(state, 0).version) == (["sod_violation"], 1)


def test_a_version_once_given_stays_as_it_is() -> None:
    state, said = hear(policy(1, "2"), policy(1, "2"), policy(1, "50"))
    assert (reasons(said), in_force(state, 0).values) == (["version_taken"], {"price_percent": "2"})


def test_an_exception_ends_when_the_policy_is_published_rightly() -> None:
    state, said = hear(policy(1, "2"), policy(1, "50"), policy(2, "5", approver="ap-lead"), policy(2, "5"))
    assert [type(effect).__name__ for effect in said] == ["Raise", "Raise", "Resolve", "Resolve"]
    assert (state.cases, in_force(state, 0).version) == ((), 2)


def test_a_version_is_in_force_from_its_day() -> None:
    state, _ = hear(policy(1, "2"), policy(2, "5", days=7))
    assert [in_force(state, days).version for days in (0, 6, 7)] == [1, 1, 2]


def test_to_go_back_is_to_publish_the_earlier_values_again() -> None:
    state, said = hear(policy(1, "2"), policy(2, "5"), policy(3, "2"))
    assert (said, in_force(state, 0).values) == ([], {"price_percent": "2"})


def test_the_latest_versions_are_kept_in_whatever_order_they_came() -> None:
    versions = [policy(number, "2") for number in range(1, VERSIONS_KEPT + 6)]
    kept = hear(*reversed(versions))[0].documents
    assert kept == tuple(versions[-VERSIONS_KEPT:])
