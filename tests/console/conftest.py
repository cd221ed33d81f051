"""A console over a copy of the day that the demo kept, and a browser's client that has come in through the link."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp

from suture.console import Desk, Sessions, console_app
from suture.gateway import Caller
from suture.journal import open_journal
from suture.journal.blobs import load_or_create_key
from suture.runtime.clock import ManualClock
from suture.runtime.network import Network
from suture.runtime.wiring import Wiring
from tests.day import Day

#: Roles that one person may hold together and that open every page.
ALL = ("operator", "clerk", "auditor")
NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)


class Opened:
    """A console at work: its desk, its door, its clock and its application."""

    def __init__(self, folder: Path) -> None:
        self.journal = open_journal(folder / "suture.db", load_or_create_key(folder / "blobs.key"))
        wiring = Wiring(self.journal, Network(name="none"), privacy_key=bytes(32))
        self.clock = ManualClock(NOW)
        self.desk = Desk(wiring, folder / "suture.ledger", self.clock, place="day")
        self.sessions = Sessions("suture-test", folder / "suture.sessions")
        self.app: ASGIApp = console_app(self.desk, self.sessions)

    def link(self, *roles: str, subject: str = "Nia Osei") -> str:
        """The secret of a link for somebody with these roles; without any, everything that one person may hold."""
        return self.sessions.invite(Caller(subject=subject, roles=roles or ALL), self.clock.now())

    def client(self, *roles: str, subject: str = "Nia Osei") -> TestClient:
        """Somebody with these roles who came through the link."""
        client = self.stranger()
        assert client.get(f"/enter/{self.link(*roles, subject=subject)}").status_code == 303
        return client

    def stranger(self) -> TestClient:
        """A client without a session."""
        return TestClient(self.app, base_url="http://127.0.0.1", follow_redirects=False)


@pytest.fixture
def opened(day: Day, tmp_path: Path) -> Iterator[Opened]:
    folder = Path(shutil.copytree(day.folder, tmp_path / "day"))
    console = Opened(folder)
    yield console
    console.desk.close()
    console.journal.close()


@pytest.fixture
def client(opened: Opened) -> TestClient:
    """Somebody who came through the link."""
    return opened.client()
