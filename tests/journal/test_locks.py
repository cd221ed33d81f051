"""Bank accounts and tax numbers at rest: locked wherever they stand, opened by the key alone, and sealed as they are locked."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suture.journal import Delivery, Event, State, Unit, open_journal
from suture.journal.drafts import decode_event
from suture.journal.locks import lock, unlock
from suture.model import BankAccount, Invoice, Money, PaymentInstruction, Ref, Supplier, decode, encode

KEY, OTHER = b"k" * 32, b"o" * 32
NOW = datetime(2026, 3, 2, tzinfo=UTC)
ACCOUNT = BankAccount(holder='Alder "Medical" GmbH', number="DE89370400440532013000", routing="COBADEFFXXX")
SUPPLIER = Supplier(id="SUP-1", name="Alder", account=ACCOUNT, tax_id="DE812345678")
SECRETS = (b"Medical", b"DE89370400440532013000", b"COBADEFFXXX", b"DE812345678")
PAYMENT = PaymentInstruction(
    id="PAY-1",
    entity="LE-1",
    supplier="SUP-1",
    creditor=ACCOUNT,
    amount=Money(Decimal("10.00"), "EUR"),
    execute_on=date(2026, 3, 3),
    invoices=("INV-1",),
)


@given(st.text(max_size=300), st.text(min_size=1, max_size=128), st.text(max_size=300), st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_what_is_locked_is_opened_and_remains_a_document(holder: str, number: str, routing: str, tax: str) -> None:
    supplier = Supplier(id="S", name='x","tax_id":"y', account=BankAccount(holder, number, routing), tax_id=tax)
    body = encode(supplier)
    locked = lock(KEY, body)
    assert unlock(KEY, locked) == body
    shown = decode(locked)
    assert isinstance(shown, Supplier)
    assert shown.account is not None
    assert (shown.account.holder, len(shown.account.number) <= 5) == ("…", True)


def test_another_key_opens_nothing_and_breaks_nothing() -> None:
    locked = lock(KEY, encode(SUPPLIER))
    assert unlock(OTHER, locked) == locked
    assert isinstance(decode(locked), Supplier)
    assert not [secret for secret in SECRETS if secret in locked]


def test_a_token_outside_its_place_is_not_opened() -> None:
    token = msgspec.json.decode(lock(KEY, encode(SUPPLIER)))["account"]["routing"]
    stolen = encode(
        Invoice(number=token[:128], supplier="S", issued_on=date(2026, 3, 2), currency="EUR", lines=(), total=Decimal(0))
    )
    assert unlock(KEY, stolen) == stolen
    # a partner who claims the token as its own account gets back its own words, not another's account
    claimed = encode(Supplier(id="X", name="X", account=BankAccount("X", "1", token), tax_id=token))
    assert unlock(KEY, lock(KEY, claimed)) == claimed


@pytest.fixture(params=["memory:", "sqlite"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return request.param if request.param == "memory:" else str(tmp_path / "j.db")


def test_nothing_that_a_journal_writes_down_holds_an_account(address: str, tmp_path: Path) -> None:
    journal = open_journal(address, KEY)
    supplier = Event(once="s", kind="commanded", source="masters", at=NOW, data=SUPPLIER)
    paid = Event(once="p", kind="decided", source="payment", at=NOW, data=PAYMENT)
    delivery = Delivery(
        id="d",
        instance="bank",
        role="bank",
        key="k",
        document=PAYMENT,
        due=NOW,
        process="",
        process_key="",
        cause="p",
        root="p",
        created=NOW,
    )
    state = State("masters", "Supplier:SUP-1", 1, encode(SUPPLIER))
    journal.commit([Unit(events=[supplier, paid], deliveries=[delivery], states=[state])])

    assert [row.event.data for row in journal.read(0, 10)] == [SUPPLIER, PAYMENT]
    assert journal.find(Ref("Supplier", "SUP-1"))[0].event.data == SUPPLIER
    assert journal.by_once(["p"])["p"].event.data == PAYMENT
    assert journal.delivery("d") == msgspec.structs.replace(delivery, number=1, sequence=1)
    assert journal.states([("masters", "Supplier:SUP-1")])["masters", "Supplier:SUP-1"].data == encode(SUPPLIER)
    assert journal.scan_states("masters")[0].data == encode(SUPPLIER)

    bodies = b"".join(body for _, body in journal.bodies(0, 10))
    assert not [secret for secret in SECRETS if secret in bodies]
    first = decode_event(journal.bodies(0, 1)[0][1]).data
    assert isinstance(first, Supplier)
    assert first.account is not None
    assert first.account.number == "…3000"
    assert journal.opened(first) == SUPPLIER
    assert journal.opened(PAYMENT) == PAYMENT
    journal.close()
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert not [secret for secret in SECRETS if secret in written]


def test_equal_texts_have_one_digest_under_a_key_and_another_under_another() -> None:
    one, same, other = (open_journal("memory:", key) for key in (KEY, KEY, OTHER))
    assert one.keyed("DE812345678") == same.keyed("DE812345678") != one.keyed("DE812345679")
    assert len(one.keyed("")) == 32
    assert one.keyed("DE812345678") != other.keyed("DE812345678")
    locked = decode(lock(KEY, encode(SUPPLIER)))
    assert one.opened(locked) == SUPPLIER
    assert other.opened(locked) == locked
