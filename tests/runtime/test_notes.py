"""Notes, answers and routing: each journaled once, refused where the state has moved on or duties forbid it."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec import structs

from suture.journal import MemoryJournal, Recorded
from suture.model import Approval, ApprovalRequest, Decision, Ref, RequisitionStatus
from suture.runtime.command import NoSuchThing, Stale
from suture.runtime.network import Network
from suture.runtime.notes import against, answer, note, question, route
from suture.runtime.wiring import Wiring
from suture.sandbox.group import MORNING
from suture.sandbox.simulator.plan import Plan
from suture.sandbox.simulator.world import World


def decision(subject: Ref, verb: str, actor: str, position: int, at: datetime = MORNING, **values: str) -> Decision:
    """What a person decides."""
    id = f"{actor}-{verb}-{subject.id}-{position}"
    return Decision(id=id, subject=subject, verb=verb, actor=actor, at=at, reason="agreed", position=position, values=values)


# -- notes


@pytest.fixture
def wiring() -> Wiring:
    return Wiring(MemoryJournal(b"k" * 32), Network(name="none"), privacy_key=bytes(32))


def test_a_note_is_journaled_once_and_moves_nothing(wiring: Wiring) -> None:
    made = decision(Ref("Note", "some/case"), "snooze", "nia", 0, count="3")
    assert note(wiring, made) == "noted"
    assert "repeat" in note(wiring, made)
    [row] = wiring.journal.read(0, 10)
    assert (row.event.kind, row.event.source, row.event.data) == ("commanded", "nia", made)
    assert wiring.journal.work(range(wiring.journal.partitions), 10) == []
    assert wiring.journal.find(Ref("Case", "some/case")) == [], "whoever reads decisions about the case does not see it"


def test_what_is_not_there_is_neither_answered_nor_routed(wiring: Wiring) -> None:
    with pytest.raises(NoSuchThing):
        answer(wiring, decision(Ref("ApprovalRequest", "none"), "approve", "nia", 0))
    with pytest.raises(NoSuchThing):
        route(wiring, decision(Ref("Delivery", "none"), "route", "nia", 0, instance="erp"))
    assert wiring.journal.read(0, 10) == []


# -- questions


@pytest.fixture
def asked() -> tuple[World, ApprovalRequest]:
    """A world in which somebody waits for an approval."""
    world = World(Plan(seed=4, scenario="questions", requisitions=8, usages=0, days=1, step_s=1800, faults=()))
    world._plan()
    world._step(MORNING)
    while not (waiting := _unanswered(world)):
        moment = world._next()
        assert moment is not None
        world._step(moment)
    return world, waiting[0]


def _unanswered(world: World) -> list[ApprovalRequest]:
    rows = [row.event.data for row in world.disk.read(0, 100_000)]
    answered = {row.request for row in rows if isinstance(row, Approval)}
    questions = [row for row in rows if isinstance(row, ApprovalRequest) and row.id not in answered]
    return [row for row in questions if row.subject.type == "Requisition"]


def _last(world: World) -> Recorded:
    return world.disk.read(0, 100_000)[-1]


def test_an_approval_in_the_console_counts_as_any_other(asked: tuple[World, ApprovalRequest]) -> None:
    world, request = asked
    still, now = world.still, world.clock.now()
    assert still is not None
    made = decision(Ref("ApprovalRequest", request.id), "approve", "cfo-1", _last(world).position, now)
    assert question(still.wiring, request.id) == request
    assert "approve told" in answer(still.wiring, made)
    assert "repeat" in answer(still.wiring, structs_moved(made, _last(world).position))
    still.settle()
    states = [row.event.data for row in world.disk.find(request.subject) if isinstance(row.event.data, RequisitionStatus)]
    assert states[-1].state in ("approved", "ordered")
    answers = [row.event.data for row in world.disk.find(request.subject) if isinstance(row.event.data, Approval)]
    assert [one.approver for one in answers] == ["cfo-1"]


def structs_moved(made: Decision, position: int) -> Decision:
    """The same decision, sent again by somebody who sees what came of it."""
    return structs.replace(made, position=position)


def test_nobody_approves_for_themselves_over_their_limit_or_on_an_old_state(asked: tuple[World, ApprovalRequest]) -> None:
    world, request = asked
    still, subject, position = world.still, Ref("ApprovalRequest", request.id), _last(world).position
    assert still is not None
    assert "requested it" in against(still.wiring, request, request.requester, still.clock.now())
    assert "not known" in against(still.wiring, request, "a stranger", still.clock.now())
    assert against(still.wiring, request, "cfo-1", still.clock.now()) == ""
    for actor in (request.requester, "a stranger"):
        with pytest.raises(ValueError, match=r"requested it|not known"):
            answer(still.wiring, decision(subject, "approve", actor, position))
    with pytest.raises(Stale):
        answer(still.wiring, decision(subject, "approve", "cfo-1", 0))
    with pytest.raises(ValueError, match="takes approve or reject"):
        answer(still.wiring, decision(subject, "burn", "cfo-1", position))
    assert _last(world).position == position
