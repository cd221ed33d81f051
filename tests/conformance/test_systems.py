"""What every system owes: one suite over whatever is found in ``suture.systems``.

The laws, where S is a system, T a document type that it accepts, and d a valid document of that type:

1. S says what it is: title, role, evidence, existing formats; and in its notes why an outcome cannot be settled by key.
2. The outcome class of T can be acted upon: look-up, read-back and statement come with a probe.
3. A conversation about d ends in an outcome within the limit, whatever the peer answers, and the outcome is the right one: never
   "done" where the peer said no, "again" only where it certainly was not taken, "refused" only where the peer spoke.
4. The same d and call make the same requests, so that a repeat under a key is a repeat for the peer too.
5. Looking changes nothing; no request carries a credential.
6. Against the twin: a reply or a request that was lost costs no document and makes none twice.
7. A listing says which documents show in it; asking changes nothing, and an answer that is no list is never an empty list.
   Against the twin: what was sent is listed, once, as the listing says that it should be.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from suture.extensions import found
from suture.formats import Format, Profile, Stamp, formats
from suture.model import (
    DOCUMENTS,
    BankAccount,
    Document,
    FunctionalAcknowledgement,
    GoodsReceipt,
    Money,
    OrderChange,
    OrderLine,
    PaymentInstruction,
    Posting,
    PostingLine,
    Price,
    PurchaseOrder,
    Quantity,
)
from suture.rules.reconciling import differs
from suture.runtime.deliver import conversation
from suture.runtime.drive import LONGEST, drive_at_once
from suture.sandbox.group import invent
from suture.sandbox.stage import Stage
from suture.sandbox.twins.ap import ApTwin
from suture.sandbox.twins.erp import Booked, ErpTwin
from suture.sandbox.twins.inventory import InventoryTwin
from suture.sandbox.twins.procurement import ProcurementTwin
from suture.sandbox.twins.twin import Agenda, RestTwin
from suture.systems import Again, Awaiting, Call, Done, Listing, NotListed, Operation, Outcome, Refused, Steps, System, Unsure
from suture.transports import Drop, Http, HttpReply, NoReply, NotSent, Reply, Request, Taken
from tests.strategies import document

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SYSTEMS = found("suture.systems", "SYSTEM", System)
FORMATS: dict[str, Format] = dict(formats())
PAIRS = [(system, kind) for system in SYSTEMS.values() for kind in system.accepts]
#: What the partners of each system have agreed on, where it cannot speak without it.
PROFILE = Profile(options={"debtor_name": "Alpine Care Trust", "debtor_account": "CH9300762011623852957"})
#: A password as an instance may have it; it must not be seen in any request but Tryton's login, which is its protocol.
OPTIONS = {"database": "erp", "user": "suture", "password": "hush-hush-4711"}
QUICK = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))

every_system = pytest.mark.parametrize("system", SYSTEMS.values(), ids=lambda system: system.name)


def these(pairs: list[tuple[System, type[Document]]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("system", "kind"), [pytest.param(*pair, id=f"{pair[0].name}:{pair[1].__name__}") for pair in pairs]
    )


every_operation = these(PAIRS)
every_look = these([(system, kind) for system, kind in PAIRS if system.accepts[kind].probe is not None])
every_rest_operation = these([(system, kind) for system, kind in PAIRS if system.name.endswith("_rest")])

ORDER = PurchaseOrder(
    id="PO-1001",
    requisition="REQ-1",
    entity="NORTH",
    facility="NSH",
    supplier="ALDER",
    ship_to="NSH-DOCK",
    currency="USD",
    ordered_at=NOW,
    lines=(
        OrderLine(
            number=1,
            item="A70001",
            quantity=Quantity(Decimal(4), "BX"),
            price=Price(Decimal("8.50"), "USD", Quantity(Decimal(1), "BX")),
            cost_center="CC-NSH-OR",
        ),
    ),
)
PAYMENT = PaymentInstruction(
    id="PAY-1",
    entity="NORTH",
    supplier="ALDER",
    creditor=BankAccount("Alder Medical Supply Co", "DE89370400440532013000"),
    amount=Money(Decimal("34.00"), "EUR"),
    execute_on=date(2026, 3, 4),
    invoices=("ALDER:INV-1",),
)

Mood = HttpReply | type[Exception]
MOODS: dict[str, Mood] = {
    "created": HttpReply(status=201, body=b'{"number": "4500000001"}'),
    "empty": HttpReply(status=204),
    "garbage": HttpReply(status=200, body=b"\xff\xfe<html>Sign in to the guest network</html>"),
    "strange": HttpReply(status=200, body=b'[1, {"items": 3}]'),
    "moved": HttpReply(status=302, headers={"location": "https://elsewhere.example/"}),
    "barred": HttpReply(status=401),
    "no such path": HttpReply(status=404),
    "conflict": HttpReply(status=409, body=b'{"title": "in progress"}'),
    "unprocessable": HttpReply(status=422, body=b'{"detail": "unknown vendor"}'),
    "too many": HttpReply(status=429, headers={"retry-after": "7"}),
    "broken": HttpReply(status=500, body=b"Traceback"),
    "maintenance": HttpReply(status=503),
    "not sent": NotSent,
    "no reply": NoReply,
}
#: What each answer to a POST of a REST system means.
REST: dict[str, type[Outcome]] = {
    "created": Done,
    "empty": Done,
    "garbage": Unsure,
    "strange": Unsure,
    "moved": Unsure,
    "barred": Again,
    "no such path": Refused,
    "conflict": Unsure,
    "unprocessable": Refused,
    "too many": Again,
    "broken": Unsure,
    "maintenance": Again,
    "not sent": Again,
    "no reply": Unsure,
}
#: What no system may make of an answer, whatever its protocol.
FORBIDDEN: dict[str, tuple[type[Outcome], ...]] = {
    "moved": (Refused,),
    "barred": (Done, Awaiting, Refused),
    "no such path": (Done, Awaiting),
    "conflict": (Done, Awaiting),
    "unprocessable": (Done,),
    "too many": (Done, Awaiting, Refused, Unsure),
    "broken": (Done, Awaiting, Refused),
    "maintenance": (Done, Awaiting, Refused),
    "not sent": (Done, Awaiting, Refused, Unsure),
    "no reply": (Done, Awaiting, Refused, Again),
}


def call(document: Document, key: str = "E-1") -> Call:
    return Call(
        key=key,
        id=str(getattr(document, "id", "D-1")),
        stamp=Stamp(number=4711, at=NOW.isoformat()),
        profile=PROFILE,
        options=OPTIONS,
        body=b"ISA*acknowledged~",
    )


class Answering:
    """A peer in one mood; it keeps the requests. A folder has no words: it takes a file, or the file does not get there."""

    def __init__(self, mood: Mood) -> None:
        self.mood = mood
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> Reply:
        self.asked.append(request)
        if not isinstance(self.mood, HttpReply):
            raise self.mood("as the test says")
        return self.mood if isinstance(request, Http) else Taken()


def drawn(data: st.DataObject, kind: type[Document]) -> Any:
    return data.draw(document(kind))


# -- laws 1 and 2: what it says of itself


@every_system
def test_a_system_says_what_it_is(system: System) -> None:
    assert system.title
    assert system.role
    assert system.evidence
    assert set(system.evidence) <= {"real", "simulator", "twin"}
    assert system.rate_per_s > 0
    assert system.concurrency > 0
    assert system.timeout_s > 0
    assert system.accepts or system.channels or system.polls
    assert {*system.accepts, *system.emits} <= set(DOCUMENTS.values())
    if any(operation.outcome != "key" for operation in system.accepts.values()):
        assert len(system.notes) > 40, "say how a doubtful outcome becomes known"


@every_system
def test_its_ways_in_have_formats_that_read_what_it_emits(system: System) -> None:
    ways = [(way.name, way.format) for way in system.channels] + [(poll.name, poll.format) for poll in system.polls]
    assert len({name for name, _ in ways}) == len(ways)
    readable = {kind for _, name in ways for kind in FORMATS[name].reads}
    assert set(system.emits) <= readable


@every_operation
def test_a_doubtful_outcome_can_become_known(system: System, kind: type[Document]) -> None:
    operation = system.accepts[kind]
    assert operation.outcome in ("key", "lookup", "readback", "statement", "none")
    if operation.outcome == "key":
        assert operation.probe is None or operation.key_lives_s < float("inf"), "a key that is never forgotten needs no look"
    else:
        assert (operation.probe is not None) == (operation.outcome != "none")


# -- law 3: every conversation ends, in the right outcome


@pytest.mark.parametrize("mood", MOODS)
@every_operation
@given(data=st.data())
@settings(QUICK, max_examples=3)
def test_every_conversation_ends_in_the_right_outcome(
    system: System, kind: type[Document], mood: str, data: st.DataObject
) -> None:
    d, peer = drawn(data, kind), Answering(MOODS[mood])
    outcome = drive_at_once(system.accepts[kind].send(d, call(d)), peer)
    assert isinstance(outcome, Outcome)
    assert len(peer.asked) <= LONGEST
    if not peer.asked:
        assert isinstance(outcome, Refused)  # the format, or the agreement, has no words for it
    elif all(isinstance(request, Http) for request in peer.asked) or not isinstance(MOODS[mood], HttpReply):
        assert not isinstance(outcome, FORBIDDEN.get(mood, ()))
    if system.name.endswith("_rest"):
        assert isinstance(outcome, REST[mood])
    if isinstance(outcome, Again) and mood == "too many":
        assert outcome.after_s > 0


@pytest.mark.parametrize("mood", MOODS)
@every_look
@given(data=st.data())
@settings(QUICK, max_examples=2)
def test_a_look_says_done_only_if_it_saw_it(system: System, kind: type[Document], mood: str, data: st.DataObject) -> None:
    operation = system.accepts[kind]
    assert operation.probe is not None
    d, peer = drawn(data, kind), Answering(MOODS[mood])
    outcome = drive_at_once(operation.probe(d, call(d)), peer)
    if operation.outcome == "statement":
        assert isinstance(outcome, Awaiting)
        assert not peer.asked
    else:
        assert not isinstance(outcome, Done | Awaiting)
        assert not (isinstance(outcome, Again) and mood in ("empty", "garbage", "strange")), (
            "nothing was seen, so it is not absent"
        )


def test_retry_after_is_the_peers_wish_within_a_day() -> None:
    send = SYSTEMS["ap_rest"].accepts[PurchaseOrder].send
    wishes = {"7": 7.0, "0.5": 0.5, "999999999": 86_400.0, "Wed, 21 Oct 2026 07:28:00 GMT": 1.0, "": 1.0, "-5": 1.0}
    for wish, seconds in wishes.items():
        outcome = drive_at_once(send(ORDER, call(ORDER)), Answering(HttpReply(status=429, headers={"retry-after": wish})))
        assert outcome == Again(reason="HTTP 429", after_s=seconds)


# -- laws 4 and 5: what is said


@every_operation
@given(data=st.data())
@QUICK
def test_the_same_document_makes_the_same_requests(system: System, kind: type[Document], data: st.DataObject) -> None:
    d, operation = drawn(data, kind), system.accepts[kind]
    first, second = Answering(MOODS["created"]), Answering(MOODS["created"])
    assert drive_at_once(operation.send(d, call(d)), first) == drive_at_once(operation.send(d, call(d)), second)
    assert first.asked == second.asked


@every_operation
@given(data=st.data())
@QUICK
def test_no_request_carries_a_credential(system: System, kind: type[Document], data: st.DataObject) -> None:
    """Tryton's protocol asks for the password at login, and only there."""
    d, peer = drawn(data, kind), Answering(MOODS["created"])
    drive_at_once(system.accepts[kind].send(d, call(d)), peer)
    for request in peer.asked:
        said = str(msgspec.to_builtins(request, str_keys=True)).lower()
        body = request.body.lower()
        if b"common.db.login" not in body:
            assert OPTIONS["password"] not in said
            assert OPTIONS["password"].encode() not in body
        if isinstance(request, Http) and system.name != "tryton":
            assert not {"authorization", "cookie", "x-api-key"} & {name.lower() for name in request.headers}
            assert "@" not in request.path


