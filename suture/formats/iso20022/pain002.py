"""The bank's report on payment orders, pain.002: verdicts on the message, its batches, and single transactions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec
from msgspec import Struct

from suture.formats.format import Profile, Reading, Stamp, Unwritable, Verdict
from suture.formats.iso20022.agreement import Version, version
from suture.formats.iso20022.characters import pieces, reference, words
from suture.formats.iso20022.elements import Element, Scope, add, add_money, child, children, message, money, serialised, text
from suture.formats.iso20022.quoting import unquoted
from suture.formats.iso20022.status_codes import PAYMENT_STATUS, REASON_OF, REASONS, TAKEN, WAITING
from suture.formats.scalars import instant, written
from suture.formats.shape import shaped
from suture.model import Document, Finding, FunctionalAcknowledgement, PaymentStatus, Severity

MOST_STATUSES = 100_000
#: What we say as a bank's twin, by status of a payment.
_SPOKEN = {"accepted": "ACSP", "pending": "PDNG", "rejected": "RJCT"}


def read(body: Element, profile: Profile) -> Reading:
    """One FunctionalAcknowledgement about the original message, if it has a verdict, and a PaymentStatus per transaction.

    A transaction without a status of its own has that of its batch, else of the group; a batch without transactions speaks
    for itself only through the acknowledgement, which names its reason. A refusal with the reason DUPL or AM05 says that the
    bank knows the message already: the first one may well be paid, so it never allows another payment.
    """
    header, group = child(body, "GrpHdr"), child(body, "OrgnlGrpInfAndSts")
    name, original = text(header, "MsgId"), text(group, "OrgnlMsgId")
    batches = list(children(body, "OrgnlPmtInfAndSts"))
    findings: list[Finding] = []
    documents: list[Document] = []
    verdict = _group_verdict(group, batches, original, findings)
    documents += [verdict] if verdict else []
    around, status = Scope(header), text(group, "GrpSts")
    for batch, report, path in _reports(body, batches, findings):
        try:
            documents.append(_status(around, batch, report, status, profile))
        except ValueError as error:
            findings.append(_finding("iso.status", str(error), path))
    if not documents and not findings:
        findings.append(_finding("iso.empty", "no status of anything", "OrgnlGrpInfAndSts"))
    return Reading(message_id=name, documents=tuple(documents), findings=tuple(findings))


class _Batch(Struct, frozen=True):
    """What a batch says of all transactions in it: its status, and the first reason that it gives."""

    status: str = ""
    reason: Finding | None = None


def _reports(body: Element, batches: list[Element], findings: list[Finding]) -> Iterator[tuple[_Batch, Element, str]]:
    """Every TxInfAndSts with its batch (an empty one in the first versions of the message), up to the limit."""
    found = [(_Batch(), report, f"TxInfAndSts[{place}]") for place, report in enumerate(children(body, "TxInfAndSts"), 1)]
    for number, holder in enumerate(batches, 1):
        batch = _Batch(text(holder, "PmtInfSts"), next(_reasons(holder, ""), None))
        found += [
            (batch, report, f"OrgnlPmtInfAndSts[{number}]/TxInfAndSts[{place}]")
            for place, report in enumerate(children(holder, "TxInfAndSts"), 1)
        ]
    if len(found) > MOST_STATUSES:
        findings.append(_finding("iso.limit", f"more than {MOST_STATUSES} transactions; the rest was not read", "TxInfAndSts"))
    return iter(found[:MOST_STATUSES])


def _group_verdict(
    group: Element | None, batches: list[Element], original: str, findings: list[Finding]
) -> FunctionalAcknowledgement | None:
    """The verdict on the whole message: the bank's own, else what its batches add up to, else none."""
    states = [status for status in (text(batch, "PmtInfSts") for batch in batches) if status]
    status = text(group, "GrpSts") or _together(states)
    if not status:
        return None
    if status in WAITING:
        findings.append(_finding("iso.pending", f"{status}: the verdict on the message is to come", "GrpSts", "info"))
        return None
    if status not in TAKEN or not 1 <= len(original) <= 128:
        findings.append(_finding("iso.group_status", "a group status or original message id that is none", "OrgnlGrpInfAndSts"))
        return None
    reasons = list(_reasons(group, "OrgnlGrpInfAndSts"))
    for number, batch in enumerate(batches, 1):
        reasons += _reasons(batch, f"OrgnlPmtInfAndSts[{number}]")
    return FunctionalAcknowledgement(
        reference=original, accepted=status != "RJCT", partial=status == "PART", findings=tuple(reasons)
    )


