"""The trail of calls: every one stands in the sealed journal with actor, object and result, and none can be changed unseen."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from suture.gateway import trail
from suture.gateway.trail import Called, calls_of, unit_of
from suture.journal import MemoryJournal, Unavailable, open_journal
from suture.journal.blobs import BlobDamaged
from suture.journal.seal import seal, verify
from suture.model import CallsAnswered
from tests.gateway.house import House, house
from tests.small_network import story

EVER = timedelta(days=1)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def opened(test: Callable[[House], Awaitable[None]]) -> None:
    async def run() -> None:
        async with house() as there:
            await test(there)

    asyncio.run(run())


async def told(there: House) -> list[Called]:
    """What stands in the journal once everything is written."""
    await there.gateway.trail.close()
    now = there.service.clock.now()
    return list(calls_of(there.service.wiring.journal, now - timedelta(minutes=5), now + timedelta(minutes=5)))


def test_every_call_stands_there_the_refused_and_the_unproven_too() -> None:
    async def test(there: House) -> None:
        await there.buy(1)
        await there.call("buyer", "GET", "/api/process/v1/orders/PO-R-1")
        await there.call("buyer", "GET", "/api/process/v1/orders/PO-NOBODY")
        await there.call("nobody", "GET", "/api/process/v1/orders/PO-R-1")
        await there.call("stranger", "GET", "/api/process/v1/orders/PO-R-1")
        await there.call("portal", "POST", "/api/process/v1/orders", story(2)[0])
        await there.call("buyer", "GET", "/api/no/such/thing/MRN0009815")
        rows = [(each.actor, each.operation, each.version, each.object, each.status, each.code) for each in await told(there)]
        order = ("order_status", 1, "/api/process/v1/orders/PO-R-1")
        assert rows == [
            ("buyer-1", *order, 200, ""),
            ("buyer-1", "order_status", 1, "/api/process/v1/orders/PO-NOBODY", 404, "not-found"),
            ("nobody-1", *order, 403, "forbidden"),
            ("", "", 0, "", 401, "unproven"),
            ("", "", 0, "", 401, "unproven"),
            ("buyer-1", "", 0, "", 404, "no-operation"),
        ]

    opened(test)


def test_who_looked_for_a_patient_is_found_by_whoever_knows_the_number_and_the_number_by_nobody() -> None:
    async def test(there: House) -> None:
        await there.call("administrator", "GET", "/api/process/v1/trace/MRN0009815")
        (one,) = await told(there)
        wiring = there.service.wiring
        assert one.object == f"/api/process/v1/trace/{wiring.pseudonym('MRN0009815')}"
        kept = [body for _, body in wiring.journal.bodies(0, 10_000)]
        assert not any(b"MRN0009815" in each for each in kept)

    opened(test)


def test_the_writing_begins_by_itself_and_a_second_is_one_fact() -> None:
    async def test(there: House) -> None:
        for _ in range(5):
            await there.call("buyer", "GET", "/api/process/v1/orders")
        await asyncio.sleep(trail.EVERY_S + 0.5)
        facts = [row.event.data for row in there.service.wiring.journal.read(0, 10_000)]
        assert [fact.number for fact in facts if isinstance(fact, CallsAnswered)] == [5]

    opened(test)


def test_with_more_than_may_wait_no_call_is_answered_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trail, "WAITING_MOST", 3)

    async def test(there: House) -> None:
        codes = [(await there.call("buyer", "GET", "/api/process/v1/orders")).status_code for _ in range(3)]
        refused = await there.call("buyer", "GET", "/api/process/v1/orders")
        assert (codes, refused.status_code, refused.headers["retry-after"]) == ([200, 200, 200], 503, "5")
        assert [each.status for each in await told(there)] == [200, 200, 200, 503]

    opened(test)


def test_a_journal_that_does_not_answer_is_told_later_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(there: House) -> None:
        journal = there.service.wiring.journal
        commit, tries = journal.commit, iter([True])

        def lost(units: object) -> object:
            written = commit(units)  # type: ignore[arg-type]  # passed through
            if next(tries, False):
                raise Unavailable("the reply was lost")
            return written

        await there.call("buyer", "GET", "/api/process/v1/orders")
        monkeypatch.setattr(journal, "commit", lost)
        monkeypatch.setattr(trail, "EVERY_S", 0.05)
        await there.call("buyer", "GET", "/api/process/v1/orders/PO-R-1")
        await asyncio.sleep(1.5)
        assert len(await told(there)) == 2

    opened(test)


def call(number: int) -> Called:
    return Called(at=NOON, actor=f"clerk-{number}", operation="order_status", version=1, status=200, trace="ab" * 16)


def test_no_line_is_changed_or_taken_away_unseen(tmp_path: Path) -> None:
    file, key = tmp_path / "j.db", Ed25519PrivateKey.generate()
    journal = open_journal(file, b"k" * 32)
    for number in (1, 2):
        journal.commit([unit_of([call(number)])])
    seal(journal, key, NOON)
    assert verify(journal, key.public_key()) == []
    assert [each.actor for each in calls_of(journal, NOON - EVER, NOON + EVER)] == ["clerk-1", "clerk-2"]
    with closing(sqlite3.connect(file)) as insider, insider:
        insider.execute("update blobs set sealed = (select max(sealed) from blobs)")
        insider.execute("update events set body = cast(replace(body, '\"number\":1', '\"number\":7') as blob)")
    with pytest.raises(BlobDamaged):
        list(calls_of(journal, NOON - EVER, NOON + EVER))
    assert verify(journal, key.public_key())
    journal.close()


def test_the_same_calls_are_one_fact_however_often_they_are_written() -> None:
    journal = MemoryJournal(b"k" * 32)
    for _ in range(3):
        journal.commit([unit_of([call(1)])])
    assert len(journal.read(0, 10)) == 1
    assert list(calls_of(journal, NOON + timedelta(hours=1), NOON + EVER)) == []