@every_rest_operation
@given(data=st.data())
@QUICK
def test_a_keyed_request_carries_its_key_and_looking_is_only_looking(
    system: System, kind: type[Document], data: st.DataObject
) -> None:
    d, operation, peer = drawn(data, kind), system.accepts[kind], Answering(MOODS["created"])
    drive_at_once(operation.send(d, call(d, key="DELIVERY-9")), peer)
    keys = [request.headers.get("idempotency-key") for request in peer.asked if isinstance(request, Http)]
    assert keys == (["DELIVERY-9"] if operation.outcome == "key" else [None])
    if operation.probe is not None:
        looking = Answering(HttpReply(status=200, body=b'{"items": []}'))
        assert drive_at_once(operation.probe(d, call(d)), looking) == Again(reason="not there")
        assert [(request.method, request.body) for request in looking.asked if isinstance(request, Http)] == [("GET", b"")]


@every_system
def test_a_poll_asks_without_changing_and_keeps_its_place_in_doubt(system: System) -> None:
    for poll in system.polls:
        assert poll.every_s > 0
        for mood in MOODS.values():
            peer = Answering(mood)
            raws, cursor = _asked(poll.ask("3", call(ORDER)), peer)
            assert isinstance(raws, tuple)
            assert len(peer.asked) <= LONGEST
            assert all(isinstance(request, Http) and request.method == "GET" for request in peer.asked)
            taken = isinstance(mood, HttpReply) and mood.status == 200
            assert int(cursor) > 3 if taken else cursor == "3"


