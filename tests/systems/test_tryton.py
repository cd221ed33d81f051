"""The Tryton connector against conversations as Tryton 8.2.1 was seen to hold them, and (live) against Tryton itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from msgspec import Struct

from suture.formats import Profile, Stamp
from suture.model import (
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Money,
    OrderChange,
    OrderLine,
    Posting,
    PostingLine,
    Price,
    PurchaseOrder,
    Quantity,
    ReceivedLine,
    Remittance,
    RemittedInvoice,
)
from suture.runtime.drive import drive_at_once
from suture.systems import Again, Call, Done, Outcome, Refused, Unsure
from suture.systems.tryton import SYSTEM
from suture.systems.tryton_goods import unit_price
from suture.systems.tryton_rpc import Ended, measure
from suture.transports import Http, HttpReply, NoReply, NotSent, Request

PASSWORD = "not-a-real-one"
NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
OPTIONS = {
    "database": "erp",
    "user": "suture",
    "unit.EA": "u",
    "bank_account": "1010",
    "warehouse": "WH",
}
CALL = Call(key="D-1", stamp=Stamp(number=1, at=NOW.isoformat()), profile=Profile(), options=OPTIONS, password=lambda: PASSWORD)
CONTEXT = {"company": 1, "companies": [1], "language": "en"}


class Says(Struct):
    """One line of a script: the method that must be asked next, and Tryton's answer to it."""

    method: str
    result: Any = None
    error: list[Any] | None = None
    status: int = 200
    headers: dict[str, str] = {}
    raises: Exception | None = None


class Tryton:
    """Tryton as a script: it answers in order, minds that nothing else is asked, and keeps what it was told."""

    def __init__(self, *script: Says) -> None:
        self.script = list(script)
        self.told: list[tuple[str, list[Any]]] = []

    def perform(self, request: Request) -> HttpReply:
        assert isinstance(request, Http)
        assert request.path == "/erp/rpc/"
        body = json.loads(request.body)
        self.told.append((body["method"], body["params"]))
        assert self.script, f"nobody expected {body['method']}"
        line = self.script.pop(0)
        assert body["method"] == line.method
        if line.raises:
            raise line.raises
        answer = {"id": 1, "error": line.error} if line.error else {"id": 1, "result": line.result}
        return HttpReply(status=line.status, body=json.dumps(answer).encode(), headers=line.headers)

    def params(self, method: str) -> list[Any]:
        """What the only call of a method was told."""
        (params,) = [params for name, params in self.told if name == method]
        return params


LOGIN = (
    Says("common.db.login", [4, "686a96a6", None]),
    Says("model.res.user.get_preferences", CONTEXT),
)
LOGOUT = Says("common.db.logout")


def search(model: str, *rows: dict[str, Any]) -> Says:
    """A look-up and what it finds."""
    return Says(f"model.{model}.search_read", list(rows))


def read(model: str, **row: Any) -> Says:
    """A record read again."""
    return Says(f"model.{model}.read", [row])


def send(document: Document, *script: Says, ask: str = "send") -> tuple[Outcome, Tryton]:
    """Hold the conversation about a document against a script, which must be played to its end."""
    tryton = Tryton(*script)
    operation = SYSTEM.accepts[type(document)]
    hold: Callable[[Document, Call], Any] | None = getattr(operation, ask)
    assert hold is not None
    outcome = drive_at_once(hold(document, CALL), tryton.perform)
    assert not tryton.script, f"still expected: {tryton.script[0].method}"
    return outcome, tryton


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def each(amount: str) -> Price:
    return Price(Decimal(amount), "USD", Quantity(Decimal(1), "EA"))


def ea(count: str) -> Quantity:
    return Quantity(Decimal(count), "EA")


