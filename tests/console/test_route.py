"""Routing from end to end: an exception, another system of the role, the arrival there, and the same story from everybody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs
from starlette.testclient import TestClient

from suture.console import Desk, Sessions, console_app
from suture.gateway import Caller
from suture.journal import MemoryJournal
from suture.journal.seal import seal
from suture.model import Decision, Delivered, Ref
from suture.processes.rehearsal import START
from suture.runtime.clock import ManualClock
from suture.runtime.network import Instance, Network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.sandbox.still import Still
from suture.transports import HttpReply
from suture.views import history, ledger
from suture.views.exceptions import exceptions
from suture.views.kept import kept_books
from suture.views.ledger import balance
from suture.views.story import tell
from suture.views.whereabouts import where
from tests.console.conftest import ALL
from tests.console.test_work import post
from tests.small_network import MASTERS, SYSTEMS, Peers, arrivals, instances, story
from tests.verifier.exports import SIGNER, exported, judged

ORDER = "PO-R-1"


class Stuck:
    """An order whose inventory takes nothing until its delivery is given up; the inventory of the other house works."""

    def __init__(self, folder: Path) -> None:
        self.peers, self.clock = Peers(), ManualClock(START)
        self.network = Network(name="two", instances=tuple(_two(instances())))
        wiring = Wiring(MemoryJournal(b"k" * 32), self.network, privacy_key=b"p" * 32, systems=SYSTEMS)
        links = {each.name: self.peers.link(each.name) for each in self.network.instances}
        self.still = Still(wiring, self.clock, {**links, "inventory": lambda request: HttpReply(status=503, body=b"{}")})
        publish(wiring, MASTERS, START)
        self.journal = wiring.journal
        self.still.accept(arrivals(story(1))[0])
        self.still.settle()
        self.books = folder / "two.ledger"
        self.desk, self.sessions = Desk(wiring, self.books, self.clock, place="two"), Sessions("suture-test", folder / "sessions")
        self.given_up()

    def given_up(self) -> None:
        """Let time pass until nobody tries any more."""
        while not self.parked():
            self.clock.move_to(self.clock.now() + timedelta(hours=1))
            self.still.settle()

    def parked(self) -> list[str]:
        """The deliveries that wait for a person."""
        return [row.id for row in self.journal.open_deliveries("inventory", limit=10) if row.status == "parked"]

    def client(self) -> TestClient:
        """An operator."""
        app = console_app(self.desk, self.sessions)
        client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
        client.get(f"/enter/{self.sessions.invite(Caller(subject='Nia Osei', roles=ALL), self.clock.now())}")
        return client

    def settle_the_rest(self) -> None:
        """The supplier has the order, as it says on the telephone, and what it is late with is put up with."""
        waiting = [Ref("Delivery", row.id) for row in self.journal.open_deliveries("supplier", limit=10)]
        late = [Ref("Case", row.case.id) for row in exceptions(history(self.journal)) if "accept" in row.case.actions]
        for subject in (*waiting, *late):
            verb = "confirm" if subject.type == "Delivery" else "accept"
            position = max(row.position for row in history(self.journal))
            decision = Decision(
                id=f"rest/{subject.id}",
                subject=subject,
                verb=verb,
                actor="Nia Osei",
                at=self.clock.now(),
                reason="asked them",
                position=position,
            )
            self.desk.decide(decision)
        self.still.settle()


def _two(network: tuple[Instance, ...]) -> Iterator[Instance]:
    for each in network:
        yield structs.replace(each, facilities=("NSH",)) if each.name == "inventory" else each
        if each.name == "inventory":
            yield structs.replace(each, name="inventory-lake", facilities=("LKG",))


@pytest.fixture
def stuck(tmp_path: Path) -> Stuck:
    return Stuck(tmp_path)


def test_a_routed_delivery_arrives_elsewhere_and_everybody_says_so(stuck: Stuck) -> None:
    client, [delivery] = stuck.client(), stuck.parked()
    page = f"/exception?id=delivery/{delivery}"
    assert client.get(page.replace("?", ".json?")).json()["routes"] == ["inventory-lake"]
    done = post(client, page, "/route", instance="inventory-lake", reason="the system is down for the week")
    assert done.status_code == 303
    assert ledger(history(stuck.journal)).by_name["Requisition"] == {"in_flight": 1}, "the other one has not taken it yet"
    stuck.still.settle()
    stuck.settle_the_rest()

    # the twins: it is there once, under the key of this obligation, and never here
    told = [body for _, body in stuck.peers.told("inventory-lake")]
    assert len(told) == 1
    assert ORDER.encode() in told[0]
    assert stuck.peers.told("inventory") == []

    # the journal: one end for each obligation, and the exception is closed
    ends = {row.event.data.delivery: row.event.data for row in history(stuck.journal) if isinstance(row.event.data, Delivered)}
    assert ends[delivery].outcome == "cancelled"
    assert (ends[f"{delivery}/to/inventory-lake"].outcome, ends[f"{delivery}/to/inventory-lake"].instance) == (
        "done",
        "inventory-lake",
    )
    assert client.get(page.replace("?", ".json?")).json()["state"] == "closed"

    # the ledger: delivered, and balanced, made anew as well as kept
    anew = ledger(history(stuck.journal))
    assert anew.balanced, anew.strays
    assert anew.by_name["Requisition"] == {"delivered": 1}
    assert anew.by_instance["inventory"] == {"owed": 1, "cancelled": 1}
    assert anew.by_instance["inventory-lake"] == {"owed": 1, "done": 1}
    seal(stuck.journal, SIGNER, stuck.clock.now())
    theirs = judged(exported(stuck.journal, stuck.books.with_suffix(".jsonl")))
    assert theirs.sound, theirs.findings
    assert theirs.balance.states == {state: getattr(anew, state) for state in theirs.balance.states}
    with kept_books(stuck.journal, stuck.books) as books:
        assert balance(books) == anew

    # the journey: nothing is owed any more, the other system has it, and in words where it went
    place = where(stuck.journal, f"{delivery}/to/inventory-lake")
    assert place is not None
    assert [held.instance for held in place.held] == ["inventory-lake"]
    assert place.owed == ()
    told_so = f"ExpectedReceipt {ORDER}/1: goes to inventory-lake instead"
    assert [tell(row.event) for row in history(stuck.journal)].count(told_so) == 1
    assert told_so in client.get(f"/documents?id={delivery}").text
    assert "closed by Nia Osei: route" in client.get(f"/documents?id={ORDER}").text


def test_a_delivery_that_is_given_up_is_still_compensated(stuck: Stuck) -> None:
    """To cancel is another thing than to route."""
    client, [delivery] = stuck.client(), stuck.parked()
    page = f"/exception?id=delivery/{delivery}"
    assert post(client, page, "/decide", verb="cancel", reason="it was wanted no more").status_code == 303
    stuck.still.settle()
    stuck.settle_the_rest()
    assert ledger(history(stuck.journal)).by_name["Requisition"] == {"compensated": 1}


class Trying(Stuck):
    """The same, while it is still being tried."""

    def given_up(self) -> None:
        """Three hours pass."""
        self.still.until(self.clock.now() + timedelta(hours=3))


def test_the_page_of_a_system_tells_how_sending_stands(tmp_path: Path) -> None:
    stuck = Trying(tmp_path)
    client = stuck.client()
    [waiting] = stuck.journal.open_deliveries("inventory", limit=10)
    told = client.get("/system.json?name=inventory").json()
    assert waiting.attempts > 1
    assert told["trying"] == {
        "looked_at": 1,
        "in_vain": 1,
        "attempts": waiting.attempts,
        "said": waiting.note,
        "next": f"{waiting.due:%Y-%m-%dT%H:%M:%S}{waiting.due:.%f}".rstrip("0").rstrip(".") + "Z",
    }
    assert told["one"]["case"] == "instance/inventory/out_of_reach"
    page = client.get("/system?name=inventory").text
    assert f"{waiting.attempts:,} times: {waiting.note}" in page
    assert client.get("/system.json?name=inventory-lake").json()["trying"] is None
