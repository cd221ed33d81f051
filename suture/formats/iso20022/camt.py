"""What the bank booked, camt.054 (camt.053 and camt.052 alike): payments settled, returned, or still pending."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from decimal import Decimal

import msgspec

from suture.formats.format import Profile, Reading, Running, Stamp, Unwritable
from suture.formats.iso20022.accounts import add_account
from suture.formats.iso20022.agreement import option, version
from suture.formats.iso20022.characters import pieces, reference, words
from suture.formats.iso20022.elements import Element, Scope, add, add_money, child, children, message, money, serialised, text
from suture.formats.iso20022.quoting import unquoted
from suture.formats.iso20022.status_codes import REASONS
from suture.formats.scalars import day, instant, start_of, written
from suture.formats.shape import shaped
from suture.model import Document, Finding, Money, PaymentStatus, Severity

MOST_ENTRIES = 100_000
#: The element that holds one account's entries, by message.
REPORTS = {"camt.054": "Ntfctn", "camt.053": "Stmt", "camt.052": "Rpt"}
#: Families of bank transactions (BkTxCd) that debit an account without an order of its holder.
_NOT_ORDERED = frozenset({"RDDT", "RCDT", "CCRD", "MCRD"})
_FAMILY = "BkTxCd/Domn/Fmly"
_COUNTED = re.compile("[1-9][0-9]{0,17}")
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)


class _Found:
    """What reading collects, in the order of the message."""

    def __init__(self, profile: Profile, message: str) -> None:
        self.profile = profile
        self.message = message
        self.documents: list[Document] = []
        self.findings: list[Finding] = []
        self.seen: set[tuple[str, str]] = set()
        self.credits = 0

    def note(self, code: str, text: str, path: str, severity: Severity = "error") -> None:
        self.findings.append(Finding(code=code, text=text, path=path, severity=severity))


def read(body: Element, kind: str, profile: Profile) -> Reading:
    """A PaymentStatus for every transaction that an order of ours can have caused; the others are counted, not lost silently.

    A debit is a settled payment. A credit is a returned one if it is marked as a reversal or gives a return reason; other
    credits are somebody else's payments. An entry or transaction without EndToEndId is a warning, ``iso.unmatched``.
    """
    found = _Found(profile, text(body, "GrpHdr/MsgId"))
    reports = list(children(body, REPORTS[kind]))
    entries, announced = 0, text(body, "GrpHdr/CreDtTm")
    for place, report in enumerate(reports, 1):
        path = f"{REPORTS[kind]}[{place}]"
        moment = text(report, "CreDtTm") or announced
        for number, entry in enumerate(children(report, "Ntry"), 1):
            entries += 1
            if entries > MOST_ENTRIES:
                break
            _entry(entry, moment, f"{path}/Ntry[{number}]", found)
        _check_balance(report, path, found)
    if not reports:
        found.note("iso.empty", "no account in the message", REPORTS[kind])
    if entries > MOST_ENTRIES:
        found.note("iso.limit", f"more than {MOST_ENTRIES} entries; the rest was not read", REPORTS[kind])
    if found.credits:
        found.note("iso.incoming", f"{found.credits} entries are no payments that we ordered", REPORTS[kind], "info")
    return Reading(
        message_id=found.message,
        documents=tuple(found.documents),
        findings=tuple(found.findings),
        numbers=tuple(filter(None, (_running(report, kind) for report in reports))),
    )


def _running(report: Element, kind: str) -> Running | None:
    """ElctrncSeqNb: one more with each report about this account, of which a digest tells no more than which it is."""
    number, account = text(report, "ElctrncSeqNb"), text(report, "Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id")
    if not _COUNTED.fullmatch(number):
        return None
    return Running(int(number), f"{kind} {hashlib.sha256(account.encode()).hexdigest()[:8]}")


def _entry(entry: Element, moment: str, path: str, found: _Found) -> None:
    try:
        total = money(child(entry, "Amt"))
        at = _booked(entry, moment, found.profile)
    except ValueError as error:
        found.note("iso.entry", str(error), path)
        return
    transactions = [each for details in children(entry, "NtryDtls") for each in children(details, "TxDtls")]
    if not transactions:
        if _ours(Scope(entry), entry):
            found.note("iso.unitemised", "a booking without its transactions cannot be matched", path, "warning")
        else:
            found.credits += 1
        return
    around = Scope(entry)
    amounts = [_amount(transaction, total if len(transactions) == 1 else None) for transaction in transactions]
    _check_sum(total, amounts, path, found)
    for place, (transaction, amount) in enumerate(zip(transactions, amounts, strict=True), 1):
        _transaction(around, transaction, amount, at, f"{path}/TxDtls[{place}]", found)


def _transaction(entry: Scope, transaction: Element, amount: Money | None, at: datetime, path: str, found: _Found) -> None:
    status = _ours(entry, transaction)
    name = text(transaction, "Refs/EndToEndId")
    if not status:
        found.credits += 1
        return
    if name in ("", "NOTPROVIDED", "NONREF"):
        found.note("iso.unmatched", "no EndToEndId: which payment is this?", f"{path}/Refs", "warning")
        return
    if (name, status) in found.seen:
        found.note("iso.repeated", "an EndToEndId twice in one message", f"{path}/Refs", "warning")
    found.seen.add((name, status))
    code, reason = _reason(entry, transaction)
    fields = {
        "payment": name,
        "status": status,
        "at": at,
        "code": code,
        "reason": reason[:2000],
        "message": found.message[:128],
        "amount": None if amount is None else msgspec.structs.asdict(amount),
        "bank_reference": text(transaction, "Refs/AcctSvcrRef") or entry.text("AcctSvcrRef", "NtryRef"),
    }
    try:
        found.documents.append(shaped(fields, PaymentStatus))
    except ValueError as error:
        found.note("iso.entry", str(error), path)


def _ours(entry: Scope, transaction: Element) -> str:
    """The status of a payment of ours that this booking tells, "" if it tells of none."""
    direction = text(transaction, "CdtDbtInd") or entry.text("CdtDbtInd")
    reversal = entry.text("RvslInd") in ("true", "1")
    family, sort = (text(transaction, f"{_FAMILY}/{tag}") or entry.text(f"{_FAMILY}/{tag}") for tag in ("Cd", "SubFmlyCd"))
    returned = reversal or child(transaction, "RtrInf") is not None or sort == "RRTN"
    if direction == "DBIT":
        outgoing = not reversal and family not in _NOT_ORDERED
        return _booking(entry, "settled") if outgoing else ""
    return _booking(entry, "returned") if direction == "CRDT" and returned else ""


def _booking(entry: Scope, status: str) -> str:
    """A booked entry says what it says, a pending or future one that it is to come, an informational one nothing."""
    stated = entry.text("Sts/Cd", "Sts/Prtry", "Sts") or "BOOK"
    return {"BOOK": status, "PDNG": "pending", "FUTR": "pending"}.get(stated, "")


def _booked(entry: Element, moment: str, profile: Profile) -> datetime:
    """The booking's instant; of a mere date, its first moment where the bank is. Raises ValueError."""
    exact = text(entry, "BookgDt/DtTm")
    date_only = text(entry, "BookgDt/Dt", "ValDt/Dt")
    if exact:
        return instant(exact, profile.timezone)
    if date_only:
        return start_of(day(date_only[:10]), profile.timezone)
    return instant(text(entry, "ValDt/DtTm") or moment, profile.timezone)