def _asked(question: Any, perform: Callable[[Request], Reply]) -> Any:
    """A poll's answer, as the service would get it."""
    try:
        request = next(question)
        while True:
            try:
                reply = perform(request)
            except (NotSent, NoReply) as failure:
                request = question.throw(failure)
            else:
                request = question.send(reply)
    except StopIteration as end:
        return end.value


# -- law 7: what is listed

LISTINGS = [(system, listing) for system in SYSTEMS.values() for listing in system.lists]
SHOWN = [(system, listing, kind) for system, listing in LISTINGS for kind in listing.documents if kind in system.accepts]
every_listing = pytest.mark.parametrize(
    ("system", "listing"), [pytest.param(*pair, id=f"{pair[0].name}:{pair[1].name}") for pair in LISTINGS]
)
everything_shown = pytest.mark.parametrize(
    ("system", "listing", "kind"),
    [
        pytest.param(*each, id=f"{each[0].name}:{each[1].name}:{each[2].__name__}")
        for each in SHOWN
        if each[0].name.endswith("_rest")
    ],
)


@every_listing
def test_a_listing_says_what_shows_in_it(system: System, listing: Listing) -> None:
    assert set(listing.documents) <= {*system.accepts, *system.emits}
    assert "/" not in listing.name, "exceptions are named after it"
    assert [each.name for each in system.lists].count(listing.name) == 1


