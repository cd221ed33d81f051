"""Canaries: values that must never sing, planted in every format, sound and broken, and listened for wherever the house speaks.

Bank details and patients may be nowhere but in encrypted bytes and in what is sent to their counterpart; persons' names in no
log, metric or address. ``test_the_canaries_would_be_heard`` proves that the listening can fail.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from suture.formats import Profile, Stamp
from suture.formats.csv_tables import FORMAT as CSV
from suture.formats.iso20022 import FORMAT as ISO20022
from suture.journal import Event, Unit, open_journal
from suture.journal.blobs import address_of
from suture.model import BankAccount, Case, MessageReceived, Parked, PaymentStatus, Ref, Supplier, encode
from suture.runtime.telemetry import exposition
from suture.views.events import crossing, written
from tests.runtime.doors import BANK, EHR, NOW, PROCUREMENT, X12, Doors, doors
from tests.runtime.test_bad_input import charge, interchange, notification, requisition

IBAN, HOLDER, ROUTING, TAX = "DE75512108001245126199", "Canarybird Holding", "CANARY33XXX", "DE777123777"
MRN, NAME, BORN, SSN, STAY = "MRN0009815", "CANARYOVA", "19310407", "999-88-7777", "STAYCANARY42"
PERSON, MAIL = "Quirinus Canarius", "quirinus@canary.example"
BANKING = (IBAN, HOLDER, ROUTING, TAX)
PATIENT = (MRN, NAME, BORN, SSN, STAY)
PERSONAL = (PERSON, MAIL)

SUPPLIER = Supplier(
    id="CANARY",
    name="Canary Ltd",
    created_by=PERSON,
    tax_id=TAX,
    account=BankAccount(holder=HOLDER, number=IBAN, routing=ROUTING),
)


def clinical() -> bytes:
    """A charge with all that an EHR says of its patient."""
    lines = charge(MRN).split(b"\r")
    at = next(number for number, line in enumerate(lines) if line.startswith(b"PID|"))
    lines[at] = f"PID|1||{MRN}^^^MAIN^MR||{NAME}^ZDENKA||{BORN}|F|||1 Canary Row||||||||{SSN}".encode()
    lines.insert(at + 1, f"NK1|1|{NAME}^PAVEL|SPO".encode())
    return b"\r".join(lines) + f"NTE|1||{NAME} was here on {BORN}\r".encode()


def banking() -> bytes:
    """A notification that names accounts and quotes one where people write freely."""
    raw = notification(4711)
    party = f"<Cdtr><Nm>{HOLDER}</Nm></Cdtr><CdtrAcct><Id><IBAN>{IBAN}</IBAN></Id></CdtrAcct>"
    return raw.replace(b"<NtryDtls><TxDtls>", f"<NtryDtls><TxDtls><RltdPties>{party}</RltdPties>".encode(), 1)


def refusal() -> bytes:
    """A bank's refusal that quotes the account as people write it."""
    said = f"creditor account {IBAN[:4]} {IBAN[4:8]} {IBAN[8:]} IS CLOSED, see {IBAN}."
    assert ISO20022.write is not None
    status = PaymentStatus(payment="PAY-4711", status="rejected", at=NOW, code="AC04", reason=said)
    return ISO20022.write(status, Profile(us="BANK", partner="SUTURE"), Stamp(number=4712, at=NOW.isoformat()))


def words(raw: bytes, *swaps: tuple[str, str]) -> bytes:
    for old, new in swaps:
        raw = re.sub(old.encode(), new.encode(), raw, count=1)
    return raw