def _amount(transaction: Element, whole: Money | None) -> Money | None:
    """What was instructed, else what the transaction came to, else the whole entry if it is its only one."""
    for path in ("AmtDtls/InstdAmt/Amt", "Amt", "AmtDtls/TxAmt/Amt"):
        try:
            return money(child(transaction, path))
        except ValueError:
            continue
    return whole


def _check_sum(total: Money, amounts: list[Money | None], path: str, found: _Found) -> None:
    known = [amount.amount for amount in amounts if amount is not None and amount.currency == total.currency]
    if len(known) == len(amounts) > 1 and sum(known, Decimal(0)) != total.amount:
        found.note("iso.sum", "the transactions do not add up to the entry", path, "warning")


def _check_balance(report: Element, path: str, found: _Found) -> None:
    """Opening plus booked entries is closing, where a statement has both in one currency."""
    opening, closing = (_balance(report, codes) for codes in (_OPENING, _CLOSING))
    booked = [_signed(entry, "Amt") for entry in children(report, "Ntry") if text(entry, "Sts/Cd", "Sts") in ("BOOK", "")]
    amounts = [opening, *booked, closing]
    known = [amount for amount in amounts if amount is not None]
    if len(known) < len(amounts) or len({amount.currency for amount in known}) != 1:
        return
    *moved, last = (amount.amount for amount in known)
    if sum(moved, Decimal(0)) != last:
        found.note("iso.balance", "opening balance and booked entries do not come to the closing balance", path, "warning")