ORDER = PurchaseOrder(
    id="PO-1",
    requisition="R-1",
    entity="HARBOR",
    facility="H1",
    ship_to="WH",
    supplier="SUP-EDI",
    currency="USD",
    ordered_at=NOW,
    lines=(OrderLine(number=1, item="GLV-M", quantity=ea("100"), price=each("12.50"), cost_center="CC-OR"),),
)
RECEIPT = GoodsReceipt(
    id="GR-1", order="PO-1", place="WH", received_at=NOW, lines=(ReceivedLine(line=1, item="GLV-M", quantity=ea("60")),)
)
BILL = Invoice(
    number="INV-1",
    supplier="SUP-EDI",
    issued_on=date(2026, 11, 21),
    currency="USD",
    total=usd("1250.00"),
    lines=(
        InvoiceLine(
            number=1, item="GLV-M", quantity=ea("100"), price=each("12.50"), amount=usd("1250.00"), order="PO-1", order_line=1
        ),
    ),
)
PAID = Remittance(
    payment="PAY-1",
    supplier="SUP-EDI",
    amount=usd("1250.00"),
    paid_on=date(2026, 11, 21),
    lines=(RemittedInvoice(invoice="SUP-EDI:INV-1", paid=usd("1250.00")),),
)
PARTY = {"id": 2, "addresses": [2], "supplier_payment_term": 10, "account_payable": None, "supplier_location": 6}
MAKES_ORDER = (
    search("purchase.purchase"),
    search("company.company", {"id": 1, "currency": 1}),
    search("party.party", PARTY),
    search("product.product", {"id": 1, "default_uom": 1, "account_category": 1}),
    search("product.uom", {"id": 1}),
    search("stock.location", {"id": 5}),
    search("currency.currency", {"id": 1}),
)
FINISHES_ORDER = (
    Says("model.purchase.purchase.quote"),
    read("purchase.purchase", id=1, state="quotation", number="7"),
    Says("model.purchase.purchase.confirm"),
    read("purchase.purchase", id=1, state="processing", number="7"),
)


def test_an_order_is_looked_for_made_and_confirmed() -> None:
    outcome, tryton = send(
        ORDER,
        *LOGIN,
        *MAKES_ORDER,
        Says("model.purchase.purchase.create", [1]),
        read("purchase.purchase", id=1, state="draft", number=None),
        *FINISHES_ORDER,
        LOGOUT,
    )
    assert outcome == Done(reference="7")
    (values,), context = tryton.params("model.purchase.purchase.create")
    assert values["reference"] == "PO-1"
    assert values["invoice_method"] == "manual"
    assert values["purchase_date"] == {"__class__": "date", "year": 2026, "month": 11, "day": 21}
    ((_, (line,)),) = values["lines"]
    assert (line["sequence"], line["quantity"]) == (1, 100.0)
    assert line["unit_price"] == {"__class__": "Decimal", "decimal": "12.50"}
    assert context["company"] == 1


def test_an_order_that_is_there_is_finished_and_never_made_again() -> None:
    """A crash between create and confirm: the next attempt finds the draft."""
    outcome, _ = send(
        ORDER,
        *LOGIN,
        search("purchase.purchase", {"id": 1, "state": "draft", "number": None}),
        read("purchase.purchase", id=1, state="draft", number=None),
        *FINISHES_ORDER,
        LOGOUT,
    )
    assert outcome == Done(reference="7")


def test_an_order_whose_processing_belongs_to_an_administrator_is_delivered_when_confirmed() -> None:
    outcome, _ = send(
        ORDER,
        *LOGIN,
        search("purchase.purchase", {"id": 1, "state": "confirmed", "number": "7"}),
        read("purchase.purchase", id=1, state="confirmed", number="7"),
        Says(
            "model.purchase.purchase.process", error=["UserError", ['Calling button "process on "Purchase" is not allowed.', ""]]
        ),
        LOGOUT,
    )
    assert outcome == Done(reference="7")


def test_a_button_refused_because_the_record_moved_on_is_no_failure() -> None:
    """Our own doubtful request may still have been under way."""
    outcome, _ = send(
        ORDER,
        *LOGIN,
        search("purchase.purchase", {"id": 1, "state": "draft", "number": None}),
        read("purchase.purchase", id=1, state="draft", number=None),
        Says("model.purchase.purchase.quote", error=["UserError", ['You can not call "quote" on "7 [PO-1]" of "Purchase".', ""]]),
        read("purchase.purchase", id=1, state="quotation", number="7"),
        Says("model.purchase.purchase.confirm"),
        read("purchase.purchase", id=1, state="processing", number="7"),
        LOGOUT,
    )
    assert outcome == Done(reference="7")


