"""``suture subscriptions``: made, listed, moved back and ended by hand; the secret is seen once."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from suture.cli import application
from tests.day import Day

ADD = ("add", "lake", "--url", "https://lake.example/hook", "--type", "PurchaseOrder", "--reason", "spend reports")


@pytest.fixture
def folder(day: Day, tmp_path: Path) -> Path:
    return Path(shutil.copytree(day.folder, tmp_path / "day"))


def said(folder: Path, *words: str, code: int = 0) -> str:
    outcome = CliRunner().invoke(application(["subscriptions"]), ["subscriptions", *words, "-j", str(folder)])
    assert outcome.exit_code == code, outcome.output
    return outcome.output


def test_the_life_of_a_subscription(folder: Path) -> None:
    made = msgspec.json.decode(said(folder, *ADD, "--from", "0", "--json", "-"))
    assert made["secret"].startswith("whsec_")
    (listed,) = msgspec.json.decode(said(folder, "list", "--json", "-"))
    assert (listed["name"], listed["status"], listed["position"]) == ("lake", "active", 0)
    assert "secret" not in listed
    assert "lake" in said(folder)
    renewed = said(folder, "rotate", "lake", "--reason", "it leaked")
    assert "whsec_" in renewed
    assert made["secret"] not in renewed
    assert "paused" in said(folder, "pause", "lake", "--reason", "they move house")
    assert "at 17" in said(folder, "rewind", "lake", "--from", "17", "--reason", "they lost a day")
    assert "at 0" in said(folder, "rewind", "lake", "--from", "2020-01-01T00:00Z", "--reason", "they lost everything")
    assert "ended" in said(folder, "end", "lake", "--reason", "they left")


def test_what_cannot_be_is_told_with_a_next_step(folder: Path) -> None:
    assert "is private" in said(folder, "add", "x", "--url", "https://10.0.0.1/hook", "--reason", "r", code=2)
    assert "reason" in said(folder, *ADD[:-2], code=2)
    assert "no subscription" in said(folder, "pause", "nobody", "--reason", "r", code=1)
    said(folder, *ADD)
    assert "needs to know where" in said(folder, "rewind", "lake", "--reason", "r", code=2)
    assert "neither a position nor a time" in said(folder, "rewind", "lake", "--from", "monday", "--reason", "r", code=2)


def test_a_private_network_that_the_file_lists_is_open(folder: Path) -> None:
    file = folder / "network.toml"
    file.write_text('name = "north"\nprivate_networks = ["10.20.0.0/16"]\n')
    words = ("add", "inside", "--url", "http://10.20.1.1:8080/hook", "--reason", "the lake is ours")
    said(folder, *words, code=2)
    assert "active" in said(folder, *words, "--network", str(file))