def _together(states: list[str]) -> str:
    """The group status that the batches imply: PART if they differ in whether they were rejected, else their first."""
    rejected = [status == "RJCT" for status in states]
    return "PART" if any(rejected) and not all(rejected) else states[0] if states else ""


def _status(header: Scope, batch: _Batch, report: Element, group: str, profile: Profile) -> PaymentStatus:
    """The status of one payment; raises ValueError."""
    payment = text(report, "OrgnlEndToEndId")
    if payment in ("", "NOTPROVIDED"):
        raise ValueError("a transaction without OrgnlEndToEndId cannot be matched")
    stated = text(report, "TxSts") or batch.status or group
    if stated not in PAYMENT_STATUS:
        raise ValueError("a transaction status that is none")
    reason = next(_reasons(report, ""), None) or batch.reason
    fields = {
        "payment": payment,
        "status": PAYMENT_STATUS[stated],
        "at": _moment(header, report, profile),
        "code": reason.code if reason else stated,
        "reason": reason.text[:2000] if reason else "",
        "message": header.text("MsgId")[:128],
        "amount": _amount(report),
        "bank_reference": text(report, "AcctSvcrRef", "ClrSysRef"),
    }
    return shaped(fields, PaymentStatus)


def _amount(report: Element) -> object:
    amount = child(report, "OrgnlTxRef/Amt/InstdAmt")
    return None if amount is None else msgspec.structs.asdict(money(amount))


def _moment(header: Scope, report: Element, profile: Profile) -> datetime:
    return instant(text(report, "AccptncDtTm") or header.text("CreDtTm"), profile.timezone)


def _reasons(holder: Element | None, path: str) -> Iterator[Finding]:
    """The status reasons below ``holder`` (StsRsnInf; StsRsn in the first versions): code or the bank's own word, and text."""
    for tag in ("StsRsnInf", "StsRsn"):
        for told in children(holder, tag):
            code = text(told, "Rsn/Cd", "Rsn/Prtry", "Rsn", "Cd", "Prtry")
            said = unquoted(" ".join(filter(None, (text(line, ".") for line in children(told, "AddtlInf")))))
            if code or said:
                yield Finding(code=code or "NARR", text=said or REASONS.get(code, code), path=path)


def _finding(code: str, text: str, path: str, severity: Severity = "error") -> Finding:
    return Finding(code=code, text=text, path=f"CstmrPmtStsRpt/{path}", severity=severity)


def write_status(status: PaymentStatus, profile: Profile, stamp: Stamp) -> bytes:
    """A pain.002 with one transaction; the time of the status is that of the report. Raises Unwritable."""
    if status.status not in _SPOKEN:
        raise Unwritable(f"pain.002 is not where {status.status} is said")
    name = reference(status.message or f"{profile.us}-{stamp.number}", "the report's id", profile)
    reference(status.payment, "the payment's id", profile)
    document, body, _ = _report(name, written(status.at), status.payment, version(profile))
    batch = add(body, "OrgnlPmtInfAndSts")
    add(batch, "OrgnlPmtInfId", status.payment)
    report = add(batch, "TxInfAndSts")
    add(report, "OrgnlEndToEndId", status.payment)
    stated = status.code if PAYMENT_STATUS.get(status.code) == status.status and not status.reason else _SPOKEN[status.status]
    add(report, "TxSts", stated)
    if status.reason or stated != status.code:
        _add_reason(report, status.code, status.reason, profile)
    if status.bank_reference:
        add(report, "AcctSvcrRef", reference(status.bank_reference, "the bank's reference", profile))
    if status.amount is not None:
        add_money(report, "OrgnlTxRef/Amt/InstdAmt", status.amount)
    return serialised(document)