@pytest.mark.parametrize("mood", MOODS)
@every_listing
def test_no_list_is_not_an_empty_list(system: System, listing: Listing, mood: str) -> None:
    peer = Answering(MOODS[mood])
    with pytest.raises((NotListed, NotSent, NoReply)):
        _asked(listing.ask("", call(ORDER)), peer)
    assert all(isinstance(request, Http) for request in peer.asked)
    if system.name.endswith("_rest"):
        assert [(request.method, request.body) for request in peer.asked if isinstance(request, Http)] == [("GET", b"")]


@everything_shown
@given(data=st.data())
@QUICK
def test_what_was_sent_is_listed_as_it_should_be(
    system: System, listing: Listing, kind: type[Document], data: st.DataObject
) -> None:
    d = _acceptable(drawn(data, kind))
    twin = _twin(system.name, d)
    outcome = drive_at_once(system.accepts[kind].send(d, call(d)), _handled(twin))
    assert isinstance(outcome, Done)
    rows, after = _asked(listing.ask("", call(d)), _handled(twin))
    assert after == ""
    if kind is OrderChange:  # it shows in its order, which this twin has never seen
        assert rows == ()
        return
    (row,) = rows
    expected = listing.holds([(d, call(d))])
    assert (row.reference, differs(expected, row)) == (listing.reference(d), None)
    assert expected.reference == row.reference
    if row.number:
        assert row.number == outcome.reference


