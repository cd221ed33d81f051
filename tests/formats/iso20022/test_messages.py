"""Any bank message: versions, wrappings, refusals."""

from __future__ import annotations

import time

import pytest

from suture.formats import Verdict
from suture.formats.iso20022 import FORMAT
from suture.formats.iso20022.elements import NAMESPACE
from tests.formats.iso20022.bank import PROFILE, STAMP, booked, codes, detail, entry, read, statuses


@pytest.mark.parametrize("name", ["camt.054.001.02", "camt.054.001.08", "camt.054.001.13"])
def test_every_known_version_of_the_namespace_is_read_alike(name: str) -> None:
    """Pitfall: namespace version per bank."""
    body = f"<BkToCstmrDbtCdtNtfctn><Ntfctn>{entry(detail())}</Ntfctn></BkToCstmrDbtCdtNtfctn>"
    reading = read(body, name)
    assert statuses(reading) == [("P-1", "settled", "")]
    assert reading.envelope["message"] == name


@pytest.mark.parametrize(
    "namespace",
    [
        "urn:iso:std:iso:20022:tech:xsd:camt.054.001.99",
        "urn:iso:std:iso:20022:tech:xsd:camt.054.001.14",
        "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08",
        "urn:iso:std:iso:20022:tech:xsd:pain.002.001.10",
        "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08x",
        "camt.054.001.08",
        "urn:x",
    ],
)
def test_an_unknown_version_or_another_messages_namespace_is_refused(namespace: str) -> None:
    body = f"<GrpHdr><MsgId>B-1</MsgId></GrpHdr><Ntfctn>{entry(detail())}</Ntfctn>"
    raw = f'<Document xmlns="{namespace}"><BkToCstmrDbtCdtNtfctn>{body}</BkToCstmrDbtCdtNtfctn></Document>'
    reading = FORMAT.read(raw.encode(), PROFILE)
    assert (reading.kind, reading.message_id, reading.documents) == ("camt.054", "B-1", ())
    assert [str(finding) for finding in reading.errors] == [
        "iso.version at Document: the namespace is none of camt.054.001.01 to camt.054.001.13"
    ]


def test_an_order_in_an_unknown_version_is_answered_with_a_reason() -> None:
    raw = FORMAT.samples[0].raw.replace(b"pain.001.001.09", b"pain.001.001.99")
    reading = FORMAT.read(raw, PROFILE)
    assert codes(reading) == ["iso.version"]
    assert FORMAT.acknowledge is not None
    answer = FORMAT.acknowledge(reading, Verdict(outcome="refused", findings=reading.findings, stamp=STAMP), PROFILE)
    assert answer is not None
    assert b"<OrgnlMsgId>PAY-1001</OrgnlMsgId>" in answer
    assert b"<GrpSts>RJCT</GrpSts><StsRsnInf><Rsn><Cd>FF01</Cd>" in answer


def test_without_a_namespace_nobody_knows_the_version() -> None:
    reading = FORMAT.read(
        f"<Document><BkToCstmrDbtCdtNtfctn><Ntfctn>{entry(detail())}</Ntfctn></BkToCstmrDbtCdtNtfctn></Document>".encode(),
        PROFILE,
    )
    assert codes(reading) == ["iso.version"]
    assert statuses(reading) == [("P-1", "settled", "")]


def test_prefixes_envelopes_and_old_names_do_not_matter() -> None:
    inner = f"<Ntfctn>{entry(detail())}</Ntfctn>"
    bare = f"<Document><BkToCstmrDbtCdtNtfctnV01>{inner}</BkToCstmrDbtCdtNtfctnV01></Document>"
    assert statuses(FORMAT.read(bare.encode(), PROFILE)) == [("P-1", "settled", "")]
    wrapped = (
        f"<BusMsg><AppHdr/><Document xmlns='{NAMESPACE}camt.054.001.08'>"
        f"<BkToCstmrDbtCdtNtfctn>{inner}</BkToCstmrDbtCdtNtfctn></Document></BusMsg>"
    )
    assert statuses(FORMAT.read(wrapped.encode(), PROFILE)) == [("P-1", "settled", "")]
    raw = f"<Document><BkToCstmrDbtCdtNtfctn>{inner}</BkToCstmrDbtCdtNtfctn></Document>"
    prefixed = (
        raw.replace("</", "</p:")
        .replace("<", "<p:")
        .replace("<p:/p:", "</p:")
        .replace("Document>", 'Document xmlns:p="urn:iso:std:iso:20022:tech:xsd:camt.054.001.08">', 1)
    )
    assert statuses(FORMAT.read(prefixed.encode(), PROFILE)) == [("P-1", "settled", "")]


