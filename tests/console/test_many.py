"""Many exceptions: the order is right at the first look, and what is decided about hundreds goes on in the background."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from suture.console import Desk
from suture.console.actions.bulk import AT_ONCE
from suture.console.errands import WAITING_MOST, Busy, Errands
from suture.console.queue import AGAIN_MOST, queue
from suture.journal import Event, Unit
from suture.model import Case, Decision, Money, Ref
from tests.console.conftest import NOW, Opened
from tests.console.test_work import post, trail

MANY = AT_ONCE + 30


@pytest.fixture
def many(opened: Opened) -> str:
    """More exceptions of one reason than are decided while somebody waits; the later they fall due, the more is at stake."""
    assert MANY > AGAIN_MOST
    events = [
        Event(once=f"many/{number}", kind="emitted", source="test", at=NOW, data=_case(number), root=f"many/{number}")
        for number in range(MANY)
    ]
    opened.journal.commit([Unit(events=events)])
    return "many_of_them"


def _case(number: int) -> Case:
    return Case(
        id=f"many/{number}",
        reason="many_of_them",
        text="one of many",
        objects=(Ref("Item", "GLOVE-01"),),
        owner="buyer",
        at=NOW,
        deadline=NOW + timedelta(days=number),
        money=Money(Decimal(1000 + 40 * number), "USD"),
        actions=("accept", "reject"),
    )


def order(desk: Desk) -> list[str]:
    """The queue as somebody sees it who looks now."""
    with desk.ask({}) as ask:
        return [each.row.case.id for each in queue(ask)]


def anew(opened: Opened) -> list[str]:
    """The queue as a console sees it that has just been opened."""
    return order(Desk(opened.desk.wiring, opened.desk.books, opened.clock, place="day"))


def test_the_first_look_of_a_day_ranks_everything_as_it_is_now(opened: Opened, many: str) -> None:
    before = order(opened.desk)
    assert before == anew(opened)
    opened.clock.move_to(NOW + timedelta(days=20))
    after = order(opened.desk)
    assert after == anew(opened)
    assert after != before, "what falls due has moved up"


def test_hundreds_are_decided_in_the_background_and_counted(client: TestClient, opened: Opened, many: str) -> None:
    page = f"/bulk?reason={many}"
    done = post(client, page, "/bulk/decide", verb="accept", reason="all of them agreed")
    assert done.status_code == 303
    shown = client.get(done.headers["location"])
    assert f"{MANY - AT_ONCE:,} follow in the background" in shown.text
    told = settled(client, done.headers["location"])
    assert told["progress"] == {
        "done": MANY - AT_ONCE,
        "total": MANY - AT_ONCE,
        "fates": {"decided": MANY - AT_ONCE},
        "stopped": "",
    }
    assert told["done"] == MANY
    made = [row.decision for row in trail(opened) if row.decision.reason == "all of them agreed"]
    assert {decision.subject.id for decision in made} == {f"many/{number}" for number in range(MANY)}
    assert len(made) == MANY, "each once"
    assert {decision.actor for decision in made} == {"Nia Osei"}


def settled(client: TestClient, address: str) -> dict[str, object]:
    """The page as data once nothing goes on in the background any more."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        told: dict[str, dict[str, int]] = client.get(address.replace("/bulk?", "/bulk.json?")).json()
        if told["progress"]["done"] == told["progress"]["total"]:
            return dict(told)
        time.sleep(0.05)
    raise AssertionError("the errand does not end")


def test_what_changes_under_way_is_left_out_and_counted(client: TestClient, opened: Opened, many: str) -> None:
    """Somebody else decides about the last of them after the page was drawn."""
    with opened.desk.ask({}) as ask:
        found = [each.row.case.id for each in queue(ask) if each.row.case.reason == many]
        position = ask.trail.position
    shown = client.get(f"/bulk?reason={many}").text
    assert f'value="{MANY}"' in shown
    about = Ref("Case", found[-1])
    mine = Decision(id="else", subject=about, verb="reject", actor="Lee Park", at=NOW, reason="mine", position=position)
    fields = hidden(shown)
    opened.desk.decide(mine)
    done = client.post("/bulk/decide", data={**fields, "verb": "accept", "reason": "the others"})
    assert done.status_code == 303
    fates = settled(client, done.headers["location"])["progress"]
    assert fates == {
        "done": MANY - AT_ONCE,
        "total": MANY - AT_ONCE,
        "fates": {"decided": MANY - AT_ONCE - 1, "changed meanwhile": 1},
        "stopped": "",
    }


def hidden(page: str) -> dict[str, str]:
    """What the form of a bulk decision sends along."""
    form = page[page.index('action="/bulk/decide"') :]
    pieces = [piece.split('"') for piece in form[: form.index("</form>")].split('<input type="hidden" name="')[1:]]
    return {piece[0]: piece[2] for piece in pieces}


# -- errands


def until_over(errands: Errands, id: str) -> None:
    """Wait for it."""
    errand, end = errands.of(id), time.monotonic() + 30
    assert errand is not None
    while not errand.over:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_errand_that_fails_or_is_stopped_says_so_and_the_next_is_carried_out() -> None:
    stop = threading.Event()

    def failing() -> Iterator[str]:
        yield "decided"
        raise OSError("the disk is full")

    def endless() -> Iterator[str]:
        stop.set()
        while True:
            yield "decided"

    errands = Errands(lambda: False)
    errands.begin("fails", 2, failing())
    errands.begin("works", 1, iter(["decided"]))
    until_over(errands, "works")
    failed, worked = errands.of("fails"), errands.of("works")
    assert failed is not None
    assert worked is not None
    assert (failed.done, failed.stopped) == (1, "it failed (OSError); the console's log has the cause")
    assert (worked.done, worked.stopped) == (1, "")
    closing = Errands(stop.is_set)
    closing.begin("stopped", 10**9, endless())
    until_over(closing, "stopped")
    stopped = closing.of("stopped")
    assert stopped is not None
    assert (stopped.done, stopped.stopped) == (1, "the console was stopped")


def test_only_so_many_wait() -> None:
    gate = threading.Event()

    def held() -> Iterator[str]:
        gate.wait(30)
        yield "decided"

    errands = Errands(lambda: False)
    for number in range(WAITING_MOST):
        errands.begin(str(number), 1, held())
    assert errands.begin("0", 1, held()) is errands.of("0"), "the same one again"
    with pytest.raises(Busy):
        errands.begin("one more", 1, held())
    gate.set()
    until_over(errands, str(WAITING_MOST - 1))
    errands.begin("one more", 1, iter(["decided"]))
    until_over(errands, "one more")
