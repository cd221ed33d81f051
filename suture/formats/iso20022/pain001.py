"""The payment order to the bank, pain.001: one instruction written, any number read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from suture.formats.format import Profile, Reading, Stamp, Unwritable
from suture.formats.iso20022.accounts import account_number, add_account, add_agent, routing_of
from suture.formats.iso20022.agreement import option, version
from suture.formats.iso20022.characters import pieces, reference, words
from suture.formats.iso20022.elements import (
    Element,
    Scope,
    add,
    add_money,
    child,
    children,
    message,
    minor,
    money,
    serialised,
    text,
)
from suture.formats.scalars import day, decimal
from suture.formats.shape import shaped
from suture.model import Document, Finding, PaymentInstruction, Severity

MOST_PAYMENTS = 100_000
#: Where a party says who it is.
_NAMED = ("Id/OrgId/Othr/Id", "Id/PrvtId/Othr/Id", "Id/OrgId/AnyBIC", "Id/OrgId/BICOrBEI", "Id/OrgId/LEI", "Nm")
_ADDRESS = (("StrtNm", "street"), ("BldgNb", "building"), ("PstCd", "postcode"), ("TwnNm", "town"), ("Ctry", "country"))


def message_id(payment: PaymentInstruction) -> str:
    """MsgId of the order for ``payment``: its own id, so that the bank itself refuses a second order (reason DUPL or AM05)."""
    return payment.id


def write(payment: PaymentInstruction, profile: Profile, stamp: Stamp) -> bytes:
    """A pain.001 of one transaction. ``released_by`` stays with us: the message has no room for it.

    Invoice ids are written as the supplier's numbers, without the supplier's id in front, which ``read`` puts back.

    Raises Unwritable for what the bank could not take: an amount with fractions of the minor unit, an account that cannot
    exist, an id of more than 35 characters, letters without Latin form, no agreed account of the entity.
    """
    agreed = version(profile)
    document, body = message(agreed.instruction, "CstmrCdtTrfInitn")
    total = minor(payment.amount)
    header = add(body, "GrpHdr")
    add(header, "MsgId", reference(message_id(payment), "the payment's id", profile))
    add(header, "CreDtTm", stamp.at)
    add(header, "NbOfTxs", "1")
    add(header, "CtrlSum", total)
    add(
        header,
        "InitgPty/Nm",
        words(option(profile, "debtor_name", payment.entity) or profile.us, "the debtor's name", profile, 140),
    )
    batch = add(body, "PmtInf")
    add(batch, "PmtInfId", message_id(payment))
    add(batch, "PmtMtd", "TRF")
    add(batch, "NbOfTxs", "1")
    add(batch, "CtrlSum", total)
    level = option(profile, "service_level", payment.entity)
    if level:
        add(batch, "PmtTpInf/SvcLvl/Cd", level)
    add(batch, "ReqdExctnDt/Dt" if agreed.modern else "ReqdExctnDt", payment.execute_on.isoformat())
    _add_debtor(batch, payment, profile, agreed.modern)
    add(batch, "ChrgBr", option(profile, "charges", payment.entity) or ("SLEV" if level == "SEPA" else "SHAR"))
    _add_transaction(batch, payment, profile, agreed.modern)
    return serialised(document)


def _add_debtor(batch: Element, payment: PaymentInstruction, profile: Profile, modern: bool) -> None:
    account = option(profile, "debtor_account", payment.entity)
    routing = option(profile, "debtor_routing", payment.entity)
    if not account:
        raise Unwritable("no debtor_account is agreed with the bank for this entity")
    debtor = add(batch, "Dbtr")
    add(debtor, "Nm", words(option(profile, "debtor_name", payment.entity) or profile.us, "the debtor's name", profile, 140))
    known = {tag: option(profile, f"debtor_{name}", payment.entity) for tag, name in _ADDRESS}
    if known["TwnNm"] and known["Ctry"]:  # half an address is refused where a structured one is required
        address = add(debtor, "PstlAdr")
        for tag, value in known.items():
            if value:
                add(address, tag, words(value, "the debtor's address", profile, 70))
    add(debtor, "Id/OrgId/Othr/Id", reference(payment.entity, "the entity's id", profile))
    add_account(batch, "DbtrAcct", account, routing)
    if routing:
        add_agent(batch, "DbtrAgt", routing, profile, modern)
    else:
        add(batch, "DbtrAgt/FinInstnId/Othr/Id", "NOTPROVIDED")


def _add_transaction(batch: Element, payment: PaymentInstruction, profile: Profile, modern: bool) -> None:
    transfer = add(batch, "CdtTrfTxInf")
    add(transfer, "PmtId/EndToEndId", reference(payment.id, "the payment's id", profile))
    add_money(transfer, "Amt/InstdAmt", payment.amount)
    if payment.creditor.routing:
        add_agent(transfer, "CdtrAgt", payment.creditor.routing, profile, modern)
    creditor = add(transfer, "Cdtr")
    holder = words(payment.creditor.holder, "the creditor's name", profile, 140)
    if not holder:
        raise Unwritable("the creditor has no name")
    add(creditor, "Nm", holder)
    add(creditor, "Id/OrgId/Othr/Id", reference(payment.supplier, "the supplier's id", profile))
    add_account(transfer, "CdtrAcct", payment.creditor.number, payment.creditor.routing)
    _add_remittance(transfer, payment, profile)


def _add_remittance(transfer: Element, payment: PaymentInstruction, profile: Profile) -> None:
    """The supplier knows its invoices by number; our ids put its own id in front."""
    numbers = [invoice.removeprefix(f"{payment.supplier}:") for invoice in payment.invoices]
    structured = option(profile, "remittance", payment.entity) != "unstructured"
    said = payment.text if structured else " ".join([*numbers, payment.text])
    lines = pieces(words(said, "the remittance text", profile, 4000), 140)
    if not lines and not (structured and numbers):
        return
    remittance = add(transfer, "RmtInf")
    for line in lines:
        add(remittance, "Ustrd", line)
    for number in numbers if structured else ():
        document = add(remittance, "Strd/RfrdDocInf")
        add(document, "Tp/CdOrPrtry/Cd", "CINV")
        add(document, "Nb", reference(number, "an invoice number", profile))


def read(body: Element, profile: Profile) -> Reading:
    """Every credit transfer of the order; a wrong count or control sum refuses all of them, as a bank must."""
    header = child(body, "GrpHdr")
    message_name = text(header, "MsgId")
    if not message_name or len(message_name) > 35:
        return Reading(findings=(_wrong("iso.message_id", "MsgId must have 1 to 35 characters", "GrpHdr/MsgId"),))
    transfers = [
        (batch, transfer, f"PmtInf[{place}]/CdtTrfTxInf[{number}]")
        for place, batch in enumerate(map(Scope, children(body, "PmtInf")), 1)
        for number, transfer in enumerate(children(batch.element, "CdtTrfTxInf"), 1)
    ]
    findings = list(_controls(body, [transfer for _, transfer, _ in transfers]))
    if findings:
        return Reading(message_id=message_name, findings=tuple(findings))
    documents: list[Document] = []
    refused: list[str] = []
    seen: set[str] = set()
    for batch, transfer, path in transfers:
        try:
            payment = _payment(batch, transfer, profile)
        except ValueError as error:
            findings.append(_located(error, path))
            refused.append(text(transfer, "PmtId/EndToEndId"))
            continue
        if payment.id in seen:
            findings.append(_wrong("iso.repeated", "an EndToEndId twice in one message", f"{path}/PmtId", "warning"))
        seen.add(payment.id)
        documents.append(payment)
    return Reading(message_id=message_name, documents=tuple(documents), findings=tuple(findings), detail=tuple(refused))


def _controls(body: Element, transfers: list[Element]) -> Iterator[Finding]:
    if not transfers:
        yield _wrong("iso.empty", "no credit transfer", "PmtInf")
    if len(transfers) > MOST_PAYMENTS:
        yield _wrong("iso.limit", f"more than {MOST_PAYMENTS} credit transfers", "PmtInf")
    header = child(body, "GrpHdr")
    if not text(header, "NbOfTxs"):
        yield _wrong("iso.count", "NbOfTxs is missing", "GrpHdr/NbOfTxs")
    yield from _totals(header, transfers, "GrpHdr")
    for place, batch in enumerate(children(body, "PmtInf"), 1):
        yield from _totals(batch, list(children(batch, "CdtTrfTxInf")), f"PmtInf[{place}]")


def _totals(holder: Element | None, transfers: list[Element], path: str) -> Iterator[Finding]:
    """Number and control sum of the message or a batch, where it gives them."""
    count, claimed = text(holder, "NbOfTxs"), text(holder, "CtrlSum")
    if count and _exact(count) != len(transfers):
        yield _wrong("iso.count", f"NbOfTxs is not the number of transactions, {len(transfers)}", f"{path}/NbOfTxs")
    if claimed and _sum(transfers) not in (None, _exact(claimed)):
        yield _wrong("iso.sum", "CtrlSum is not the sum of the amounts", f"{path}/CtrlSum")


def _sum(transfers: list[Element]) -> Decimal | None:
    """The sum of all instructed amounts whatever their currency, or None if one is no amount (it is refused on its own)."""
    amounts = [_exact(text(transfer, "Amt/InstdAmt", "Amt/EqvtAmt/Amt")) for transfer in transfers]
    return None if None in amounts else sum((amount for amount in amounts if amount is not None), Decimal(0))


def _exact(written: str) -> Decimal | None:
    try:
        return decimal(written)
    except ValueError:
        return None


class _Misread(ValueError):
    """A transaction that is refused: code and path below the transaction, beside the text."""

    def __init__(self, code: str, text: str, path: str) -> None:
        super().__init__(text)
        self.code = code
        self.path = path


def _located(error: ValueError, path: str) -> Finding:
    if isinstance(error, _Misread):
        return _wrong(error.code, str(error), f"{path}/{error.path}")
    return _wrong("iso.value", str(error), path)


def _payment(batch: Scope, transfer: Element, profile: Profile) -> PaymentInstruction:
    """One instruction; raises ValueError (Misshapen included)."""
    supplier = _party(child(transfer, "Cdtr"))
    numbers = (text(strd, "RfrdDocInf/Nb") for strd in children(child(transfer, "RmtInf"), "Strd"))
    said = (text(ustrd, ".") for ustrd in children(child(transfer, "RmtInf"), "Ustrd"))
    fields = {
        "id": text(transfer, "PmtId/EndToEndId"),
        "entity": batch.text(*(f"Dbtr/{path}" for path in _NAMED)),
        "supplier": supplier,
        "creditor": _creditor(transfer, profile),
        "amount": _amount(transfer),
        "execute_on": _execution(batch),
        "invoices": tuple(f"{supplier}:{number}" for number in numbers if number),
        "text": " ".join(line for line in said if line),
    }
    return shaped(fields, PaymentInstruction)


def _amount(transfer: Element) -> object:
    try:
        amount = money(child(transfer, "Amt/InstdAmt"))
    except ValueError as error:
        raise _Misread("iso.amount", str(error), "Amt/InstdAmt") from error
    if not amount.amount or amount.rounded().amount != amount.amount:
        raise _Misread("iso.amount", "the amount is zero or has fractions of the currency's smallest unit", "Amt/InstdAmt")
    return {"amount": amount.amount, "currency": amount.currency}


def _execution(batch: Scope) -> date:
    written = batch.text("ReqdExctnDt/Dt", "ReqdExctnDt/DtTm", "ReqdExctnDt")
    try:
        return day(written[:10])
    except ValueError as error:
        raise _Misread("iso.date", str(error), "ReqdExctnDt") from error


def _creditor(transfer: Element, profile: Profile) -> dict[str, str]:
    account = account_number(child(transfer, "CdtrAcct"))
    if not account:
        raise _Misread("iso.account", "no account of the creditor", "CdtrAcct")
    holder = text(child(transfer, "Cdtr"), "Nm")
    return {"holder": holder, "number": account, "routing": routing_of(child(transfer, "CdtrAgt"), profile)}


def _party(party: Element | None) -> str:
    """A party by the id that it is given, else by its name."""
    return text(party, *_NAMED)


def _wrong(code: str, text: str, path: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, text=text, path=f"CstmrCdtTrfInitn/{path}", severity=severity)
