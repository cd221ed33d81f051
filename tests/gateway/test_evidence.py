"""The evidence pack: complete for every payment of a day, provable without us, and short of nothing without saying so."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from suture.cli import application
from suture.gateway.evidence import Ambiguous, Evidence, Unknown, evidence, gathering, page
from suture.journal import Event, Journal, MemoryJournal, Unit, load_or_create_signing_key, open_journal
from suture.journal.blobs import load_or_create_key
from suture.journal.seal import public_pem
from suture.model import (
    Approval,
    Case,
    Document,
    Invoice,
    MatchResult,
    PaymentInstruction,
    PaymentStatus,
    Policy,
    PurchaseOrder,
    ReceiptPosted,
    Ref,
    Remittance,
    Requisition,
    Supplier,
)
from tests.day import Day
from verifier.reading import NotAnExport
from verifier_of_evidence import verify_evidence

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
POINTS = {
    *("Need", "Authority to buy", "Order", "Acknowledgement", "Receipt", "Invoice", "Match", "Approval of the invoice"),
    *("Payment order", "Segregation of duties", "Bank's word", "Remittance and posting"),
    *("Policies", "Raw messages", "Obligations", "Exceptions", "Ledger proof", "Completeness"),
}


def opened(folder: Path) -> Journal:
    return open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))


@pytest.fixture(scope="module")
def kept(day: Day) -> Iterator[Journal]:
    journal = opened(day.folder)
    yield journal
    journal.close()


@pytest.fixture(scope="module")
def public(day: Day) -> bytes:
    return public_pem(load_or_create_signing_key(day.folder / "seal.key"))


def documents(journal: Journal, kind: type[Any]) -> list[Any]:
    return [row.event.data for row in journal.read(0, 1_000_000) if type(row.event.data) is kind]


def settled(journal: Journal) -> list[str]:
    """Payments that the bank carried out."""
    return [status.payment for status in documents(journal, PaymentStatus) if status.status == "settled"]


@pytest.fixture(scope="module")
def pack(kept: Journal, public: bytes) -> Evidence:
    return evidence(kept, settled(kept)[0], "north", NOW, public)


# -- what it holds


def test_every_payment_of_the_day_is_complete_to_the_last_point(kept: Journal, public: bytes) -> None:
    payments = settled(kept)
    assert len(payments) > 5
    for id in payments:
        made = evidence(kept, id, "north", NOW, public)
        assert {item.name for item in made.checklist} == POINTS
        missing = {item.name: item.text for item in made.checklist if item.state == "missing"}
        # what is still on its way, or was raised and is open, is told and not glossed over
        assert missing.keys() <= {"Obligations", "Exceptions"}, (id, missing)
        assert {fact.type for fact in made.facts} >= {"Requisition", "PurchaseOrder", "Invoice", "Decided", "MessageReceived"}


def test_any_number_leads_to_the_same_chain(kept: Journal, public: bytes, pack: Evidence) -> None:
    (payment,) = [each for each in documents(kept, PaymentInstruction) if each.id == pack.subject.partition(":")[2]]
    for id in (payment.invoices[0], f"Payment:{payment.id}"):
        found = evidence(kept, id, "north", NOW, public)
        assert {fact.position for fact in pack.facts} <= {fact.position for fact in found.facts} | {
            fact.position for fact in pack.facts if fact.type in ("Supplier", "Policy")
        }
    with pytest.raises(Unknown):
        evidence(kept, "PAY-NOBODY-KNOWS", "north", NOW, public)


def test_neighbours_stay_out(kept: Journal, public: bytes) -> None:
    requisitions = {each.id: {line.supplier for line in each.lines} for each in documents(kept, Requisition)}
    for payment in documents(kept, PaymentInstruction):
        made = evidence(kept, payment.id, "north", NOW, public)
        assert {fact.document["id"] for fact in made.facts if fact.type == "PaymentInstruction"} == {payment.id}
        others = {fact.document["supplier"] for fact in made.facts if fact.type in ("PurchaseOrder", "Invoice")}
        assert others == {payment.supplier}, requisitions


def test_an_order_that_has_not_come_far_is_asked_for_no_more_than_it_has(kept: Journal, public: bytes) -> None:
    rows = kept.read(0, 1_000_000)
    first = next(index for index, row in enumerate(rows) if isinstance(row.event.data, PaymentInstruction))
    morning = MemoryJournal()
    morning.commit([Unit(events=[row.event]) for row in rows[:first]])
    orders = documents(morning, PurchaseOrder)
    assert len(orders) > 5
    for order in orders:
        made = evidence(morning, order.id, "north", NOW, public)
        states = {item.name: item.state for item in made.checklist}
        assert states["Payment order"] == states["Bank's word"] == "not reached"
        assert states["Need"] == states["Order"] == "present"
        assert states["Ledger proof"] == "missing", "nothing of this journal was ever sealed"


def test_the_number_as_printed_leads_to_the_bill_and_not_to_a_neighbour(kept: Journal, public: bytes) -> None:
    for bill in documents(kept, Invoice):
        made = evidence(kept, bill.number, "north", NOW, public)
        assert made.subject == f"Invoice:{bill.id}"
    bill = documents(kept, Invoice)[0]
    both = MemoryJournal()
    twin = msgspec.structs.replace(bill, supplier="ASPEN")
    both.commit([Unit(events=[Event(once=each.id, kind="accepted", source="s", at=NOW, data=each)]) for each in (bill, twin)])
    with pytest.raises(Ambiguous, match="ASPEN"):
        evidence(both, bill.number, "north", NOW, public)


def test_the_policies_are_those_in_force_then_not_now(day: Day, tmp_path: Path, public: bytes) -> None:
    folder = Path(shutil.copytree(day.folder, tmp_path / "day"))
    journal = opened(folder)
    later = Policy(id="tolerances", version=9, effective=datetime(2026, 1, 1, tzinfo=UTC), author="a", approver="b", values={})
    journal.commit([Unit(events=[Event(once="late", kind="commanded", source="masters", at=NOW, data=later)])])
    made = evidence(journal, settled(journal)[0], "north", NOW, public)
    versions = {policy.name: policy.version for policy in made.policies}
    assert versions["tolerances"] == 1, "published after the decisions, whatever day it says"
    assert all(policy.author != policy.approver for policy in made.policies)
    decided = {fact.position for fact in made.facts if fact.type == "Decided"}
    assert all(set(policy.decided) <= decided and policy.decided for policy in made.policies)
    journal.close()


def test_bank_accounts_are_masked_and_withheld_unless_unmasked(kept: Journal, public: bytes, pack: Evidence) -> None:
    (payment,) = [each for each in documents(kept, PaymentInstruction) if each.id == pack.subject.partition(":")[2]]
    number = payment.creditor.number.encode()
    said = page(pack) + inside(page(pack))
    assert number not in said
    assert [fact.type for fact in pack.facts if fact.withheld] == ["Supplier", "PaymentInstruction"]
    shown = evidence(kept, payment.id, "north", NOW, public, unmasked=True)
    assert number in page(shown)
    assert not any(fact.withheld for fact in shown.facts)


# -- what is missing is said


class Altered:
    """A journal without some of its facts, or with others in their place."""

    def __init__(self, journal: Journal, change: Callable[[Document], Document | None]) -> None:
        self._journal, self._change = journal, change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    def find(self, ref: Ref, limit: int = 1000) -> list[Any]:
        return self._seen(self._journal.find(ref, limit))

    def by_once(self, onces: Any) -> dict[str, Any]:
        return {row.event.once: row for row in self._seen(list(self._journal.by_once(onces).values()))}

    def _seen(self, rows: list[Any]) -> list[Any]:
        changed = ((row, self._change(row.event.data)) for row in rows)
        return [
            msgspec.structs.replace(row, event=msgspec.structs.replace(row.event, data=data))
            for row, data in changed
            if data is not None
        ]


def without(kind: type[Document]) -> Callable[[Document], Document | None]:
    return lambda document: None if type(document) is kind else document


def released_by_the_maker(document: Document) -> Document:
    if isinstance(document, PaymentInstruction):
        return msgspec.structs.replace(document, released_by=("VENDOR-DESK-1",))
    return document


def approved_by_nobody_else(document: Document) -> Document:
    return msgspec.structs.replace(document, approver=document.author) if isinstance(document, Policy) else document


def never_matched(document: Document) -> Document:
    return msgspec.structs.replace(document, outcome="exception") if isinstance(document, MatchResult) else document


LACKING: dict[str, tuple[Callable[[Document], Document | None], str]] = {
    "the requisition": (without(Requisition), "Need"),
    "the receipt": (without(ReceiptPosted), "Receipt"),
    "the bank's word": (without(PaymentStatus), "Bank's word"),
    "the remittance": (without(Remittance), "Remittance and posting"),
    "the supplier's maker": (without(Supplier), "Segregation of duties"),
    "a second pair of hands": (released_by_the_maker, "Segregation of duties"),
    "a match": (never_matched, "Match"),
}


@pytest.mark.parametrize("lacking", LACKING)
def test_what_is_missing_is_missing_on_the_checklist(kept: Journal, public: bytes, pack: Evidence, lacking: str) -> None:
    change, point = LACKING[lacking]
    altered: Any = Altered(kept, change)
    made = evidence(altered, pack.subject, "north", NOW, public)
    assert {item.name for item in made.checklist if item.state == "missing"} >= {point}
    assert not made.complete
    assert b"Not complete" in page(made)


def test_an_approval_by_whoever_asked_is_none(kept: Journal, public: bytes) -> None:
    approved = [each for each in documents(kept, Approval) if each.subject.type == "Requisition" and each.decision == "approve"]
    need = {each.id: each for each in documents(kept, Requisition)}[approved[0].subject.id]

    def own(document: Document) -> Document:
        return msgspec.structs.replace(document, approver=need.requester.upper()) if isinstance(document, Approval) else document

    altered: Any = Altered(kept, own)
    made = evidence(altered, need.id, "north", NOW, public)
    (item,) = [item for item in made.checklist if item.name == "Authority to buy"]
    assert (item.state, "approved by whoever asked" in item.text) == ("missing", True)


def test_raw_bytes_that_are_gone_are_missed(
    kept: Journal, public: bytes, pack: Evidence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gathering, "_kept", lambda journal, address: False)
    made = evidence(kept, pack.subject, "north", NOW, public)
    assert {item.name for item in made.checklist if item.state == "missing"} == {"Raw messages"}


def test_an_open_exception_is_missing_and_a_settled_one_is_told(kept: Journal, public: bytes) -> None:
    cases = documents(kept, Case)
    assert cases, "nothing went wrong that day"
    for case in cases:
        for ref in case.objects:
            if ref.type in ("PurchaseOrder", "Invoice", "Payment"):
                made = evidence(kept, ref.id, "north", NOW, public)
                (item,) = [item for item in made.checklist if item.name == "Exceptions"]
                assert item.state in ("missing", "present")
                assert item.positions


# -- the proof


def inside(html: bytes) -> bytes:
    (found,) = re.findall(rb"base64,([A-Za-z0-9+/=]+)", html)
    return gzip.decompress(base64.b64decode(found))


def rewritten(html: bytes, change: Callable[[Any], None]) -> bytes:
    """The page with other evidence inside."""
    said = json.loads(inside(html))
    change(said)
    (found,) = re.findall(rb"base64,([A-Za-z0-9+/=]+)", html)
    return html.replace(found, base64.b64encode(gzip.compress(json.dumps(said).encode())))


def test_the_verifier_believes_it(pack: Evidence) -> None:
    found = verify_evidence(page(pack))
    assert (found.sound, found.findings) == (True, ())
    assert (found.facts, found.with_bytes) == (len(pack.facts), len([fact for fact in pack.facts if fact.body]))


def index_of(said: Any, type: str) -> int:
    return next(index for index, fact in enumerate(said["facts"]) if fact["type"] == type)


def _document(said: Any) -> None:
    said["facts"][index_of(said, "Invoice")]["document"]["total"]["amount"] = "1.00"


def _body(said: Any) -> None:
    fact = said["facts"][index_of(said, "Invoice")]
    fact["body"] = fact["body"].replace("USD", "EUR")


def _body_and_hash(said: Any) -> None:
    import hashlib

    fact = said["facts"][index_of(said, "Invoice")]
    fact["body"] = fact["body"].replace("USD", "EUR")
    fact["document"] = json.loads(fact["body"])["data"]
    fact["body_sha256"] = hashlib.sha256(fact["body"].encode()).hexdigest()


def _raw(said: Any) -> None:
    said["facts"][index_of(said, "MessageReceived")]["raw_sha256"] = "0" * 64


def _moved(said: Any) -> None:
    said["facts"][index_of(said, "Invoice")]["position"] += 1


def _invented(said: Any) -> None:
    said["facts"].append({**copy.deepcopy(said["facts"][-1]), "position": 999_999})


def _hashes(said: Any) -> None:
    stretch = said["proof"]["stretches"][0]
    raw = bytearray(base64.b64decode(stretch["hashes"]))
    raw[40] ^= 1
    stretch["hashes"] = base64.b64encode(raw).decode()


def _head(said: Any) -> None:
    said["proof"]["stretches"][0]["checkpoint"]["head"] = "0" * 64


def _events(said: Any) -> None:
    said["proof"]["stretches"][0]["checkpoint"]["events"] += 1


def _no_proof(said: Any) -> None:
    said["proof"]["stretches"] = []


@pytest.mark.parametrize(
    "change",
    [_document, _body, _body_and_hash, _raw, _moved, _invented, _hashes, _head, _events, _no_proof],
    ids=lambda f: f.__name__,
)
def test_whatever_is_changed_is_found(pack: Evidence, change: Callable[[Any], None]) -> None:
    assert not verify_evidence(rewritten(page(pack), change)).sound


def test_another_key_is_found_and_a_page_without_evidence_is_refused(pack: Evidence, tmp_path: Path) -> None:
    other = load_or_create_signing_key(tmp_path / "other.key").public_key()
    assert not verify_evidence(page(pack), other).sound
    for html in (b"<!doctype html><p>trust me", page(pack) + page(pack), page(pack).replace(b"base64,H4", b"base64,AA")):
        with pytest.raises(NotAnExport):
            verify_evidence(html)
    with pytest.raises(NotAnExport, match="format"):
        verify_evidence(rewritten(page(pack), lambda said: said.update(format="suture-evidence-9")))


def test_many_short_stretches_prove_as_well_as_one(day: Day, tmp_path: Path) -> None:
    """As in service, where the journal is sealed each minute."""
    from suture.journal.seal import seal

    folder = Path(shutil.copytree(day.folder, tmp_path / "day"))
    source = opened(folder)
    key = load_or_create_signing_key(folder / "seal.key")
    target = open_journal(str(tmp_path / "fresh.db"), load_or_create_key(folder / "blobs.key"))
    target.commit([Unit(events=[row.event]) for row in source.read(0, 1_000_000)])
    while seal(target, key, NOW, limit=50):
        pass
    made = evidence(target, settled(source)[0], "north", NOW, public_pem(key))
    assert len(made.proof.stretches) > 5
    assert made.proof.unsealed == ()
    found = verify_evidence(page(made))
    assert (found.sound, found.stretches) == (True, len(made.proof.stretches))
    assert len(page(made)) < 600_000
    source.close()
    target.close()


# -- the page


def test_the_page_needs_nothing_and_runs_nothing(pack: Evidence) -> None:
    html = page(pack).decode()
    assert "<script" not in html
    assert not re.findall(r'(?:src|href)="(?!#|data:application/gzip)', html)
    assert "default-src 'none'" in html
    assert page(pack) == page(pack)
    anchors = set(re.findall(r'href="#(f\d+)"', html))
    there = re.findall(r'id="(f\d+)"', html)
    assert len(there) == len(set(there)), "a fact stands once under its anchor"
    assert anchors <= set(there), f"links that lead nowhere: {sorted(anchors - set(there))[:5]}"


def test_what_partners_wrote_is_text(kept: Journal, public: bytes, pack: Evidence) -> None:
    def evil(document: Document) -> Document:
        if isinstance(document, Supplier):
            return msgspec.structs.replace(document, name='<script>alert(1)</script>"><img src=x>')
        return document

    altered: Any = Altered(kept, evil)
    html = page(evidence(altered, pack.subject, "<b>north</b>", NOW, public)).decode()
    assert "<script" not in html
    assert "<img" not in html
    assert "<b>north" not in html


def test_the_command_writes_it_and_a_stranger_checks_it(day: Day, tmp_path: Path, kept: Journal) -> None:
    folder = Path(shutil.copytree(day.folder, tmp_path / "day"))
    id, file = settled(kept)[0], tmp_path / "pack.html"
    outcome = CliRunner().invoke(application(["evidence"]), ["evidence", id, "-o", str(file), "-j", str(folder)])
    assert outcome.exit_code in (0, 1), outcome.output
    assert id in outcome.output
    checked = subprocess.run(
        [sys.executable, "-m", "verifier_of_evidence", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (checked.returncode, "sound" in checked.stdout) == (0, True), checked.stdout + checked.stderr
    unknown = CliRunner().invoke(application(["evidence"]), ["evidence", "PAY-X", "-j", str(folder)])
    assert (unknown.exit_code, "nothing is known" in unknown.output) == (1, True)


def test_who_unmasks_says_why_and_it_stands_in_the_sealed_journal(day: Day, tmp_path: Path, kept: Journal) -> None:
    folder = Path(shutil.copytree(day.folder, tmp_path / "day"))
    id, file = settled(kept)[0], tmp_path / "pack.html"
    words = ["evidence", id, "-o", str(file), "-j", str(folder), "--unmask", "audit 7: was the payee the supplier?"]
    assert CliRunner().invoke(application(["evidence"]), words).exit_code in (0, 1)
    journal = opened(folder)
    (row,) = [row for row in journal.find(Ref("Note", id)) if type(row.event.data).__name__ == "Decision"]
    assert row.event.data.reason.startswith("audit 7")  # type: ignore[union-attr]  # a decision has one
    checkpoint = journal.checkpoint()
    assert checkpoint is not None
    assert checkpoint.position >= row.position
    journal.close()
    exported = tmp_path / "day.jsonl"
    assert CliRunner().invoke(application(["export"]), ["export", str(exported), "-j", str(folder)]).exit_code == 0
    done = subprocess.run(
        [sys.executable, "-m", "verifier", str(exported)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout
