"""Raw bytes at rest: nothing readable on disk, nothing changed unnoticed, nothing opened with another key."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suture.journal import BlobDamaged, address_of, load_or_create_key
from suture.journal.blobs import open_sealed, seal
from suture.journal.keys import load_or_create
from tests.journal.units import KEY

SECRET = b"MSH|^~\\&|WARD|NORTH|" * 40
ADDRESS = address_of(SECRET)


@given(st.binary(max_size=5_000) | st.binary(max_size=20).map(lambda part: part * 300))
def test_what_was_sealed_comes_back(content: bytes) -> None:
    address = address_of(content)
    assert open_sealed(KEY, address, seal(KEY, address, content)) == content


def test_sealed_bytes_tell_nothing_and_are_smaller_where_content_repeats() -> None:
    sealed = seal(KEY, ADDRESS, SECRET)
    assert b"WARD" not in sealed
    assert len(sealed) < len(SECRET) // 4
    noise = bytes(range(256))
    assert len(seal(KEY, address_of(noise), noise)) == len(noise) + 1 + 12 + 1 + 16


def test_the_same_content_is_never_sealed_twice_with_one_nonce() -> None:
    assert len({seal(KEY, ADDRESS, SECRET)[1:13] for _ in range(100)}) == 100


def test_any_changed_bit_is_noticed() -> None:
    sealed = seal(KEY, ADDRESS, SECRET)
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(BlobDamaged, match=ADDRESS):
            open_sealed(KEY, ADDRESS, bytes(changed))


@pytest.mark.parametrize("length", [0, 1, 12, 13, 28, 29, 40])
def test_cut_bytes_are_noticed(length: int) -> None:
    with pytest.raises(BlobDamaged):
        open_sealed(KEY, ADDRESS, seal(KEY, ADDRESS, SECRET)[:length])


def test_another_key_opens_nothing() -> None:
    with pytest.raises(BlobDamaged, match="the key is another one"):
        open_sealed(bytes(32), ADDRESS, seal(KEY, ADDRESS, SECRET))


def test_one_blob_cannot_be_put_in_the_place_of_another() -> None:
    with pytest.raises(BlobDamaged):
        open_sealed(KEY, address_of(b"other"), seal(KEY, ADDRESS, SECRET))


def test_an_address_has_to_be_that_of_its_content() -> None:
    with pytest.raises(ValueError, match="is not the SHA-256"):
        seal(KEY, address_of(b"other"), SECRET)


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_a_key_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal(bytes(size), ADDRESS, SECRET)


def test_a_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "blobs.key"
    key = load_or_create_key(path)
    assert len(key) == 32
    assert load_or_create_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]
    assert load_or_create_key(tmp_path / "other.key") != key


def test_a_key_file_with_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "blobs.key"
    path.write_bytes(b"not a key")
    with pytest.raises(ValueError, match="32 bytes"):
        load_or_create_key(path)
    assert path.read_bytes() == b"not a key"


def test_those_who_start_together_get_the_same_key(tmp_path: Path) -> None:
    path, meet = tmp_path / "blobs.key", threading.Barrier(8)
    keys: list[bytes] = []

    def start(number: int) -> None:
        # each has found no file and made a key of its own when it comes to writing
        keys.append(load_or_create(path, lambda: bytes([number]) * (32 if meet.wait() >= 0 else 0)))

    threads = [threading.Thread(target=start, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert set(keys) == {path.read_bytes()}
