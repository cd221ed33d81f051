"""What is kept elsewhere: what goes on, what does not, and what an old word changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from msgspec import structs

from suture.gateway import samples
from suture.model import Delivered, Document, Money, PostingLine, Ref
from suture.processes.handed_on import PROCESS, unbalanced
from suture.processes.rehearsal import START, rehearse, said


def told(*documents: Document) -> list[Sequence[str]]:
    """What the process says after each document."""
    return [[said(effect) for effect in turn.effects] for turn in rehearse(PROCESS, list(documents), ())]


def test_an_asset_goes_to_whoever_maintains_it_and_an_older_word_changes_nothing() -> None:
    disposed = structs.replace(samples.ASSET, status="disposed", at=samples.ASSET.at + timedelta(days=1))
    assert told(samples.ASSET, disposed, samples.ASSET) == [["Send cmms Asset"], ["Send cmms Asset"], []]
    assert told(disposed, structs.replace(samples.ASSET, status="in_service")) == [["Send cmms Asset"], []]


def test_a_work_order_goes_on_with_each_higher_version() -> None:
    done = structs.replace(samples.WORK, version=3, state="done")
    late = structs.replace(samples.WORK, version=2, state="in_progress")
    assert told(samples.WORK, done, late) == [["Send cmms WorkOrder"], ["Send cmms WorkOrder"], []]


def test_a_posting_that_does_not_balance_or_changes_under_its_number_is_put_to_a_person() -> None:
    more = PostingLine(account="6100", amount=Money(Decimal("1.00"), "USD"))
    crooked = structs.replace(samples.POSTING, lines=(*samples.POSTING.lines, more))
    assert told(crooked) == [["Raise unbalanced"]]
    another = structs.replace(samples.POSTING, text="something else")
    assert told(samples.POSTING, another, another) == [["Send erp Posting"], ["Raise changed_posting"], []]


def test_balance_is_judged_in_each_currency_by_itself() -> None:
    sides = ((Decimal(5), "USD"), (Decimal(-5), "EUR"))
    one, other = (PostingLine(account="1", amount=Money(amount, currency)) for amount, currency in sides)
    assert unbalanced(structs.replace(samples.POSTING, lines=(one, other)))
    assert unbalanced(structs.replace(samples.POSTING, lines=()))
    assert not unbalanced(samples.POSTING)


def test_a_keeper_that_refuses_is_an_exception() -> None:
    about = Ref("Asset", "AS-1")
    refused = Delivered(delivery="D-1", role="cmms", instance="cmms", document=about, outcome="refused", at=START, reason="no")
    assert told(samples.ASSET, refused) == [["Send cmms Asset"], ["Raise undelivered"]]