def _balance(report: Element, codes: tuple[str, ...]) -> Money | None:
    balances = [each for each in children(report, "Bal") if text(each, "Tp/CdOrPrtry/Cd") in codes]
    return _signed(balances[0], "Amt") if balances else None


def _signed(holder: Element, path: str) -> Money | None:
    try:
        amount = money(child(holder, path))
    except ValueError:
        return None
    return -amount if text(holder, "CdtDbtInd") == "DBIT" else amount


def _reason(entry: Scope, transaction: Element) -> tuple[str, str]:
    """Code and text: of the return if there is one, else the bank's own transaction code and remark."""
    returned = child(transaction, "RtrInf")
    if returned is not None:
        code = text(returned, "Rsn/Cd", "Rsn/Prtry", "RtrRsn/Cd", "RtrRsn/Prtry")
        said = unquoted(" ".join(filter(None, (text(line, ".") for line in children(returned, "AddtlInf")))))
        return code, said or REASONS.get(code, "")
    code = text(transaction, "BkTxCd/Prtry/Cd") or entry.text("BkTxCd/Prtry/Cd")
    return code, text(transaction, "AddtlTxInf")


def write(status: PaymentStatus, profile: Profile, stamp: Stamp) -> bytes:
    """A camt.054 with one booked entry: a debit for a settled payment, a credit for one that came back. Raises Unwritable."""
    if status.amount is None:
        raise Unwritable("a booking needs an amount")
    agreed, back = version(profile), status.status == "returned"
    document, body = message(agreed.notification, "BkToCstmrDbtCdtNtfctn")
    name = reference(status.message or f"{profile.us}-{stamp.number}", "the message's id", profile)
    header = add(body, "GrpHdr")
    add(header, "MsgId", name)
    add(header, "CreDtTm", stamp.at)
    notification = add(body, "Ntfctn")
    add(notification, "Id", name)
    add(notification, "CreDtTm", stamp.at)
    _add_own_account(notification, profile)
    entry = add(notification, "Ntry")
    add_money(entry, "Amt", status.amount)
    add(entry, "CdtDbtInd", "CRDT" if back else "DBIT")
    add(entry, "Sts/Cd" if agreed.modern else "Sts", "BOOK")
    add(entry, "BookgDt/DtTm", written(status.at))
    if status.bank_reference:
        add(entry, "AcctSvcrRef", reference(status.bank_reference, "the bank's reference", profile))
    _add_kind(entry, status, profile)
    _add_details(entry, status, profile)
    return serialised(document)


def _add_own_account(notification: Element, profile: Profile) -> None:
    number = option(profile, "debtor_account")
    if number:
        add_account(notification, "Acct", number, option(profile, "debtor_routing"))
    else:
        add(notification, "Acct/Id/Othr/Id", "NOTPROVIDED")


def _add_kind(entry: Element, status: PaymentStatus, profile: Profile) -> None:
    """BkTxCd: an issued credit transfer or its return, and the bank's own code of a settled one."""
    kind = add(entry, "BkTxCd")
    domain = add(kind, "Domn")
    add(domain, "Cd", "PMNT")
    family = add(domain, "Fmly")
    add(family, "Cd", "ICDT")
    add(family, "SubFmlyCd", "RRTN" if status.status == "returned" else "ESCT")
    if status.code and status.status == "settled":
        add(kind, "Prtry/Cd", reference(status.code, "the bank's transaction code", profile))


def _add_details(entry: Element, status: PaymentStatus, profile: Profile) -> None:
    details = add(entry, "NtryDtls/TxDtls")
    add(details, "Refs/EndToEndId", reference(status.payment, "the payment's id", profile))
    if status.status == "settled":
        if status.reason:
            add(details, "AddtlTxInf", words(status.reason, "the reason", profile, 500))
        return
    returned = add(details, "RtrInf")
    if len(status.code) == 4 and status.code.isascii() and status.code.isalnum() and status.code.isupper():
        add(returned, "Rsn/Cd", status.code)
    elif status.code:
        add(returned, "Rsn/Prtry", reference(status.code, "the reason code", profile))
    for line in pieces(words(status.reason, "the reason", profile, 2000), 105):
        add(returned, "AddtlInf", line)
