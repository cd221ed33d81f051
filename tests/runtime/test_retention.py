"""Retention: raw bytes end with their class's time, by the key of their shelf, and the chain and the verifier do not notice."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from suture.formats.csv_tables import FORMAT as CSV
from suture.formats.hl7v2 import FORMAT as HL7
from suture.formats.json import FORMAT as JSON
from suture.journal import Unit, open_journal
from suture.journal.blobs import BlobDamaged, address_of, load_or_create_key
from suture.journal.seal import load_or_create_signing_key, seal, verify
from suture.journal.shelves import Keys, Shredded, begin_shelves, load_keys
from suture.model import Decision, Ref
from suture.runtime.retention import SHELF, shelf, shelf_of, shelves, shred

THEN = datetime(2024, 1, 15, tzinfo=UTC)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
RAW = b"MSH|^~\\&|EHR|a usage of long ago"
BY = {"actor": "omar", "reason": "yearly clearing"}


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    load_or_create_key(tmp_path / "blobs.key")
    assert load_keys(tmp_path).folder is None, "a journal of before there were shelves goes on as it was"
    return begin_shelves(tmp_path)


def test_a_new_journal_has_shelves_from_its_first_byte_on(tmp_path: Path) -> None:
    assert load_keys(tmp_path).folder == load_keys(tmp_path).folder == tmp_path / "blobs.keys"
    sealed = load_keys(tmp_path).seal("patient-2024-01", address_of(RAW), RAW)
    load_keys(tmp_path).destroy("patient-2024-01")
    with pytest.raises(Shredded):
        load_keys(tmp_path).open(address_of(RAW), sealed)


def kept(tmp_path: Path, keys: Keys, name: str = "patient-2024-01", raw: bytes = RAW) -> str:
    journal = open_journal(str(tmp_path / "j.db"), keys)
    journal.commit([Unit(blobs=[(address_of(raw), raw)], shelf=name)])
    journal.close()
    return address_of(raw)


def test_a_shelf_is_a_class_and_a_month() -> None:
    assert shelf_of(HL7, NOW) == "patient-2026-03"
    assert shelf_of(CSV, NOW) == shelf_of(JSON, NOW) == "financial-2026-03"
    assert shelf("patient-2024-12").ends == datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=400)
    with pytest.raises(ValueError, match="no class"):
        shelf("secret-2024-12")


def test_bytes_are_there_until_their_key_is_destroyed_in_every_copy(tmp_path: Path, keys: Keys) -> None:
    address = kept(tmp_path, keys)
    shutil.copy(tmp_path / "j.db", tmp_path / "backup.db")
    journal, copy = (open_journal(str(tmp_path / name), keys) for name in ("j.db", "backup.db"))
    assert journal.blob(address) == copy.blob(address) == RAW

    shred(journal, keys, "patient-2024-01", now=NOW, **BY)
    for each in (journal, copy, open_journal(str(tmp_path / "backup.db"), load_keys(tmp_path))):
        with pytest.raises(Shredded, match="patient-2024-01"):
            each.blob(address)
        each.close()
    assert not list((tmp_path / "blobs.keys").iterdir())


def test_the_chain_holds_as_before(tmp_path: Path, keys: Keys) -> None:
    journal = open_journal(str(tmp_path / "j.db"), keys)
    signing = load_or_create_signing_key(tmp_path / "seal.key")
    shred_first = {"now": NOW, **BY}
    for name in ("patient-2024-01", "patient-2024-02"):
        journal.commit([Unit(blobs=[(address_of(name.encode()), name.encode())], shelf=name)])
    shred(journal, keys, "patient-2024-01", **shred_first)
    before = seal(journal, signing, NOW)
    assert before is not None
    shred(journal, keys, "patient-2024-02", **shred_first)
    after = seal(journal, signing, NOW)
    assert after is not None
    assert (after.events, before.head != after.head) == (2, True)
    assert verify(journal, signing.public_key()) == []


def test_who_destroyed_what_and_why_is_in_the_journal(tmp_path: Path, keys: Keys) -> None:
    kept(tmp_path, keys)
    journal = open_journal(str(tmp_path / "j.db"), keys)
    shred(journal, keys, "patient-2024-01", now=NOW, **BY)
    (row,) = journal.find(Ref(SHELF, "patient-2024-01"))
    assert isinstance(row.event.data, Decision)
    assert (row.event.data.verb, row.event.data.actor, row.event.data.reason) == ("shred", "omar", "yearly clearing")


@pytest.mark.parametrize(
    ("name", "by", "error"),
    [
        ("patient-2026-01", BY, ValueError),
        ("financial-2024-01", BY, ValueError),
        ("patient-2023-01", BY, KeyError),
        ("patient-2024-01", {"actor": "omar", "reason": " "}, ValueError),
        ("../seal", BY, ValueError),
    ],
)
def test_nothing_goes_too_early_by_chance_or_without_a_reason(
    tmp_path: Path, keys: Keys, name: str, by: dict[str, str], error: type[Exception]
) -> None:
    kept(tmp_path, keys)
    kept(tmp_path, keys, "patient-2026-01", b"another one")
    journal = open_journal(str(tmp_path / "j.db"), keys)
    with pytest.raises(error):
        shred(journal, keys, name, now=NOW, **by)
    assert not journal.read(0, 10)
    assert [each.name for each in shelves(journal, keys, NOW)] == ["patient-2024-01", "patient-2026-01"]


def test_a_shelf_that_is_not_one_opens_nothing(tmp_path: Path, keys: Keys) -> None:
    sealed = keys.seal("patient-2024-01", address_of(RAW), RAW)
    assert keys.open(address_of(RAW), sealed) == RAW
    for forged in (b"\x02\x0f../../etc/passw" + sealed[17:], b"\x02\xff" + sealed[2:], b"\x02"):
        with pytest.raises((BlobDamaged, IndexError)):
            keys.open(address_of(RAW), forged)
    with pytest.raises(BlobDamaged):
        keys.open(address_of(RAW), sealed[:-1] + b"x")


def test_hosts_that_share_no_folder_use_only_keys_that_somebody_brought(tmp_path: Path) -> None:
    master = b"m" * 32
    here, there = Keys(master, tmp_path / "a", makes=False), Keys(master, tmp_path / "b", makes=False)
    sealed = here.seal("patient-2024-01", address_of(RAW), RAW)
    assert there.open(address_of(RAW), sealed) == RAW
    Keys(master, tmp_path / "a").make("patient-2024-01")
    with pytest.raises(Shredded, match="never brought here"):
        there.open(address_of(RAW), here.seal("patient-2024-01", address_of(RAW), RAW))


def test_bytes_that_were_kept_before_there_were_shelves_are_still_read(tmp_path: Path, keys: Keys) -> None:
    old = open_journal(str(tmp_path / "old.db"), keys.master)
    old.commit([Unit(blobs=[(address_of(RAW), RAW)])])
    old.close()
    assert open_journal(str(tmp_path / "old.db"), keys).blob(address_of(RAW)) == RAW
