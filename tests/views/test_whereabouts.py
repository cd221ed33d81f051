"""Where is X? Any number leads to the same trace: who has it, who is owed it; a long journal makes no answer slower."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest

from suture.journal import Delivery, Event, MemoryJournal, Recorded, Unit
from suture.model import Approval, Case, CaseResolved, Document, MessageReceived, OrderAcknowledgement, Parked, Ref
from suture.views import journey
from suture.views.whereabouts import near, where
from tests.journal.units import KEY, NOON, delivery, later, order, settled
from tests.views.test_journey import bought, done

MESSAGE = "supplier-alder/ZZ:ALDER:000000077/0123456789abcdef01234567"


def accepted(once: str, document: Document, cause: str = "") -> Event:
    return Event(once=once, kind="accepted", source="supplier-alder", at=NOON, data=document, cause=cause, root=once)


def came_in(once: str, file: str, *documents: Document) -> list[Event]:
    """A message in a file, and what came in it."""
    received = MessageReceived(
        id=once, instance="supplier-alder", format="x12", documents=len(documents), outcome="accepted", file=file
    )
    return [accepted(once, received), *(accepted(f"{once}#{n}", each, once) for n, each in enumerate(documents))]


def acknowledgement(order: str, number: str) -> OrderAcknowledgement:
    return OrderAcknowledgement(number=number, order=order, supplier="ALDER", at=NOON, status="accepted")


def owed(id: str, order: Document, root: str, **fields: object) -> Delivery:
    return delivery(id, document=order, root=root, **fields)


@pytest.fixture(scope="module")
def journal() -> MemoryJournal:
    """Two orders; the first was acknowledged in a file, and two systems are still owed it."""
    made = MemoryJournal(KEY)
    for name, number in (("PO-1", "77"), ("PO-2", "78")):
        events = [accepted(f"{name}/{n}", each) for n, each in enumerate(bought(name, number))]
        made.commit([Unit(events=events)])
    made.commit([Unit(events=came_in(MESSAGE, "alder-0077.edi", acknowledgement("PO-1", "SO-991")))])
    first = bought("PO-1", "77")[0]
    sent = [
        owed("1/p/PO-1/0", first, "PO-1/0", instance="inventory"),
        owed("1/p/PO-1/1", first, "PO-1/0", instance="supplier-alder"),
        owed("1/p/PO-2/0", order("PO-2"), "PO-2/0"),
    ]
    made.commit([Unit(deliveries=sent)])
    changes = [settled("1/p/PO-1/1", "awaiting", reference="000000912"), settled("1/p/PO-1/0", "sending")]
    made.commit([Unit(settlements=changes)])
    made.commit([Unit(settlements=[settled("1/p/PO-1/0", "unknown", "sending", 1, note="no reply in 10 s", due=later(60))])])
    return made


OURS = ("PO-1", "REQ-PO-1", "GR-PO-1", "ALDER:77", "PAY-PO-1", "PurchaseOrder:PO-1", "1/p/PO-1/0", "PO-1/SO-991")
THEIRS = ("45-PO-1", "SO-991", "LOT-PO-1", "SN-PO-1", "77", "BK-PO-1")
CARRIED = (MESSAGE, "ZZ:ALDER:000000077", "000000077", "alder-0077.edi", "000000912")


@pytest.mark.parametrize("id", [*OURS, *THEIRS, *CARRIED])
def test_any_identifier_finds_the_same_trace(journal: MemoryJournal, id: str) -> None:
    found, whole = journey(journal, id), journey(journal, "PO-1")
    assert [row.position for row in found.events] == [row.position for row in whole.events]
    assert [row.id for row in found.open] == ["1/p/PO-1/0", "1/p/PO-1/1"]
    assert len(whole.events) == len(bought("PO-1", "77")) + 2


def test_it_tells_who_has_it_and_who_is_owed_it(journal: MemoryJournal) -> None:
    found = where(journal, "PO-1")
    assert found is not None
    assert found.documents == (Ref("PurchaseOrder", "PO-1"),)
    assert [(held.instance, held.reference) for held in found.held] == [("erp", "45-PO-1")]
    assert [(row.instance, row.status, row.due, row.note) for row in found.owed] == [
        ("inventory", "unknown", later(60), "no reply in 10 s"),
        ("supplier-alder", "awaiting", NOON, ""),
    ]
    assert (found.cases, found.failed) == ((), ())
    assert found.last is not None
    assert found.last.event.once == f"{MESSAGE}#0"


@pytest.mark.parametrize(
    ("id", "stands_for"),
    [
        ("LOT-PO-2", ["ShipNotice:ALDER:ASN-PO-2", "GoodsReceipt:GR-PO-2"]),
        ("SN-PO-2", ["GoodsReceipt:GR-PO-2"]),
        ("78", ["Invoice:ALDER:78"]),
        ("45-PO-2", ["PurchaseOrder:PO-2"]),
        ("alder-0077.edi", ["OrderAcknowledgement:PO-1/SO-991"]),
        ("000000912", ["PurchaseOrder:PO-1"]),
        ("1/p/PO-1/0", ["PurchaseOrder:PO-1"]),
        ("Payment:PAY-PO-2", ["Payment:PAY-PO-2"]),
    ],
)
def test_a_number_stands_for_documents(journal: MemoryJournal, id: str, stands_for: list[str]) -> None:
    found = where(journal, id)
    assert found is not None
    assert [str(ref) for ref in found.documents] == stands_for


def test_what_came_in_a_message_says_in_which(journal: MemoryJournal) -> None:
    found = where(journal, "SO-991")
    assert found is not None
    assert found.origin is not None
    assert (found.origin.source, found.origin.number, found.origin.file) == (
        "supplier-alder",
        "ZZ:ALDER:000000077",
        "alder-0077.edi",
    )


def test_exceptions_are_told_while_they_are_open() -> None:
    made = MemoryJournal(KEY)
    parked = Parked(id="m#0", instance="erp", format="json", reason="unknown_item", about=(Ref("PurchaseOrder", "PO-7"),))
    case = Case(
        id="intake/m#0", reason="unknown_item", text="?", objects=(Ref("Message", "m#0"), *parked.about), owner="steward", at=NOON
    )
    made.commit([Unit(events=[accepted("m#0", parked), accepted("m#0/case", case)])])
    for id in ("PO-7", "m#0", "intake/m#0"):
        found = where(made, id)
        assert found is not None
        assert found.cases == (case,)
    resolved = CaseResolved(case=case.id, action="reject", actor="dana", at=NOON)
    made.commit([Unit(events=[accepted("x", resolved)])])
    found = where(made, "PO-7")
    assert found is not None
    assert found.cases == ()


def test_what_is_owed_again_is_no_failure() -> None:
    made = MemoryJournal(KEY)
    fate = done("erp", Ref("PurchaseOrder", "PO-1"), "").__class__
    refused = fate(
        delivery="d",
        role="erp",
        instance="erp",
        document=Ref("PurchaseOrder", "PO-1"),
        outcome="refused",
        at=NOON,
        reason="closed",
    )
    made.commit([Unit(events=[accepted("a", order("PO-1")), accepted("b", refused)], deliveries=[owed("d", order("PO-1"), "a")])])
    made.commit([Unit(settlements=[settled("d", "refused")])])
    found = where(made, "PO-1")
    assert found is not None
    assert (found.failed, found.owed) == ((refused,), ())
    made.commit([Unit(settlements=[settled("d", "queued", "refused")])])
    found = where(made, "PO-1")
    assert found is not None
    assert (found.failed, [row.id for row in found.owed]) == ((), ["d"])


def test_the_request_of_an_approval_is_found() -> None:
    made = MemoryJournal(KEY)
    subject = Ref("Requisition", "R-1")
    approval = Approval(id="A-1", request="AR-1", subject=subject, approver="kim", decision="approve", at=NOON)
    made.commit([Unit(events=[accepted("a", approval)])])
    assert [row.event.once for row in journey(made, "AR-1").events] == ["a"]


# -- the unknown


@pytest.mark.parametrize(
    ("id", "offered"),
    [
        ("po-1", ["PO-1"]),
        ("PO-19", ["PO-1"]),
        ("PO-9", ["PO-1", "PO-2"]),
        ("gr-po", ["GR-PO-1", "GR-PO-2"]),
        ("SO-99", ["SO-991"]),
        ("ZEBRA", []),
        ("", []),
    ],
)
def test_what_is_nearly_right_is_offered(journal: MemoryJournal, id: str, offered: list[str]) -> None:
    assert where(journal, id) is None
    assert [name for name in near(journal, id) if name in offered] == offered


def test_offers_are_few() -> None:
    made = MemoryJournal(KEY)
    made.commit([Unit(events=[accepted(f"e{n}", order(f"PO-{n:06}")) for n in range(100)])])
    assert near(made, "PO-9", 3) == ["PO-000000", "PO-000001", "PO-000002"]


# -- cost


class Counting(MemoryJournal):
    """Counts the rows that are answered."""

    rows = 0

    def _counted(self, found: list[Recorded]) -> list[Recorded]:
        self.rows += len(found)
        return found

    def find(self, ref: Ref, limit: int = 1000) -> list[Recorded]:
        return self._counted(super().find(ref, limit))

    def read(self, after: int, limit: int) -> list[Recorded]:
        return self._counted(super().read(after, limit))

    def owed(self, roots: Iterable[str], limit: int = 1000) -> list[Delivery]:
        found = super().owed(roots, limit)
        self.rows += len(found)
        return found

    def open_deliveries(self, instance: str = "", status: str = "", limit: int = 1000) -> list[Delivery]:
        found = super().open_deliveries(instance, status, limit)
        self.rows += len(found) if status else 0
        return found


def orders(count: int) -> Iterator[Event]:
    for number in range(count):
        for index, document in enumerate(bought(f"PO-{number}", f"{7000 + number}")):
            yield accepted(f"{number}/{index}", document)


def test_a_long_history_costs_an_answer_nothing() -> None:
    cost = []
    for count in (3, 300):
        made = Counting(KEY)
        made.commit([Unit(events=list(orders(count)))])
        made.commit([Unit(deliveries=[owed(f"d{n}", order(f"PO-{n}"), f"{n}/0") for n in range(count)])])
        for id in ("PO-1", "LOT-PO-1", "7001", "BK-PO-1", "GR-PO-1"):
            assert where(made, id) is not None
        cost.append(made.rows)
    assert cost[0] == cost[1]


def test_what_everything_hangs_on_is_cut_short() -> None:
    made = Counting(KEY)
    made.commit([Unit(events=list(orders(400)))])
    found = journey(made, "ALDER")
    assert found.cut
    assert len(found.events) <= 2000
    assert made.rows <= 4500
    assert where(made, "ALDER") is not None