USAGE = f'{{"type":"Usage","id":"U-1","patient":"{MRN}","encounter":"{STAY}","patientName":"{NAME}","dob":"{BORN}"}}'
REQUEST = words(requisition("REQ-CANARY"), (r'"requester":"[^"]*"', f'"requester":"{PERSON}"'))
#: Who sends what: each format, sound, and broken in ways that tempt a reader to quote what it stumbled over.
PLANTED: list[tuple[str, bytes]] = [
    (PROCUREMENT, REQUEST),
    (PROCUREMENT, encode(SUPPLIER)),
    (PROCUREMENT, encode(SUPPLIER).replace(b'"name":"Canary Ltd",', b"")),
    (PROCUREMENT, encode(SUPPLIER).replace(f'"{IBAN}"'.encode(), f'["{IBAN}","{HOLDER}"]'.encode())),
    (PROCUREMENT, encode(SUPPLIER).replace(b'"account":', f'"{IBAN}":"{TAX}","account":'.encode())),
    (PROCUREMENT, encode(SUPPLIER)[:-40]),
    (PROCUREMENT, USAGE.encode()),
    (PROCUREMENT, USAGE.replace('"patient"', '"p\\u0061tient"').encode()),
    (PROCUREMENT, f'{{"type":"Usage","patient":{{"mrn":"{MRN}","name":"{NAME}"}}}}'.encode()),
    (PROCUREMENT, words(REQUEST, (r'"quantity":\{"value":"[^"]*"', f'"quantity":{{"value":"{IBAN}"'))),
    (EHR, clinical()),
    (EHR, clinical().replace(b"|cardiology", f"|cardiology for {NAME}".encode())),
    (EHR, clinical().replace(b"|2.8|", f"|{NAME}|".encode())),
    (EHR, clinical()[:-200]),
    (EHR, clinical().replace(b"\r", b"\n")),
    (EHR, f"{NAME} {MRN}".encode()),
    (BANK, banking()),
    (BANK, refusal()),
    (BANK, words(banking(), (r"(<Amt [^>]*>)[^<]*", rf"\g<1>{IBAN}"))),
    (BANK, words(banking(), (r"<IBAN>[^<]*", f"<IBAN>{IBAN}{IBAN}"))),
    (BANK, banking()[:-60]),
    (BANK, banking().replace(b"camt.054", f"camt.{IBAN}".encode())),
    (X12, interchange(71).replace(b"~IT1", f"~REF*AP*{IBAN}~PER*IC*{PERSON}*EM*{MAIL}~IT1".encode())),
    (X12, words(interchange(72), (r"\*8\.5\*?", f"*{IBAN}*"))),
    (X12, words(interchange(73), (r"~BIG\*[0-9]*", f"~BIG*{IBAN}"))),
    (X12, interchange(74)[:-30] + IBAN.encode()),
]


class Heard(msgspec.Struct):
    """Everything that left the house, by the way it took."""

    ways: dict[str, str]

    def sung(self, values: tuple[str, ...], *ways: str) -> list[tuple[str, str]]:
        """Which canaries were heard, and where; also in base64 and percent encoding."""
        return [(way, value) for way in ways for value in values if any(form in self.ways[way] for form in forms(value))]


def forms(value: str) -> Iterator[str]:
    yield value
    yield f"{value[:4]} {value[4:8]} {value[8:]}"
    yield value.replace(" ", "%20")
    yield base64.b64encode(value.encode()).decode().rstrip("=")[:-1]


async def plant(house: Doors, log: Callable[[], str]) -> Heard:
    for partner, raw in PLANTED:
        await house.give(partner, raw)
    assert house.service.failure is None
    rows = house.journal.read(0, 100_000)
    told = [row.event.data for row in rows]
    findings = [repr(each.findings) for each in told if isinstance(each, MessageReceived | Parked)]
    assert len(findings) >= len(PLANTED)
    events = [crossing(row, "suture") for row in rows]
    return Heard(
        {
            "log": log(),
            "metrics": exposition(house.service.tally, None, ready=True),
            "findings": "\n".join(findings),
            "exceptions and alerts": "\n".join(repr(each) for each in told if isinstance(each, Case)),
            "export": b"\n".join(body for _, body in house.journal.bodies(0, 100_000)).decode(),
            "events": "\n".join(written(each).decode() for each in events if each is not None),
            "keys and addresses": "\n".join(_addresses(house)),
        }
    )