# -- law 6: against the twins, REST

#: Where each twin keeps what it was told.
SHELVES: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("erp_rest", "PurchaseOrder"): lambda twin: twin.orders,
    ("erp_rest", "OrderChange"): lambda twin: twin.changes,
    ("erp_rest", "GoodsReceipt"): lambda twin: twin.receipts,
    ("erp_rest", "Invoice"): lambda twin: twin.invoices,
    ("erp_rest", "CreditNote"): lambda twin: twin.invoices,
    ("erp_rest", "Posting"): lambda twin: twin.entries,
    ("erp_rest", "Remittance"): lambda twin: twin.payments,
    ("erp_rest", "PaymentStatus"): lambda twin: twin.failed_payments,
    ("procurement_rest", "ApprovalRequest"): lambda twin: twin.desk.tasks,
    ("procurement_rest", "RequisitionStatus"): lambda twin: _flat(twin.statuses),
    ("procurement_rest", "OrderStatus"): lambda twin: _flat(twin.orders),
    ("procurement_rest", "InvoiceStatus"): lambda twin: _flat(twin.invoices),
    ("procurement_rest", "Remittance"): lambda twin: twin.remittances,
    ("inventory_rest", "ExpectedReceipt"): lambda twin: twin.expected,
    ("inventory_rest", "StockMovement"): lambda twin: twin.movements,
    ("ap_rest", "PurchaseOrder"): lambda twin: twin.orders,
    ("ap_rest", "GoodsReceipt"): lambda twin: twin.receipts,
    ("ap_rest", "InvoiceStatus"): lambda twin: _flat(twin.statuses),
    ("ap_rest", "ApprovalRequest"): lambda twin: twin.desk.tasks,
    ("ap_rest", "Remittance"): lambda twin: twin.remittances,
}


def _flat(shelf: dict[str, list[Any]]) -> list[Any]:
    return [row for rows in shelf.values() for row in rows]


def _twin(system: str, d: Any) -> RestTwin:
    """A twin of the system that is ready for this document."""
    agenda, chance = Agenda(NOW), Random(1)
    if system == "erp_rest":
        erp = ErpTwin("erp", agenda, {getattr(d, "supplier", "")})
        if isinstance(d, GoodsReceipt):
            erp.orders.append(Booked(number="4500000001", reference=d.order, body={"lines": []}))
        return erp
    if system == "procurement_rest":
        return ProcurementTwin("procurement", agenda, chance, ())
    return ApTwin("ap", agenda, chance, ()) if system == "ap_rest" else InventoryTwin("inventory", agenda, chance, "ELSEWHERE")


def _acceptable(d: Any) -> Any:
    """The ERP takes balanced entries only."""
    if not isinstance(d, Posting):
        return d
    first = d.lines[0]
    return structs.replace(d, lines=(first, PostingLine(account="999999", amount=-first.amount)))


