"""Payment orders: what our bytes say to a bank, and what its twin makes of an order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from msgspec import structs

from suture.formats import Profile, Reading, Stamp, Unwritable, Verdict
from suture.formats.iso20022 import FORMAT, message_id
from suture.formats.iso20022.accounts import aba_holds, iban_holds
from suture.formats.iso20022.characters import pieces, words
from suture.model import BankAccount, FunctionalAcknowledgement, Money, PaymentInstruction
from tests.formats.iso20022.bank import PAYMENT, PROFILE, STAMP, agreed, codes, instructed, order, said, transfer
from tests.strategies import document


def test_an_order_says_once_what_is_to_be_paid() -> None:
    root = order()
    assert said(root, "GrpHdr/MsgId") == said(root, "PmtInf/PmtInfId") == said(root, "PmtId/EndToEndId") == ["PAY-1"]
    assert said(root, "NbOfTxs") == ["1", "1"]
    assert said(root, "CtrlSum") == said(root, "InstdAmt") + said(root, "InstdAmt") == ["1250.00", "1250.00"]
    assert said(root, "RfrdDocInf/Nb") == ["INV-1", "INV-2"]
    assert said(root, "CdtrAcct/Id/IBAN") == ["DE89370400440532013000"]


def test_a_resend_is_the_same_message_so_that_the_bank_finds_a_duplicate() -> None:
    """Pitfall: duplicate MsgId. Another stamp changes the time only, never the ids by which a bank recognises a repeat."""
    assert FORMAT.write is not None
    assert FORMAT.write(PAYMENT, PROFILE, STAMP) == FORMAT.write(PAYMENT, PROFILE, STAMP)
    later = etree.fromstring(FORMAT.write(PAYMENT, PROFILE, Stamp(number=8, at="2026-03-03T09:30:00Z")))
    assert said(later, "GrpHdr/MsgId") == [message_id(PAYMENT)] == said(order(), "GrpHdr/MsgId")


def test_the_execution_date_has_its_shape_by_version() -> None:
    assert said(order(), "ReqdExctnDt/Dt") == ["2026-03-04"]
    assert said(order(agreed(version="03")), "ReqdExctnDt") == ["2026-03-04"]
    routed = {"debtor_routing": "POFICHBE"}
    assert said(order(agreed(**routed)), "DbtrAgt/FinInstnId/BICFI") == ["POFICHBE"]
    assert said(order(agreed(**routed, version="03")), "DbtrAgt/FinInstnId/BIC") == ["POFICHBE"]


def test_an_address_is_structured_and_only_given_when_known() -> None:
    """Pitfall: structured addresses."""
    assert said(order(), "PstlAdr") == []
    assert said(order(agreed(debtor_street="Spitalweg")), "PstlAdr") == [], "half an address is none"
    known = order(agreed(debtor_street="Spitalweg", debtor_town="Zürich", debtor_country="CH"))
    assert [part.text for part in known.iterfind(".//{*}PstlAdr/*")] == ["Spitalweg", "Zurich", "CH"]


def test_an_entity_may_have_its_own_account() -> None:
    own = agreed(**{"debtor_account.E1": "GB82WEST12345698765432", "debtor_name.E1": "Alpine Clinic South"})
    assert said(order(own), "DbtrAcct/Id/IBAN") == ["GB82WEST12345698765432"]
    assert said(order(own), "Dbtr/Nm") == ["Alpine Clinic South"]
    with pytest.raises(Unwritable, match="debtor_account"):
        order(Profile())


def test_a_national_account_needs_a_routing_number_that_can_exist() -> None:
    root = order(creditor=BankAccount("Maple Implants", "000123456789", "021000021"))
    assert said(root, "CdtrAcct/Id/Othr/Id") == ["000123456789"]
    assert said(root, "CdtrAgt/FinInstnId/ClrSysMmbId/ClrSysId/Cd") == ["USABA"]
    assert said(root, "CdtrAgt/FinInstnId/ClrSysMmbId/MmbId") == ["021000021"]
    named = order(creditor=BankAccount("Thames Gloves", "12345678", "GBDSC:200000"))
    assert said(named, "ClrSysMmbId/ClrSysId/Cd") == ["GBDSC"]


@pytest.mark.parametrize(
    ("number", "routing"),
    [
        ("000123456789", ""),
        ("000123456789", "000000000"),
        ("000123456789", "021000022"),
        ("DE89370400440532013001", ""),
        ("DE89370400440532013001", "COBADEFF"),
        ("no such account", "021000021"),
        ("0" * 35, "021000021"),
    ],
)
def test_an_account_that_cannot_exist_is_not_sent_nor_quoted(number: str, routing: str) -> None:
    with pytest.raises(Unwritable) as refused:
        order(creditor=BankAccount("Maple Implants", number, routing))
    assert number not in str(refused.value)


@pytest.mark.parametrize(
    ("amount", "currency", "digits"),
    [
        ("1250", "EUR", "1250.00"),
        ("1250.5", "USD", "1250.50"),
        ("99.000", "USD", "99.00"),
        ("1000", "JPY", "1000"),
        ("1.25", "KWD", "1.250"),
    ],
)
def test_an_amount_has_the_minor_units_of_its_currency(amount: str, currency: str, digits: str) -> None:
    """Pitfall: JPY/KWD minor units."""
    assert said(order(amount=Money(Decimal(amount), currency)), "InstdAmt") == [digits]


@pytest.mark.parametrize(
    ("amount", "currency"), [("0.001", "EUR"), ("10.5", "JPY"), ("1.0005", "KWD"), ("0", "EUR"), ("-5", "EUR")]
)
def test_an_amount_that_cannot_be_paid_is_not_sent(amount: str, currency: str) -> None:
    with pytest.raises(Unwritable):
        order(amount=Money(Decimal(amount), currency))


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Müller & Söhne GmbH", "Muller + Sohne GmbH"),
        ("Łódź Ærø Straße", "Lodz AEro Strasse"),
        ("Smith “Best” [UK]; Ltd", "Smith 'Best' (UK), Ltd"),
        ("A\tB\nC", "A B C"),
        ("½ Ångström™", "1/2 AngstromTM"),
    ],
)
def test_a_name_is_transliterated(name: str, written: str) -> None:
    """Pitfall: SEPA character set."""
    assert said(order(creditor=BankAccount(name, "DE89370400440532013000")), "Cdtr/Nm") == [written]


@pytest.mark.parametrize(
    "changes",
    [
        {"creditor": BankAccount("北京医疗", "DE89370400440532013000")},
        {"creditor": BankAccount("  ", "DE89370400440532013000")},
        {"creditor": BankAccount("x" * 141, "DE89370400440532013000")},
        {"text": "paid ☃"},
        {"id": "PAY_1"},
        {"id": "PAY//1"},
        {"id": "/PAY1"},
        {"id": "P" * 36},
        {"id": "PAY-é"},
        {"invoices": ("S-7:INV#1",)},
        {"invoices": ("S-7:" + "9" * 36,)},
        {"supplier": "S" * 36},
    ],
)
def test_what_a_bank_could_not_read_is_not_sent(changes: dict[str, Any]) -> None:
    with pytest.raises(Unwritable):
        order(**changes)


def test_a_bank_that_takes_unicode_gets_it() -> None:
    free = agreed(characters="utf-8")
    assert said(order(free, creditor=BankAccount("北京医疗", "DE89370400440532013000")), "Cdtr/Nm") == ["北京医疗"]
    with pytest.raises(Unwritable):
        order(free, text="bell \x07")


def test_remittance_may_have_to_be_one_text() -> None:
    root = order(agreed(remittance="unstructured"))
    assert said(root, "RmtInf/Ustrd") == ["INV-1 INV-2 less 2 percent discount"]
    assert said(root, "Strd") == []
    assert said(order(text="", invoices=()), "RmtInf") == []


@given(st.text(st.sampled_from("ab "), max_size=500), st.integers(5, 40))
def test_long_texts_are_cut_between_words(text: str, longest: int) -> None:
    cut = pieces(text, longest)
    assert all(0 < len(piece) <= longest for piece in cut)
    assert "".join(cut).replace(" ", "") == "".join(text.split())


@given(st.text(max_size=60))
def test_transliterating_twice_changes_nothing(text: str) -> None:
    try:
        once = words(text, "a name", PROFILE, 1000)
    except Unwritable:
        return
    assert words(once, "a name", PROFILE, 1000) == once
    assert once.isascii()


@given(document(PaymentInstruction), st.sampled_from(["03", "09"]))
@settings(max_examples=60, deadline=None)
def test_an_order_is_read_back_whole_but_for_who_released_it(payment: PaymentInstruction, version: str) -> None:
    profile = agreed(version=version, characters="utf-8")
    assert FORMAT.write is not None
    reading = FORMAT.read(FORMAT.write(payment, profile, STAMP), profile)
    assert reading.kind == "pain.001"
    assert reading.message_id == payment.id
    assert reading.documents == (structs.replace(payment, released_by=()),)


def test_check_digits() -> None:
    assert iban_holds("GB82WEST12345698765432")
    assert not iban_holds("GB82WEST12345698765423")
    assert not iban_holds("gb82west12345698765432")
    assert [
        aba_holds(number) for number in ("021000021", "011401533", "000000000", "021000022", "990000007", "02100002", "٠٢١٠٠٠٠٢١")
    ] == [
        True,
        True,
        *[False] * 5,
    ]


@pytest.mark.parametrize(
    ("header", "batch", "code"),
    [
        ("<NbOfTxs>2</NbOfTxs>", "", "iso.count"),
        ("", "", "iso.count"),
        ("<NbOfTxs>one</NbOfTxs>", "", "iso.count"),
        ("<NbOfTxs>1</NbOfTxs><CtrlSum>10.01</CtrlSum>", "", "iso.sum"),
        ("<NbOfTxs>1</NbOfTxs><CtrlSum>ten</CtrlSum>", "", "iso.sum"),
        ("<NbOfTxs>1</NbOfTxs>", "<NbOfTxs>3</NbOfTxs>", "iso.count"),
        ("<NbOfTxs>1</NbOfTxs>", "<CtrlSum>9</CtrlSum>", "iso.sum"),
    ],
)
def test_wrong_totals_refuse_the_whole_order(header: str, batch: str, code: str) -> None:
    reading = instructed(transfer(), header, batch)
    assert reading.documents == ()
    assert codes(reading) == [code]


@pytest.mark.parametrize(
    ("bad", "code", "where"),
    [
        (transfer(amount='<InstdAmt Ccy="JPY">10.5</InstdAmt>'), "iso.amount", "Amt/InstdAmt"),
        (transfer(amount='<InstdAmt Ccy="EUR">-10</InstdAmt>'), "iso.amount", "Amt/InstdAmt"),
        (transfer(amount='<InstdAmt Ccy="EUR">1e3</InstdAmt>'), "iso.amount", "Amt/InstdAmt"),
        (transfer(amount="<InstdAmt>10</InstdAmt>"), "iso.amount", "Amt/InstdAmt"),
        (transfer(amount='<EqvtAmt><Amt Ccy="USD">1</Amt><CcyOfTrf>EUR</CcyOfTrf></EqvtAmt>'), "iso.amount", "Amt/InstdAmt"),
        (transfer(account=""), "iso.account", "CdtrAcct"),
        (transfer(name=""), "iso.value", "CdtTrfTxInf[1]"),
    ],
)
def test_one_bad_transaction_does_not_stop_the_others(bad: str, code: str, where: str) -> None:
    reading = instructed(bad + transfer("P-2"), "<NbOfTxs>2</NbOfTxs>")
    assert [document.id for document in reading.documents if isinstance(document, PaymentInstruction)] == ["P-2"]
    assert codes(reading) == [code]
    assert where in reading.findings[0].path
    answer = etree.fromstring(FORMAT.acknowledge(reading, Verdict(outcome="accepted", stamp=STAMP), PROFILE) or b"")
    assert said(answer, "GrpSts") == ["PART"]


def test_the_bank_answers_an_order_and_nothing_else() -> None:
    assert FORMAT.acknowledge is not None
    good = instructed(transfer())
    accepted = etree.fromstring(FORMAT.acknowledge(good, Verdict(outcome="accepted", stamp=STAMP), PROFILE) or b"")
    assert said(accepted, "OrgnlMsgId") == ["M-1"]
    assert said(accepted, "OrgnlMsgNmId") == ["pain.001.001.11"]
    assert said(accepted, "GrpSts") == ["ACTC"]
    wrong = instructed(transfer(), "<NbOfTxs>4</NbOfTxs>")
    refused = FORMAT.acknowledge(wrong, Verdict(outcome="refused", findings=wrong.errors, stamp=STAMP), PROFILE) or b""
    assert said(etree.fromstring(refused), "StsRsnInf/Rsn/Cd") == ["AM18"]
    heard = FORMAT.read(refused, PROFILE).documents
    assert [(each.reference, each.accepted) for each in heard if isinstance(each, FunctionalAcknowledgement)] == [("M-1", False)]
    assert FORMAT.acknowledge(good, Verdict(outcome="busy", stamp=STAMP), PROFILE) is None
    assert FORMAT.acknowledge(Reading(kind="camt.054"), Verdict(outcome="accepted", stamp=STAMP), PROFILE) is None
