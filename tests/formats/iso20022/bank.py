"""Bank messages in pieces, as tests need them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from lxml import etree
from msgspec import structs

from suture.formats import Profile, Reading, Stamp
from suture.formats.iso20022 import FORMAT
from suture.model import BankAccount, FunctionalAcknowledgement, Money, PaymentInstruction, PaymentStatus

STAMP = Stamp(number=7, at="2026-03-02T09:30:00Z")
OURS = {"debtor_name": "Alpine Care Trust", "debtor_account": "CH9300762011623852957"}
PROFILE = Profile(options=OURS)
PAYMENT = PaymentInstruction(
    id="PAY-1",
    entity="E1",
    supplier="S-7",
    creditor=BankAccount("Sutures and Staples AG", "DE89370400440532013000"),
    amount=Money(Decimal("1250"), "EUR"),
    execute_on=date(2026, 3, 4),
    invoices=("S-7:INV-1", "S-7:INV-2"),
    text="less 2 percent discount",
)


def agreed(**options: str) -> Profile:
    return Profile(options={**OURS, **options})


def order(profile: Profile = PROFILE, **changes: Any) -> etree._Element:
    """The pain.001 for PAYMENT with changes."""
    return etree.fromstring(FORMAT.write(structs.replace(PAYMENT, **changes), profile, STAMP))


def said(root: etree._Element, path: str) -> list[str]:
    """The texts at a path of local names anywhere in the message."""
    names = "/".join(f"{{*}}{name}" for name in path.split("/"))
    return [found.text or "" for found in root.findall(f".//{names}")]


def read(body: str, name: str = "camt.054.001.08", timezone: str = "Europe/Zurich") -> Reading:
    """A message of ours with this body."""
    raw = f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{name}">{body}</Document>'
    return FORMAT.read(raw.encode(), Profile(timezone=timezone))


def codes(reading: Reading) -> list[str]:
    return [finding.code for finding in reading.findings]


def instructed(transfers: str, header: str = "<NbOfTxs>1</NbOfTxs>", batch: str = "") -> Reading:
    return read(
        f"<CstmrCdtTrfInitn><GrpHdr><MsgId>M-1</MsgId>{header}</GrpHdr><PmtInf>{batch}<ReqdExctnDt><Dt>2026-03-04</Dt></ReqdExctnDt>"
        f"<Dbtr><Nm>Trust</Nm></Dbtr>{transfers}</PmtInf></CstmrCdtTrfInitn>",
        "pain.001.001.11",
    )


def transfer(
    name: str = "P-1", amount: str = '<InstdAmt Ccy="EUR">10.00</InstdAmt>', account: str = "<IBAN>DE89370400440532013000</IBAN>"
) -> str:
    return (
        f"<CdtTrfTxInf><PmtId><EndToEndId>{name}</EndToEndId></PmtId><Amt>{amount}</Amt><Cdtr><Nm>Maple</Nm></Cdtr>"
        f"<CdtrAcct><Id>{account}</Id></CdtrAcct></CdtTrfTxInf>"
    )


def report(group: str, batches: str = "", header: str = "<CreDtTm>2026-03-02T11:00:00</CreDtTm>") -> Reading:
    return read(
        f"<CstmrPmtStsRpt><GrpHdr><MsgId>B-1</MsgId>{header}</GrpHdr><OrgnlGrpInfAndSts><OrgnlMsgId>RUN-1</OrgnlMsgId>"
        f"{group}</OrgnlGrpInfAndSts>{batches}</CstmrPmtStsRpt>",
        "pain.002.001.13",
    )


def tx(name: str, status: str = "", reason: str = "") -> str:
    told = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else ""
    return f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId>{status and f'<TxSts>{status}</TxSts>'}{told}</TxInfAndSts>"


def batch_of(transactions: str, status: str = "", reason: str = "") -> str:
    told = f"<StsRsnInf><Rsn><Cd>{reason}</Cd></Rsn></StsRsnInf>" if reason else ""
    state = f"<PmtInfSts>{status}</PmtInfSts>" if status else ""
    return f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>RUN-1-1</OrgnlPmtInfId>{state}{told}{transactions}</OrgnlPmtInfAndSts>"


def verdicts(reading: Reading) -> list[tuple[bool, bool]]:
    return [(each.accepted, each.partial) for each in reading.documents if isinstance(each, FunctionalAcknowledgement)]


def statuses(reading: Reading) -> list[tuple[str, str, str]]:
    return [(each.payment, each.status, each.code) for each in reading.documents if isinstance(each, PaymentStatus)]


def entry(
    details: str = "",
    direction: str = "DBIT",
    extra: str = "",
    amount: str = "100.00",
    status: str = "<Sts><Cd>BOOK</Cd></Sts>",
    booked: str = "<Dt>2026-03-04</Dt>",
) -> str:
    return (
        f'<Ntry><Amt Ccy="CHF">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>{extra}{status}<BookgDt>{booked}</BookgDt>'
        f"<AcctSvcrRef>REF-1</AcctSvcrRef><NtryDtls>{details}</NtryDtls></Ntry>"
    )


def detail(name: str = "P-1", inside: str = "") -> str:
    refs = (
        f"<Refs><EndToEndId>{name}</EndToEndId></Refs>"
        if name
        else "<Refs><UETR>255ae394-9965-4438-ac86-f406feada396</UETR></Refs>"
    )
    return f"<TxDtls>{refs}{inside}</TxDtls>"


def booked(*entries: str, **options: str) -> Reading:
    body = (
        f"<BkToCstmrDbtCdtNtfctn><GrpHdr><MsgId>N-1</MsgId></GrpHdr><Ntfctn>{''.join(entries)}</Ntfctn></BkToCstmrDbtCdtNtfctn>"
    )
    return read(body, **options)


def statement(opening: str, closing: str, *entries: str, currency: str = "CHF") -> str:
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>'
        for code, amount in (("OPBD", opening), ("CLBD", closing))
    )
    return f"<Stmt>{balances}{''.join(entries)}</Stmt>"


def stated(*statements: str) -> Reading:
    return read(f"<BkToCstmrStmt><GrpHdr><MsgId>S-1</MsgId></GrpHdr>{''.join(statements)}</BkToCstmrStmt>", "camt.053.001.02")