def _addresses(house: Doors) -> Iterator[str]:
    """What becomes part of URLs, file names, traces and labels: keys of events, ids of objects and deliveries."""
    for row in house.journal.read(0, 100_000):
        yield from (row.event.once, row.event.source, row.event.root, row.event.mapping)
        yield from (str(ref) for ref in row.event.refs() if ref.type != "Person")
    for delivery in house.journal.open_deliveries():
        yield from (delivery.id, delivery.key, delivery.note)


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Heard:
    lines: list[str] = []

    class Listening(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler, root = Listening(logging.DEBUG), logging.getLogger()
    handler.setFormatter(logging.Formatter("%(name)s %(message)s %(args)s"))
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)

    async def story() -> Heard:
        async with doors(tmp_path_factory.mktemp("doors")) as house:
            return await plant(house, lambda: "\n".join(lines))

    try:
        return asyncio.run(story())
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


EVERYWHERE = ("log", "metrics", "findings", "exceptions and alerts", "export", "events", "keys and addresses")


def test_no_bank_account_is_heard_anywhere(heard: Heard) -> None:
    assert heard.sung(BANKING, *EVERYWHERE) == []


def test_no_patient_is_heard_anywhere(heard: Heard) -> None:
    assert heard.sung(PATIENT, *EVERYWHERE) == []


def test_no_person_is_heard_in_logs_metrics_and_addresses(heard: Heard) -> None:
    assert heard.sung(PERSONAL, "log", "metrics", "findings", "exceptions and alerts", "keys and addresses") == []


def test_the_canaries_would_be_heard(heard: Heard) -> None:
    assert heard.sung((PERSON,), "export") == [("export", PERSON)]  # who requested it is a fact that an auditor reads
    assert "REQ-CANARY" in heard.ways["events"]
    assert f"…{IBAN[-4:]} IS CLOSED" in heard.ways["export"]
    assert all(heard.ways[way] for way in EVERYWHERE if way != "log")


def test_a_table_with_patients_is_kept_without_them() -> None:
    raw = f"id;Patient MRN;patient name;dob\r\n1;{MRN};{NAME};{BORN}\r\n".encode()
    assert CSV.minimise is not None
    kept = CSV.minimise(raw, lambda identifier: "P0")
    reading = CSV.read(kept, Profile())
    said = kept.decode() + repr(reading)
    assert [value for value in PATIENT if value in said] == []


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("delimiter", [";", "\t", "|", "^"])
def test_a_table_is_without_patients_in_whatever_letters_and_columns_it_comes(charset: str, delimiter: str) -> None:
    rows = (("id", "Patient MRN", "patient name", "dob"), ("1", MRN, NAME, BORN))
    raw = "".join(f"{delimiter.join(row)}\r\n" for row in rows).encode(charset)
    assert CSV.minimise is not None
    kept = CSV.minimise(raw, lambda identifier: "P0")
    bare = kept.replace(b"\0", b"")
    assert [value for value in PATIENT if value.encode() in bare] == []
    assert [value for value in PATIENT if value.encode() in raw.replace(b"\0", b"")], "the test could not tell"


def test_a_journal_on_disk_holds_no_canary(tmp_path: Path) -> None:
    journal = open_journal(str(tmp_path / "j.db"), b"k" * 32)
    raws = [raw for _, raw in PLANTED[1:3]]
    filed = Event(once="s", kind="commanded", source="masters", at=NOW, data=SUPPLIER)
    journal.commit([Unit(events=[filed], blobs=[(address_of(raw), raw) for raw in raws])])
    assert journal.find(Ref("Supplier", "CANARY"))[0].event.data == SUPPLIER
    assert journal.blob(address_of(raws[0])) == raws[0]
    journal.close()
    written_down = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert [value for value in BANKING if value.encode() in written_down] == []
    assert SUPPLIER.name.encode() in written_down  # the test can tell
