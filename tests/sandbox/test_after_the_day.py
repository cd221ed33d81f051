"""When the day is over its house goes on: what somebody decides in the console reaches the counterparts."""

from __future__ import annotations

import asyncio
import threading
import time
from decimal import Decimal
from pathlib import Path

from suture.cli.demo import VISITOR
from suture.journal import load_or_create_key, open_journal
from suture.model import Decision, Money, Person, Ref
from suture.runtime.command import command
from suture.runtime.wiring import Wiring
from suture.sandbox.demo import Demo
from suture.sandbox.group import invent
from suture.views import history
from suture.views.ledger import ledger


def test_whoever_looks_at_the_day_is_a_person_of_the_house_with_authority() -> None:
    person = next(each for each in invent(1).masters if isinstance(each, Person) and each.id == VISITOR)
    assert person.limit is not None
    assert person.limit >= Money(Decimal(1_000_000), "USD")


def test_what_is_decided_after_the_day_is_carried_out(tmp_path: Path) -> None:
    day = Demo(tmp_path / "day", seed=1, requisitions=40, usages=0)
    (tmp_path / "day").mkdir()
    result = asyncio.run(day.run())
    case = next(row.case for row in result.open if row.case.reason == "line_rejected")
    over = threading.Event()
    going_on = threading.Thread(target=lambda: asyncio.run(day.go_on(over)))
    going_on.start()
    journal = open_journal(str(result.journal), load_or_create_key(tmp_path / "day" / "blobs.key"))
    try:
        wiring = Wiring(journal, result.network, privacy_key=bytes(32))
        before = ledger(list(history(journal))).delivered
        decision = Decision(
            id="after-the-day",
            subject=Ref("Case", case.id),
            verb="accept",
            actor="Nia Osei",
            at=result.ended,
            reason="agreed on the telephone",
            position=10**9,
        )
        command(wiring, decision, result.ended)
        deadline = time.monotonic() + 30
        while ledger(list(history(journal))).delivered == before:
            assert time.monotonic() < deadline, "nobody heard of the decision"
            time.sleep(0.1)
    finally:
        over.set()
        going_on.join(30)
        journal.close()
    assert not going_on.is_alive()
