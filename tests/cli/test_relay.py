"""``suture relay`` against a real nats-server: how far, and the same once more, while nothing else changes."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nats", reason="nats-py is not installed (the extra nats)")

from prove.jetstream import NatsServer, Seen, server_program
from suture.cli import main
from suture.journal import Journal, Unit, open_journal
from suture.journal.blobs import load_or_create_key
from suture.runtime.share import relay_part
from suture.views import history
from suture.views.events import crossing
from tests.day import Day

pytestmark = pytest.mark.skipif(not server_program(), reason="there is no nats-server on this machine (python -m live.setup)")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(server_program(), tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def network(day: Day, server: NatsServer, tmp_path: Path) -> Path:
    """A copy of the day whose relay has come to the end, though its stream holds nothing."""
    folder = tmp_path / "day"
    shutil.copytree(day.folder, folder, ignore=shutil.ignore_patterns("exchange"))
    relay = f'[[relays]]\nname = "bus"\naddress = "{server.address}"\nowner = "integration"\n'
    (folder / "network.toml").write_text(f'name = "north"\n{relay}', "utf-8")
    journal = opened(folder)
    journal.commit([Unit(cursors=[(relay_part("bus"), last(journal))])])
    journal.close()
    return folder / "network.toml"


def opened(folder: Path) -> Journal:
    return open_journal(str(folder / "suture.db"), load_or_create_key(folder / "blobs.key"))


def last(journal: Journal) -> int:
    return max(row.position for row in history(journal))


def relay(network: Path, *options: str) -> Any:
    """The report of the command."""
    report = network.parent / "report.json"
    with pytest.raises(SystemExit) as ended:
        main(["relay", str(network), *options, "--json", str(report)])
    assert ended.value.code == 0
    return json.loads(report.read_bytes())


def held(server: NatsServer) -> list[Seen]:
    return asyncio.run(server.read("SUTURE"))


def due(network: Path, after: int = 0, until: int = 10**9) -> list[str]:
    journal = opened(network.parent)
    try:
        found = [(row, crossing(row, "north")) for row in history(journal, after)]
    finally:
        journal.close()
    return [event.id for row, event in found if event is not None and row.position <= until]


def state(network: Path) -> tuple[dict[str, int], int, list[Any]]:
    journal = opened(network.parent)
    try:
        deliveries = [each for name in ("bank", "erp-main", "erp-lake") for each in journal.scan_deliveries(name, 0, 10_000)]
        return dict(journal.counts()), journal.cursor(relay_part("bus")), deliveries
    finally:
        journal.close()


def test_it_tells_how_far_and_relays_again_by_position_without_any_effect(network: Path, server: NatsServer) -> None:
    before = state(network)
    assert before[2], "a day without deliveries proves nothing"
    assert [each["behind"] for each in relay(network)] == [0]
    done = relay(network, "--from", "1")
    assert (done["events"], done["known"]) == (len(due(network)), 0)
    assert [seen.id for seen in held(server)] == due(network)
    assert relay(network, "--from", "1")["known"] == len(due(network))
    some = relay(network, "--from", "1500", "--to", "2500", "--as", "audit-7")
    wanted = due(network, 1499, 2500)
    assert (some["events"], some["known"]) == (len(wanted), 0)
    assert [seen.id for seen in held(server)] == due(network) + wanted
    assert state(network) == before


def test_it_relays_again_by_time(network: Path, server: NatsServer) -> None:
    relay(network, "--from", "2026-03-03", "--to", "2026-03-04T12:00Z")
    moments = [seen.time for seen in held(server)]
    assert moments
    assert min(moments).isoformat() >= "2026-03-03T00:00"
    assert max(moments).isoformat() < "2026-03-04T12:00"


@pytest.mark.parametrize(
    ("options", "said"),
    [(("--from", "yesterday"), "neither position nor time"), (("--name", "other"), "has no relay other")],
)
def test_what_cannot_be_done_is_told(network: Path, options: tuple[str, ...], said: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["relay", str(network), *options])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_broker_that_is_away_is_told_in_two_lines(network: Path, server: NatsServer) -> None:
    server.kill()
    done = subprocess.run(
        [sys.executable, "-m", "suture", "relay", str(network), "--from", "1"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 2)
    assert "the broker is out of reach" in done.stderr
