"""Publishing: the house's own masters and policies, the latest word of each, every version and every price kept."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from suture.journal import MemoryJournal
from suture.model import Document, Supplier
from suture.processes.masters import PROCESS, Filed
from suture.runtime.network import Network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from tests.runtime.house import NOON

ACTIVE = Supplier(id="ALDER", name="Alder Medical Supply Co")
BLOCKED = Supplier(id="ALDER", name="Alder Medical Supply Co", status="blocked")


@pytest.fixture
def wiring() -> Wiring:
    """A house that knows its masters and nothing else."""
    return Wiring(MemoryJournal(b"k" * 32), Network(name="n"), privacy_key=b"p" * 32, systems={}, processes={"masters": PROCESS})


def filed(wiring: Wiring, key: str) -> Sequence[Document]:
    """What decisions find under a key."""
    stored = wiring.journal.states([("masters", key)]).get(("masters", key))
    return msgspec.json.decode(stored.data, type=Filed).documents if stored else ()


def test_the_same_word_is_said_once(wiring: Wiring) -> None:
    assert [publish(wiring, [ACTIVE], NOON) for _ in range(2)] == [1, 0]


def test_going_back_to_an_earlier_word_is_a_new_one(wiring: Wiring) -> None:
    assert [publish(wiring, [word], NOON) for word in (ACTIVE, BLOCKED, ACTIVE)] == [1, 1, 1]
    assert filed(wiring, "Supplier:ALDER") == (ACTIVE,)


def test_the_last_word_of_one_file_counts(wiring: Wiring) -> None:
    assert [publish(wiring, [ACTIVE, BLOCKED], NOON) for _ in range(2)] == [1, 0]
    assert filed(wiring, "Supplier:ALDER") == (BLOCKED,)


def test_a_file_that_did_not_change_does_not_undo_what_its_owner_said_since(wiring: Wiring) -> None:
    publish(wiring, [ACTIVE], NOON)
    publish(wiring, [BLOCKED], NOON, source="erp")
    assert publish(wiring, [ACTIVE], NOON) == 0
    assert filed(wiring, "Supplier:ALDER") == (BLOCKED,)