def test_a_lost_reply_to_the_create_is_doubt() -> None:
    outcome, _ = send(ORDER, *LOGIN, *MAKES_ORDER, Says("model.purchase.purchase.create", raises=NoReply("no answer in time")))
    assert isinstance(outcome, Unsure)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], Again),
        ([{"id": 1, "state": "draft", "number": None}], Again),
        ([{"id": 1, "state": "processing", "number": "7"}], Done),
        ([{"id": 1, "state": "cancelled", "number": "7"}], Refused),
        ([{"id": 1, "state": "processing", "number": "7"}, {"id": 2, "state": "draft", "number": None}], Refused),
    ],
    ids=["absent", "unfinished", "finished", "cancelled by somebody", "copied by somebody"],
)
def test_the_probe_tells_what_tryton_has(rows: Sequence[dict[str, Any]], expected: type) -> None:
    outcome, _ = send(ORDER, *LOGIN, search("purchase.purchase", *rows), LOGOUT, ask="probe")
    assert isinstance(outcome, expected)


def test_every_operation_can_be_probed() -> None:
    assert all(operation.outcome == "lookup" and operation.probe for operation in SYSTEM.accepts.values())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (Says("common.db.login", status=401), Again(reason="Tryton does not accept our login (HTTP 401)")),
        (Says("common.db.login", status=429), Again(reason="Tryton answers 429 to our login", after_s=60.0)),
        (
            Says("common.db.login", status=429, headers={"retry-after": "7"}),
            Again(reason="Tryton answers 429 to our login", after_s=7.0),
        ),
        (Says("common.db.login", status=503), Unsure(reason="HTTP 503")),
        (Says("common.db.login", raises=NotSent("refused")), Again(reason="refused")),
        (Says("common.db.login", None), Again(reason="Tryton wants more than a password from our user")),
    ],
    ids=["wrong secret", "too many", "too many, with a wish", "broken", "away", "second factor"],
)
def test_a_login_is_tried_once(line: Says, expected: Outcome) -> None:
    """A refused login locks the account for everybody if it is repeated: the breaker, not the connector, decides when."""
    outcome, tryton = send(ORDER, line)
    assert outcome == expected
    assert len(tryton.told) == 1


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (["UserError", ["The value is not valid.", "", None]], Refused(reason="The value is not valid.")),
        (
            ["UserWarning", ["99ba.invoice_similar", 'The invoice "[1]" is similar to "2".', ""]],
            Refused(reason='Tryton warns, and a person must decide: The invoice "[1]" is similar to "2".'),
        ),
        (
            ["UserError", ['You are trying to read records "39" of "Session" that don\'t exist.', "", None]],
            Again(reason='Tryton failed: UserError You are trying to read records "39" of "Session" that don\'t exist.'),
        ),
        (["could not serialize access", ""], Again(reason="Tryton failed: could not serialize access")),
        (["UserError", []], Refused(reason="")),
        ("strange", Again(reason="Tryton failed: without a word")),
    ],
)
def test_errors_are_judged_by_their_body_since_their_status_is_200(error: Any, expected: Outcome) -> None:
    outcome, _ = send(ORDER, *LOGIN, Says("model.purchase.purchase.search_read", error=error), LOGOUT)
    assert outcome == expected


def test_an_expired_session_comes_again() -> None:
    outcome, _ = send(ORDER, *LOGIN, Says("model.purchase.purchase.search_read", status=401), LOGOUT)
    assert isinstance(outcome, Again)


def test_a_failed_logout_changes_no_outcome() -> None:
    line = search("purchase.purchase", {"id": 1, "state": "done", "number": "7"})
    outcome, _ = send(ORDER, *LOGIN, line, Says("common.db.logout", raises=NoReply("gone")), ask="probe")
    assert outcome == Done(reference="7")


def test_a_code_that_tryton_does_not_know_is_refused_by_name() -> None:
    outcome, _ = send(
        ORDER,
        *LOGIN,
        search("purchase.purchase"),
        search("company.company", {"id": 1, "currency": 1}),
        search("party.party"),
        LOGOUT,
    )
    assert outcome == Refused(reason="Tryton has no party with code SUP-EDI")


PURCHASED = {"id": 1, "state": "processing", "number": "7", "company": 1, "party": 2, "warehouse": 5, "currency": 1}
ORDERED_LINE = {"id": 11, "sequence": 1, "product": 1, "unit": 1, "unit_price": {}, "from_location": 6, "to_location": 1}


