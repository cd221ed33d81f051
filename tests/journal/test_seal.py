"""The seal: whoever changes, removes, adds or moves a sealed event, or a checkpoint, is found out."""

from __future__ import annotations

import hashlib
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_public_key

from suture.journal import Checkpoint, Fenced, Journal, MemoryJournal, Unit, load_or_create_signing_key, open_journal
from suture.journal.drafts import decode_event, encode_event
from suture.journal.seal import public_pem, seal, signed_bytes, verify
from tests.journal.units import KEY, NOON, event, later, order, said

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SIGNER.public_key()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of nine sealed events (three checkpoints) and one that is not sealed yet, closed."""
    path = tmp_path / "journal.db"
    journal = open_journal(path, KEY)
    for number in range(3):
        journal.commit([said(f"e{number}{part}") for part in "abc"])
        seal(journal, SIGNER, later(number))
    journal.commit([said("late")])
    journal.close()
    return path


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """The same, open."""
    opened = open_journal(path, KEY)
    yield opened
    opened.close()


def found(path: Path, *statements: str, anchor: Checkpoint | None = None) -> list[tuple[str, int]]:
    """Code and position of what ``verify`` finds after these changes to the file."""
    with sqlite3.connect(path) as db:
        for statement in statements:
            assert db.execute(statement).rowcount > 0, statement
    db.close()
    journal = open_journal(path, KEY)
    try:
        return [(finding.code, finding.offset) for finding in verify(journal, PUBLIC, anchor)]
    finally:
        journal.close()


def test_an_honest_journal_verifies(path: Path) -> None:
    assert found(path) == []


def test_the_chain_can_be_recomputed_from_what_is_written_about_it(journal: Journal) -> None:
    head = bytes(32)
    for position, body in journal.bodies(0, 9):
        head = hashlib.sha256(head + position.to_bytes(8, "big") + hashlib.sha256(body).digest()).digest()
    latest = journal.checkpoint()
    assert latest is not None
    assert (latest.position, latest.events, latest.head) == (9, 9, head.hex())
    text = f"suture-seal-1\n9\n9\n{head.hex()}\n2026-03-02T12:00:02.000000Z\n"
    assert signed_bytes(latest) == text.encode()
    public = load_pem_public_key(public_pem(SIGNER))
    public.verify(bytes.fromhex(latest.signature), text.encode())  # type: ignore[union-attr, call-arg]


def test_an_event_encodes_to_the_bytes_that_were_stored(journal: Journal) -> None:
    journal.commit([Unit(events=[event("order", order("PO-1"), to=("matching", "k"), seen=("a#1", "b#2"), blob="0" * 64)])])
    for _, body in journal.bodies(0, 100):
        assert encode_event(decode_event(body)) == body


CHANGED = "update events set body = cast(replace(body, 'confirmed', 'cancelled') as blob) where position = 5"


@pytest.mark.parametrize(
    ("statements", "codes"),
    [
        ([CHANGED], [("seal.head", 6)]),
        (["delete from events where position = 2"], [("seal.events", 3), ("seal.head", 3)]),
        (["delete from events where position = 9"], [("seal.events", 9), ("seal.head", 9)]),
        (
            ["insert into events select 0, 'new', kind, type, source, at, root, body from events where position = 1"],
            [("seal.events", 0)],
        ),
        (
            [
                "update events set position = 99 where position = 5",
                "update events set position = 5 where position = 4",
                "update events set position = 4 where position = 99",
            ],
            [("seal.head", 6)],
        ),
        (["update events set position = 11 where position = 10"], []),
        (["update checkpoints set events = 7 where position = 6"], [("seal.signature", 6), ("seal.events", 6)]),
        (["update checkpoints set at = at + 1 where position = 6"], [("seal.signature", 6)]),
        (["update checkpoints set signature = 'zz' where position = 6"], [("seal.signature", 6)]),
        (["update checkpoints set head = 'zz' where position = 9"], [("seal.signature", 9), ("seal.head", 9)]),
    ],
)
def test_tampering_is_found_and_located(path: Path, statements: list[str], codes: list[tuple[str, int]]) -> None:
    assert found(path, *statements) == codes


def test_an_event_put_into_a_gap_is_found(path: Path) -> None:
    move = "update events set position = position + 1 where position = 10"
    add = "insert into events select 10, 'new', kind, type, source, at, root, body from events where position = 1"
    assert found(path, move, add) == [], "not sealed yet, so nobody can tell"
    journal = open_journal(path, KEY)
    seal(journal, SIGNER, later(9))
    journal.close()
    again = "insert into events select 12, 'newer', kind, type, source, at, root, body from events where position = 1"
    assert found(path, again) == []
    assert found(path, "update events set position = 13 where position = 10") == [("seal.events", 11), ("seal.head", 11)]


def test_a_checkpoint_of_another_key_is_found(path: Path) -> None:
    journal = open_journal(path, KEY)
    other = Ed25519PrivateKey.generate()
    seal(journal, other, later(9))
    assert [finding.code for finding in verify(journal, PUBLIC)] == ["seal.signature"]
    assert [finding.code for finding in verify(journal, other.public_key())] == ["seal.signature"] * 3
    journal.close()


def test_cutting_off_the_end_is_found_with_an_anchor_only(path: Path) -> None:
    journal = open_journal(path, KEY)
    anchor = journal.checkpoint()
    assert anchor is not None
    assert verify(journal, PUBLIC, anchor) == []
    journal.close()
    cut = ["delete from events where position > 6", "delete from checkpoints where position > 6"]
    assert found(path, *cut) == []
    assert found(path, anchor=anchor) == [("seal.anchor", 9)]


def test_findings_say_where_to_look(path: Path) -> None:
    found(path, CHANGED)
    journal = open_journal(path, KEY)
    [finding] = verify(journal, PUBLIC)
    journal.close()
    assert str(finding) == "seal.head at checkpoint 6: what stands after position 3 up to 6 is not what was sealed"


def test_sealing_goes_on_where_it_ended_and_in_portions() -> None:
    journal = MemoryJournal(KEY)
    assert seal(journal, SIGNER, NOON) is None
    journal.commit([said(f"e{number}") for number in range(2_345)])
    sizes = []
    while sealed := seal(journal, SIGNER, NOON, limit=1_100):
        sizes.append(sealed.events)
    assert sizes == [1_100, 2_200, 2_345]
    assert verify(journal, PUBLIC) == []
    assert seal(journal, SIGNER, NOON) is None


def test_two_sealers_cannot_seal_the_same_position(path: Path) -> None:
    one, two = open_journal(path, KEY), open_journal(path, KEY)
    sealed = seal(one, SIGNER, later(8))
    assert sealed is not None
    with pytest.raises(Fenced):
        two.commit([Unit(checkpoints=[msgspec.structs.replace(sealed, at=later(9))])])
    assert seal(two, SIGNER, later(9)) is None
    one.close()
    two.close()


@pytest.mark.postgres
def test_gaps_of_positions_are_part_of_what_is_sealed(postgres_url: str) -> None:
    """PostgreSQL leaves positions unused after a repeat or a failure; the seal covers what is there."""
    journal = open_journal(postgres_url, KEY)
    journal.commit([said("a"), said("b")])
    journal.commit([said("a"), said("c")])
    with pytest.raises(Fenced):
        journal.commit([said("d"), Unit(done=[1])])
    journal.commit([said("d")])
    positions = [recorded.position for recorded in journal.read(0, 10)]
    assert positions != list(range(1, 5))
    sealed = seal(journal, SIGNER, NOON)
    assert sealed is not None
    assert (sealed.position, sealed.events) == (positions[-1], 4)
    assert verify(journal, PUBLIC) == []
    journal.close()


def test_a_signing_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "seal.pem"
    key = load_or_create_signing_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert public_pem(load_or_create_signing_key(path)) == public_pem(key)


def test_a_signing_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seal.pem"
    path.write_bytes(generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ValueError, match="no Ed25519 key"):
        load_or_create_signing_key(path)
