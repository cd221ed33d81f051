"""Which link an address opens, and that neither addresses nor access are repeated in errors."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from suture.transports import Drop, Link, Taken
from suture.transports.folder import FolderLink
from suture.transports.http import HttpLink
from suture.transports.link import Access, open_link
from suture.transports.mllp import MllpLink

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def opened(address: str, **access: Any) -> Link:
    return open_link(address, Access(**access), clock=lambda: NOW)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("http://erp.example:8080/api", HttpLink),
        ("https://erp.example", HttpLink),
        ("mllp://ehr.example:2575", MllpLink),
        ("mllps://ehr.example:2575", MllpLink),
        ("file:///var/spool/bank", FolderLink),
    ],
)
def test_the_scheme_names_the_transport(address: str, kind: type[object]) -> None:
    assert isinstance(opened(address), kind)


def test_sftp_takes_its_two_keys() -> None:
    asyncssh = pytest.importorskip("asyncssh", reason="asyncssh is not installed (the extra sftp)")
    from suture.transports.sftp import SftpLink

    key = asyncssh.generate_private_key("ssh-ed25519")
    host, client = key.export_public_key().decode(), key.export_private_key().decode()
    assert isinstance(opened("sftp://bank@files.example/in", host_key=host, client_key=client), SftpLink)
    with pytest.raises(ValueError, match="host key"):
        opened("sftp://bank@files.example/in", client_key=client)


def test_a_folder_with_blanks_and_a_marker(tmp_path: Path) -> None:
    folder = tmp_path / "to the bank"
    folder.mkdir()
    link = opened(folder.as_uri(), marker=True)
    assert asyncio.run(link.perform(Drop(name="a.xml", body=b"a"))) == Taken()
    assert {file.name for file in folder.iterdir()} == {"a.xml", "a.xml.done"}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "hunter2",
        "ftp://host/hunter2",
        "http://user:hunter2@host",
        "mllp://hunter2",
        "mllp://host:2575/hunter2",
        "mllp://host:hunter2",
        "file://hunter2/path",
        "sftp://host/hunter2",
        "http://[hunter2",
    ],
)
def test_a_bad_address_is_refused_without_repeating_it(address: str) -> None:
    with pytest.raises(ValueError, match="address") as caught:
        opened(address)
    assert "hunter2" not in str(caught.value)


def test_access_is_never_shown() -> None:
    access = Access(headers={"Authorization": "Bearer hunter2"}, secret="hunter2", client_key="hunter2")
    assert "hunter2" not in f"{access!r} {access}"