def test_a_partial_receipt_takes_over_the_waiting_move_with_what_was_counted() -> None:
    outcome, tryton = send(
        RECEIPT,
        *LOGIN,
        search("stock.shipment.in"),
        search("purchase.purchase", PURCHASED),
        read("stock.location", id=5, input_location=1, storage_location=3),
        search("purchase.line", ORDERED_LINE),
        search("stock.move", {"id": 31, "origin": "purchase.line,11"}),
        search("product.uom", {"id": 1}),
        Says("model.stock.shipment.in.create", [4]),
        read("stock.shipment.in", id=4, state="draft", number="3"),
        Says("model.stock.shipment.in.receive"),
        read("stock.shipment.in", id=4, state="received", number="3"),
        Says("model.stock.shipment.in.do"),
        read("stock.shipment.in", id=4, state="done", number="3"),
        LOGOUT,
    )
    assert outcome == Done(reference="3")
    ((values,), _) = tryton.params("model.stock.shipment.in.create")
    assert values["incoming_moves"] == [["add", [31]], ["write", [31], {"quantity": 60.0, "unit": 1}]]


def test_two_lots_of_one_line_are_two_moves() -> None:
    lots = tuple(ReceivedLine(line=1, item="GLV-M", quantity=ea(count), lot=lot) for count, lot in (("20", "A"), ("40", "B")))
    receipt = GoodsReceipt(id="GR-1", order="PO-1", place="WH", received_at=NOW, lines=lots)
    outcome, tryton = send(
        receipt,
        *LOGIN,
        search("stock.shipment.in"),
        search("purchase.purchase", PURCHASED),
        read("stock.location", id=5, input_location=1, storage_location=3),
        search("purchase.line", ORDERED_LINE),
        search("stock.move", {"id": 31, "origin": "purchase.line,11"}),
        search("product.uom", {"id": 1}),
        search("stock.lot", {"id": 91}),
        search("product.uom", {"id": 1}),
        search("stock.lot"),
        Says("model.stock.lot.create", [92]),
        Says("model.stock.shipment.in.create", [4]),
        read("stock.shipment.in", id=4, state="done", number="3"),
        LOGOUT,
    )
    assert outcome == Done(reference="3")
    ((values,), _) = tryton.params("model.stock.shipment.in.create")
    add, write, (create, (second,)) = values["incoming_moves"]
    assert (add, write[2]["lot"], create) == (["add", [31]], 91, "create")
    assert (second["lot"], second["quantity"], second["origin"]) == (92, 40.0, "purchase.line,11")


@pytest.mark.parametrize("purchases", [[], [{**PURCHASED, "state": "confirmed"}]], ids=["no order", "not processed"])
def test_a_receipt_waits_for_its_order(purchases: list[dict[str, Any]]) -> None:
    outcome, _ = send(RECEIPT, *LOGIN, search("stock.shipment.in"), search("purchase.purchase", *purchases), LOGOUT)
    assert outcome == Again(reason="Tryton does not expect goods for order PO-1 yet", after_s=30.0)


def test_more_than_was_ordered_is_a_warning_that_a_person_decides() -> None:
    warning = [
        "UserWarning",
        ["2ac4.check_move_quantity", "The purchase line is moving 5.0 u in addition to the 10.0 u ordered.", ""],
    ]
    outcome, _ = send(
        RECEIPT,
        *LOGIN,
        search("stock.shipment.in", {"id": 4, "state": "draft", "number": "3"}),
        read("stock.shipment.in", id=4, state="draft", number="3"),
        Says("model.stock.shipment.in.receive", error=warning),
        read("stock.shipment.in", id=4, state="draft", number="3"),
        LOGOUT,
    )
    assert isinstance(outcome, Refused)
    assert "a person must decide" in outcome.reason


MAKES_BILL = (
    search("account.invoice"),
    search("purchase.line", {"id": 11, "sequence": 1, "purchase": 1, "company": 1}),
    read("purchase.purchase", id=1, company=1),
    search("party.party", PARTY),
    read("account.configuration", id=1, default_account_payable=67, default_category_account_expense=71),
    search("account.journal", {"id": 2}),
    search("product.product", {"id": 1, "default_uom": 1, "account_category": 1}),
    read("product.category", id=1, account_expense=106),
    search("product.uom", {"id": 1}),
    search("currency.currency", {"id": 1}),
    Says("model.account.invoice.create", [9]),
)


def amount(number: str) -> dict[str, str]:
    return {"__class__": "Decimal", "decimal": number}