def write_acknowledgement(heard: FunctionalAcknowledgement, profile: Profile, stamp: Stamp) -> bytes:
    """A pain.002 at group level; paths and offsets of the findings have no room in it. Raises Unwritable."""
    name = reference(f"{profile.us}-{stamp.number}", "the report's id", profile)
    original = reference(heard.reference, "the original message's id", profile)
    document, _, group = _report(name, stamp.at, original, version(profile))
    add(group, "GrpSts", "RJCT" if not heard.accepted else "PART" if heard.partial else "ACTC")
    for finding in heard.findings:
        _add_reason(group, finding.code, finding.text, profile)
    return serialised(document)


def acknowledge(reading: Reading, verdict: Verdict, profile: Profile) -> bytes | None:
    """The bank's answer to a pain.001 (a twin of the bank needs it); none to anything else, nor while busy."""
    if reading.kind != "pain.001" or verdict.outcome == "busy":
        return None
    safe = msgspec.structs.replace(profile, options={**profile.options, "characters": "utf-8"})
    refused = [name for name in reading.detail if name] if isinstance(reading.detail, tuple) else []
    findings = verdict.findings or reading.errors
    taken = verdict.outcome == "accepted"
    name = f"{_legal(profile.us)[:20]}-{verdict.stamp.number}"
    original, kind = _legal(reading.message_id)[:35] or "NOTPROVIDED", _legal(reading.envelope.get("message", ""))[:35]
    document, body, group = _report(name, verdict.stamp.at, original, version(profile), kind)
    add(group, "GrpSts", "RJCT" if not taken else "PART" if reading.errors else "ACTC")
    _add_findings(group, findings if not taken or reading.errors else (), safe)
    if taken and refused:
        batch = add(body, "OrgnlPmtInfAndSts")
        add(batch, "OrgnlPmtInfId", "NOTPROVIDED")
        for name in refused:
            report = add(batch, "TxInfAndSts")
            add(report, "OrgnlEndToEndId", name[:35])
            add(report, "TxSts", "RJCT")
    return serialised(document)


def _add_findings(group: Element, findings: Iterable[Finding], profile: Profile) -> None:
    for finding in list(findings)[:100]:
        told = f"{finding.path}: {finding.text}" if finding.path else finding.text
        _add_reason(group, REASON_OF.get(finding.code, "NARR"), _legal(told)[:1000], profile)


def _legal(told: str) -> str:
    """The text in characters that XML can carry."""
    return "".join(letter if letter.isprintable() else " " for letter in told).strip()


def _report(name: str, at: str, original: str, agreed: Version, kind: str = "") -> tuple[Element, Element, Element]:
    """A new pain.002 about the message ``original`` of that ``kind``: document, body and the group's part."""
    document, body = message(agreed.report, "CstmrPmtStsRpt")
    header = add(body, "GrpHdr")
    add(header, "MsgId", name)
    add(header, "CreDtTm", at)
    group = add(body, "OrgnlGrpInfAndSts")
    add(group, "OrgnlMsgId", original)
    add(group, "OrgnlMsgNmId", kind or agreed.instruction)
    return document, body, group


def _add_reason(parent: Element, code: str, said: str, profile: Profile) -> None:
    """StsRsnInf with an ISO code (four capitals or digits) or the bank's own, and the text in lines of 105."""
    if not code and not said:
        return
    told = add(parent, "StsRsnInf")
    if len(code) == 4 and code.isascii() and code.isalnum() and code.isupper():
        add(told, "Rsn/Cd", code)
    elif code:
        add(told, "Rsn/Prtry", reference(code, "a reason code", profile))
    for line in pieces(words(said, "a reason", profile, 4000), 105):
        add(told, "AddtlInf", line)
