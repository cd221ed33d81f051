"""The trail: the last word about a subject is found at once, and what is forgotten is forgotten whole."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from suture.journal import Event, MemoryJournal, Unit
from suture.model import Decision, Ref
from suture.views import trail as module
from suture.views.trail import Trail

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def decided(journal: MemoryJournal, number: int, about: str, type: str = "Case") -> None:
    """Somebody decides about a case."""
    data = Decision(
        id=f"d{number}", subject=Ref(type, about), verb=f"v{number}", actor="nia", at=NOON, reason="looked", position=0
    )
    journal.commit([Unit(events=[Event(once=f"d{number}", kind="commanded", source="nia", at=NOON, data=data)])])


def test_the_last_word_is_the_latest_and_is_forgotten_with_its_decision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DECISIONS_MOST", 3)
    journal, trail = MemoryJournal(b"k" * 32), Trail()
    for number, about in enumerate(("a", "b", "a", "c"), start=1):
        decided(journal, number, about)
    trail.catch_up(journal)
    assert trail.dropped == 1
    assert [each.decision.id for each in trail.decisions] == ["d2", "d3", "d4"]
    words = {about: found.decision.verb for about in "abcd" if (found := trail.last(about))}
    assert words == {"a": "v3", "b": "v2", "c": "v4"}, "the older word about a went, the later one stayed"
    decided(journal, 5, "c")
    trail.catch_up(journal)
    assert trail.last("b") is None
    last = trail.last("c")
    assert last is not None
    assert last.decision.verb == "v5"


def test_a_note_is_no_last_word() -> None:
    journal, trail = MemoryJournal(b"k" * 32), Trail()
    decided(journal, 1, "a")
    decided(journal, 2, "a", "Note")
    trail.catch_up(journal)
    last = trail.last("a")
    assert last is not None
    assert last.decision.id == "d1"
    assert len(trail.decisions) == 2, "the audit shows both"