def test_a_bill_is_tied_to_its_order_line_checked_and_posted() -> None:
    outcome, tryton = send(
        BILL,
        *LOGIN,
        *MAKES_BILL,
        read("account.invoice", id=9, state="draft", number=None, total_amount=amount("1250.00")),
        read("account.invoice", id=9, state="draft", number=None),
        Says("model.account.invoice.validate_invoice"),
        read("account.invoice", id=9, state="validated", number="4"),
        Says("model.account.invoice.post"),
        read("account.invoice", id=9, state="posted", number="4"),
        LOGOUT,
    )
    assert outcome == Done(reference="4")
    ((values,), _) = tryton.params("model.account.invoice.create")
    ((_, (line,)),) = values["lines"]
    assert (line["origin"], line["account"], values["account"]) == ("purchase.line,11", 106, 67)


def test_a_bill_is_not_posted_over_another_amount() -> None:
    outcome, _ = send(
        BILL,
        *LOGIN,
        *MAKES_BILL,
        read("account.invoice", id=9, state="draft", number=None, total_amount=amount("1250.01")),
        LOGOUT,
    )
    assert outcome == Refused(reason="Tryton makes 1250.01 of the bill, the supplier 1250.00; its draft is left")


@pytest.mark.parametrize("theirs", [[], ["Suture Invoice INV-1"]], ids=["by hand only", "by hand and by us"])
def test_a_bill_that_somebody_entered_by_hand_is_for_a_person(theirs: list[str]) -> None:
    rows = [
        {"id": n, "state": "posted", "number": str(n), "description": text} for n, text in enumerate(["typed in", *theirs], 3)
    ]
    outcome, _ = send(BILL, *LOGIN, search("account.invoice", *rows), LOGOUT)
    assert isinstance(outcome, Refused)
    assert "we did not bring" in outcome.reason


OUR_BILL = {
    "id": 9,
    "state": "posted",
    "number": "4",
    "company": 1,
    "account": 67,
    "party": 2,
    "description": "Suture Invoice INV-1",
    "payment_lines": [],
}


def test_a_payment_is_posted_tied_to_its_bill_and_reconciled() -> None:
    outcome, tryton = send(
        PAID,
        *LOGIN,
        search("account.move"),
        search("account.invoice", OUR_BILL),
        read("company.company", id=1, currency=1),
        search("currency.currency", {"id": 1}),
        search("account.account", {"id": 138}),
        search("account.journal", {"id": 3}),
        search("account.period", {"id": 47}),
        Says("model.account.move.create", [5]),
        read("account.move", id=5, state="draft", number=None),
        Says("model.account.move.post"),
        read("account.move", id=5, state="posted", number="6"),
        search("account.move.line", {"id": 21, "description": "SUP-EDI:INV-1", "reconciliation": None}),
        Says("model.account.invoice.write"),
        read("account.invoice", id=9, state="posted", amount_to_pay=amount("0"), lines_to_pay=[15], payment_lines=[21]),
        Says("wizard.account.move.reconcile_lines.create", [3, "start", "end"]),
        Says("wizard.account.move.reconcile_lines.execute", {}),
        Says("wizard.account.move.reconcile_lines.delete"),
        LOGOUT,
    )
    assert outcome == Done(reference="6")
    ((values,), _) = tryton.params("model.account.move.create")
    ((_, (owed, bank)),) = values["lines"]
    assert (owed["account"], owed["party"], owed["debit"]["decimal"]) == (67, 2, "1250.00")
    assert (bank["account"], bank["credit"]["decimal"]) == (138, "1250.00")
    *_, context = tryton.params("wizard.account.move.reconcile_lines.create")
    assert context["active_ids"] == [15, 21]


def test_a_payment_that_was_posted_and_tied_is_only_reconciled() -> None:
    """A crash before the reconciliation."""
    outcome, _ = send(
        PAID,
        *LOGIN,
        search("account.move", {"id": 5, "state": "posted", "number": "6"}),
        search("account.invoice", {**OUR_BILL, "payment_lines": [21]}),
        read("account.move", id=5, state="posted", number="6"),
        search("account.move.line", {"id": 21, "description": "SUP-EDI:INV-1", "reconciliation": None}),
        read("account.invoice", id=9, state="posted", amount_to_pay=amount("250.00"), lines_to_pay=[15], payment_lines=[21]),
        LOGOUT,
    )
    assert outcome == Done(reference="6")


