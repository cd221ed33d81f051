"""Any bank message: versions, wrappings, refusals."""

from __future__ import annotations

import pytest

from suture.formats.iso20022 import FORMAT
from tests.formats.iso20022.bank import PROFILE, booked, codes, detail, entry, read, statuses


@pytest.mark.parametrize("name", ["camt.054.001.02", "camt.054.001.13", "camt.054.001.99"])
def test_the_version_of_the_namespace_does_not_matter(name: str) -> None:
    """Pitfall: namespace version per bank."""
    body = f"<BkToCstmrDbtCdtNtfctn><Ntfctn>{entry(detail())}</Ntfctn></BkToCstmrDbtCdtNtfctn>"
    reading = read(body, name)
    assert statuses(reading) == [("P-1", "settled", "")]
    assert reading.envelope["message"] == name


def test_prefixes_envelopes_and_old_names_do_not_matter() -> None:
    inner = f"<Ntfctn>{entry(detail())}</Ntfctn>"
    bare = f"<Document><BkToCstmrDbtCdtNtfctnV01>{inner}</BkToCstmrDbtCdtNtfctnV01></Document>"
    assert statuses(FORMAT.read(bare.encode(), PROFILE)) == [("P-1", "settled", "")]
    wrapped = (
        f"<BusMsg><AppHdr/><Document xmlns='urn:x'><BkToCstmrDbtCdtNtfctn>{inner}</BkToCstmrDbtCdtNtfctn></Document></BusMsg>"
    )
    assert statuses(FORMAT.read(wrapped.encode(), PROFILE)) == [("P-1", "settled", "")]
    raw = f"<Document><BkToCstmrDbtCdtNtfctn>{inner}</BkToCstmrDbtCdtNtfctn></Document>"
    prefixed = (
        raw.replace("</", "</p:")
        .replace("<", "<p:")
        .replace("<p:/p:", "</p:")
        .replace("Document>", 'Document xmlns:p="urn:x">', 1)
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