def test_a_message_that_is_none_of_ours_is_refused() -> None:
    assert codes(read("<RmtAdvc/>", "remt.001.001.06")) == ["iso.kind"]
    assert codes(FORMAT.read(b"<Document/>", PROFILE)) == ["iso.kind"]
    assert codes(FORMAT.read(b"<html><body/></html>", PROFILE)) == ["iso.kind"]


def test_an_unknown_time_zone_is_a_finding() -> None:
    assert codes(booked(entry(detail()), timezone="Mars/Olympus")) == ["iso.entry"]


def test_the_id_of_a_message_is_kept_to_a_length_that_fits_a_key() -> None:
    body = f"<CstmrPmtStsRpt><GrpHdr><MsgId>{'9' * 100_000}</MsgId></GrpHdr></CstmrPmtStsRpt>"
    reading = read(body, "pain.002.001.10")
    assert reading.message_id == reading.envelope["id"] == "9" * 128


def _within(kind: str, root: str, head: str, unit: str, tail: str = "") -> bytes:
    """A message of 20,000 units."""
    return f"<Document xmlns='{NAMESPACE}{kind}'><{root}>{head}{unit * 20_000}{tail}</{root}></Document>".encode()


JUNK = "<x/>" * 20_000
TRANSFER = '<CdtTrfTxInf><PmtId><EndToEndId>P</EndToEndId></PmtId><Amt><InstdAmt Ccy="CHF">1</InstdAmt></Amt></CdtTrfTxInf>'
STATUS = "<TxInfAndSts><OrgnlEndToEndId>P</OrgnlEndToEndId></TxInfAndSts>"
NOTICE, ORDER, REPORT = "BkToCstmrDbtCdtNtfctn", "CstmrCdtTrfInitn", "CstmrPmtStsRpt"
COUNTED = "<GrpHdr><MsgId>M</MsgId><NbOfTxs>20000</NbOfTxs></GrpHdr>"
LONG = {
    "accounts": _within("camt.054.001.08", NOTICE, "", "<Ntfctn><Ntry/></Ntfctn>"),
    "transactions of an entry": _within(
        "camt.054.001.08",
        NOTICE,
        f'<Ntfctn><CreDtTm>2026-03-02T09:30:00Z</CreDtTm><Ntry><Amt Ccy="CHF">1</Amt>{JUNK}',
        "<NtryDtls><TxDtls><Refs><EndToEndId>P</EndToEndId></Refs></TxDtls></NtryDtls>",
        "</Ntry></Ntfctn>",
    ),
    "payments of a batch": _within("pain.001.001.09", ORDER, f"{COUNTED}<PmtInf>{JUNK}", TRANSFER, "</PmtInf>"),
    "statuses of a batch": _within("pain.002.001.10", REPORT, f"<OrgnlPmtInfAndSts>{JUNK}", STATUS, "</OrgnlPmtInfAndSts>"),
    "statuses under a long header": _within(
        "pain.002.001.10",
        REPORT,
        f"<GrpHdr>{JUNK}</GrpHdr><OrgnlGrpInfAndSts>{JUNK}<GrpSts>ACSP</GrpSts></OrgnlGrpInfAndSts><OrgnlPmtInfAndSts>",
        STATUS,
        "</OrgnlPmtInfAndSts>",
    ),
}


@pytest.mark.parametrize("name", LONG)
def test_what_surrounds_many_transactions_is_looked_at_once(name: str) -> None:
    began = time.process_time()
    reading = FORMAT.read(LONG[name], PROFILE)
    assert reading.findings
    assert time.process_time() - began < 4