def test_a_payment_waits_for_its_bill_to_be_posted() -> None:
    bill = search("account.invoice", {**OUR_BILL, "state": "validated"})
    outcome, _ = send(PAID, *LOGIN, search("account.move"), bill, LOGOUT)
    assert outcome == Again(reason="Tryton has not posted bill INV-1 yet", after_s=30.0)


def test_a_posting_is_one_move_under_our_id() -> None:
    posting = Posting(
        id="POST-1",
        entity="HARBOR",
        facility="H1",
        kind="usage",
        at=NOW,
        cause="U-1",
        lines=(PostingLine(account="5100", amount=usd("89.00")), PostingLine(account="1310", amount=usd("-89.00"))),
    )
    outcome, tryton = send(
        posting,
        *LOGIN,
        search("account.move"),
        search("company.company", {"id": 1, "currency": 1}),
        search("currency.currency", {"id": 1}),
        search("account.account", {"id": 136}),
        search("account.account", {"id": 137}),
        search("account.journal", {"id": 5}),
        search("account.period", {"id": 47}),
        Says("model.account.move.create", [8]),
        read("account.move", id=8, state="posted", number="9"),
        LOGOUT,
    )
    assert outcome == Done(reference="9")
    ((values,), _) = tryton.params("model.account.move.create")
    ((_, (debit, credit)),) = values["lines"]
    assert values["description"] == "POST-1"
    assert (debit["debit"]["decimal"], credit["credit"]["decimal"]) == ("89.00", "89.00")


def change(kind: Any) -> OrderChange:
    return OrderChange(order="PO-1", version=1, supplier="SUP-EDI", at=NOW, kind=kind)


def test_a_cancelled_order_is_expected_no_more() -> None:
    outcome, tryton = send(
        change("cancel"),
        *LOGIN,
        search("purchase.purchase", {"id": 1, "state": "processing", "number": "7"}),
        read("purchase.purchase", id=1, state="processing", number="7"),
        search(
            "stock.move",
            {"id": 30, "state": "done", "shipment": "stock.shipment.in,4"},
            {"id": 31, "state": "draft", "shipment": None},
        ),
        Says("model.stock.move.cancel"),
        read("purchase.purchase", id=1, shipment_state="exception"),
        Says("wizard.purchase.handle.shipment.exception.create", [4, "ask", "end"]),
        Says("wizard.purchase.handle.shipment.exception.execute", {}),
        Says("wizard.purchase.handle.shipment.exception.delete"),
        LOGOUT,
    )
    assert outcome == Done(reference="7")
    assert tryton.params("model.stock.move.cancel")[0] == [31]


def test_a_confirmed_order_is_not_changed_otherwise() -> None:
    outcome, _ = send(
        change("change"), *LOGIN, search("purchase.purchase", {"id": 1, "state": "processing", "number": "7"}), LOGOUT
    )
    assert isinstance(outcome, Refused)


def test_a_price_for_many_is_the_exact_price_of_one_or_refused() -> None:
    hundred = Quantity(Decimal(100), "EA")
    assert unit_price(Price(Decimal("80.00"), "USD", hundred), "EA") == Decimal("0.8")
    with pytest.raises(Ended):
        unit_price(Price(Decimal("80.00"), "USD", Quantity(Decimal(3), "EA")), "EA")
    with pytest.raises(Ended):
        unit_price(Price(Decimal("80.00"), "USD", hundred), "BX")


def test_a_quantity_that_binary_floating_point_would_change_is_refused() -> None:
    assert measure(Decimal("0.1")) == 0.1
    with pytest.raises(Ended):
        measure(Decimal("0.12345678901234567891"))


def test_no_secret_shows_in_an_outcome() -> None:
    outcome, _ = send(ORDER, Says("common.db.login", status=401))
    assert PASSWORD not in repr(outcome)


@pytest.mark.live
def test_tryton_itself_holds_every_document_exactly_once(request: pytest.FixtureRequest) -> None:
    """Needs ``python -m live.setup`` and ``pytest -m live``."""
    if "live" not in str(request.config.getoption("-m")):
        pytest.skip("asked for with -m live only")
    database = pytest.importorskip("live.database")
    if not database.archive().exists():
        pytest.skip("no live counterparts here; python -m live.setup makes them")
    alone = pytest.importorskip("live.tryton_alone")
    assert alone.main() == 0