@pytest.mark.parametrize("lost", ["the reply", "the request"])
@every_rest_operation
@given(data=st.data())
@QUICK
def test_whatever_gets_lost_the_twin_has_it_once(system: System, kind: type[Document], lost: str, data: st.DataObject) -> None:
    d = _acceptable(drawn(data, kind))
    twin, operation = _twin(system.name, d), system.accepts[kind]

    def losing(request: Request) -> Reply:
        if lost == "the reply":
            _handled(twin)(request)
        raise NoReply("the wire broke")

    assert isinstance(drive_at_once(operation.send(d, call(d)), losing), Unsure)
    settled = drive_at_once(_in_doubt(operation, d), _handled(twin))
    assert isinstance(settled, Done)
    assert len(SHELVES[system.name, kind.__name__](twin)) == 1
    assert settled.reference == _reference(SHELVES[system.name, kind.__name__](twin), settled.reference)
    again = drive_at_once(_in_doubt(operation, d), _handled(twin))
    assert again == settled
    assert len(SHELVES[system.name, kind.__name__](twin)) == 1

    if operation.outcome == "key" and operation.probe is not None:
        twin.keys_live = timedelta(0)
        forgotten = drive_at_once(conversation(operation, d, call(d), doubtful=True, strange=True), _handled(twin))
        assert forgotten == settled, "a key that the counterpart has forgotten is not relied upon"
        assert len(SHELVES[system.name, kind.__name__](twin)) == 1


def _in_doubt(operation: Operation, d: Document) -> Steps:
    return conversation(operation, d, call(d), doubtful=True)


def _handled(twin: RestTwin) -> Callable[[Request], Reply]:
    def perform(request: Request) -> Reply:
        assert isinstance(request, Http)
        return twin.handle(request)

    return perform


def _reference(shelf: Any, otherwise: str) -> str:
    """The number that the twin gave, where it gives numbers of its own."""
    first = shelf[0] if isinstance(shelf, list) else None
    return first.number if isinstance(first, Booked) else otherwise


# -- law 6: against the twins, files


def _dropped(system: System, d: Document, profile: Profile) -> tuple[Drop, Outcome]:
    files: list[Drop] = []

    def perform(request: Request) -> Reply:
        assert isinstance(request, Drop)
        files.append(request)
        return Taken()

    told = structs.replace(call(d), profile=profile)
    outcome = drive_at_once(system.accepts[type(d)].send(d, told), perform)
    (only,) = files
    return only, outcome


def test_a_supplier_reads_what_is_dropped_and_knows_a_repeat() -> None:
    system, twin = SYSTEMS["supplier_x12"], Stage(invent(1), 1).suppliers["ALDER"]
    ours = Profile(us="SUTURE", partner="ALDER")
    first, outcome = _dropped(system, ORDER, ours)
    again, _ = _dropped(system, ORDER, ours)
    assert isinstance(outcome, Awaiting)
    assert outcome.reference == "4711"
    assert again == first
    twin.receive(first.body, NOW)
    twin.receive(again.body, NOW)
    assert [order.id for order in twin.orders] == ["PO-1001"]
    assert twin.repeats == 1
    (word,) = [message.raw for message in twin.outbox]
    assert _word(system, word, ours) == outcome.reference


def test_a_bank_reads_what_is_dropped_and_knows_a_repeat() -> None:
    system, twin = SYSTEMS["bank_iso20022"], Stage(invent(1), 1).bank
    twin.repeat_rate = 0.0
    dropped, outcome = _dropped(system, PAYMENT, PROFILE)
    assert isinstance(outcome, Awaiting)
    twin.receive(dropped.body, NOW)
    twin.receive(dropped.body, NOW)
    assert [payment.id for payment in twin.payments] == ["PAY-1"]
    assert twin.duplicates == 1
    (word,) = [message.raw for message in twin.outbox]
    assert _word(system, word, PROFILE) == outcome.reference
    in_doubt = drive_at_once(_in_doubt(system.accepts[PaymentInstruction], PAYMENT), Answering(NoReply))
    assert in_doubt == outcome, "a payment is waited for, never dropped again"


def _word(system: System, raw: bytes, profile: Profile) -> str:
    """The reference that a partner's functional acknowledgement names."""
    (document,) = FORMATS[system.channels[0].format].read(raw, profile).documents
    assert isinstance(document, FunctionalAcknowledgement)
    assert document.accepted
    return document.reference
