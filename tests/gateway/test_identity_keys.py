"""API keys: shown once, known by a digest, narrowed, ended by time, rotation and revocation, and journaled."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from suture.gateway import Access
from suture.gateway.identity import Grant, Identity, Settings, Unproven, api_keys
from suture.journal.memory import MemoryJournal
from suture.model import Ref
from suture.runtime.clock import ManualClock

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
SUPPLIER = Grant(roles=("supplier",), scopes=("orders.read", "invoices.submit"), supplier="SUP-1")
BY = {"actor": "ines", "reason": "new partner"}


class House:
    """A journal, a clock and a door."""

    def __init__(self) -> None:
        self.journal, self.clock = MemoryJournal(), ManualClock(NOW)
        self.door = Identity(Settings(), self.journal, self.clock)

    def make(self, grant: Grant = SUPPLIER, lives: timedelta = timedelta(days=90)) -> str:
        return api_keys.make(self.journal, Access(), "acme", grant, now=self.clock.now(), lives=lives, **BY)

    def asks(self, key: str) -> object:
        return asyncio.run(self.door.caller({"x-api-key": key}, "127.0.0.1", "GET", "http://h/v1/orders"))


@pytest.fixture
def house() -> House:
    return House()


def test_the_holder_is_who_the_key_was_made_for(house: House) -> None:
    caller = house.asks(house.make())
    assert (caller.subject, caller.roles, caller.supplier, caller.kind) == ("key/acme", ("supplier",), "SUP-1", "machine")
    assert caller.scopes == SUPPLIER.scopes
    assert caller.until == NOW + timedelta(days=90)


def test_nothing_that_is_kept_opens_anything(house: House) -> None:
    key = house.make()
    kept = b"".join(body for _, body in house.journal.bodies(0, 100))
    assert key.encode() not in kept
    assert key[21:].encode() not in kept
    assert api_keys.digest(key[21:]).encode() in kept


@pytest.mark.parametrize("wrong", ["", "suk_", "x" * 64, "suk_0123456789abcdef_" + "A" * 43])
def test_what_is_no_key_opens_nothing(house: House, wrong: str) -> None:
    house.make()
    with pytest.raises(Unproven) as refused:
        house.asks(wrong)
    assert refused.value.challenge == 'ApiKey realm="suture"'


def test_one_letter_less_is_told_as_an_unknown_key_is(house: House) -> None:
    key = house.make()
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    with pytest.raises(Unproven) as near:
        house.asks(wrong)
    with pytest.raises(Unproven) as far:
        house.asks("suk_0123456789abcdef_" + "A" * 43)
    assert near.value.why == far.value.why


def test_a_key_ends_with_its_time(house: House) -> None:
    key = house.make(lives=timedelta(hours=1))
    house.clock.move_to(NOW + timedelta(hours=1))
    with pytest.raises(Unproven):
        house.asks(key)


def test_rotation_leaves_time_to_change_over(house: House) -> None:
    old = house.make()
    new = api_keys.rotate(house.journal, old[:20], now=NOW, overlap=timedelta(days=2), actor="ines", reason="yearly")
    assert house.asks(old).roles == house.asks(new).roles
    house.clock.move_to(NOW + timedelta(days=2))
    assert house.asks(new).supplier == "SUP-1"
    with pytest.raises(Unproven):
        house.asks(old)


def test_a_revoked_key_is_dead_within_a_second_and_for_good(house: House) -> None:
    key = house.make()
    assert house.asks(key)
    api_keys.revoke(house.journal, key[:20], now=NOW, actor="ines", reason="found in a mail")
    assert house.asks(key)  # in another process it is remembered for a second
    house.clock.move_to(NOW + timedelta(seconds=1))
    with pytest.raises(Unproven):
        house.asks(key)
    with pytest.raises(api_keys.NoSuchKey):
        api_keys.rotate(house.journal, key[:20], now=NOW, actor="ines", reason="try to revive it")


def test_a_revoked_key_is_dead_at_once_where_it_was_revoked(house: House) -> None:
    key = house.make()
    assert house.asks(key)
    api_keys.revoke(house.journal, key[:20], now=NOW, actor="ines", reason="found in a mail")
    house.door.forget()
    with pytest.raises(Unproven):
        house.asks(key)


@pytest.mark.parametrize("roles", [("clerk",), ("treasurer",), ("administrator",), ("supplier",), ("nobody-declared-this",)])
def test_no_key_is_worth_what_is_a_persons(house: House, roles: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"person|whose supplier|no role"):
        house.make(Grant(roles=roles))


def test_who_did_what_and_why_is_in_the_journal(house: House) -> None:
    key = house.make()
    api_keys.revoke(house.journal, key[:20], now=NOW, actor="omar", reason="partner left")
    said = [row.event.data for row in house.journal.find(Ref(api_keys.KEY, key[:20]))]
    assert [(word.verb, word.actor, word.reason) for word in said] == [
        ("make", "ines", "new partner"),
        ("revoke", "omar", "partner left"),
    ]
    assert [each.name for each in api_keys.keys(house.journal)] == ["acme"]


@pytest.mark.parametrize(("actor", "reason"), [("", "why"), ("ines", "  "), ("ines", "x" * 1001)])
def test_nobody_makes_a_key_without_a_name_and_a_reason(house: House, actor: str, reason: str) -> None:
    with pytest.raises(ValueError, match="reason"):
        api_keys.make(house.journal, Access(), "acme", SUPPLIER, actor=actor, reason=reason, now=NOW)
    assert not house.journal.read(0, 10)


def test_no_key_is_for_ever(house: House) -> None:
    with pytest.raises(ValueError, match="400 days"):
        house.make(lives=timedelta(days=401))
