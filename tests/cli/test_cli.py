"""Every command on a small kept day: what it prints, its JSON, its errors in two lines, and its exit codes."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, structs

from suture.cli import check as check_command
from suture.cli import demo as demo_command
from suture.cli import main
from suture.cli import replay as replay_command
from suture.cli.output import console, existing_journal
from suture.extensions import found
from suture.journal import Delivery, Event, Unit, load_or_create_key, open_journal
from suture.model import (
    Case,
    Crosswalk,
    Decided,
    GoodsReceipt,
    Item,
    OrderAcknowledgement,
    Owed,
    Parked,
    PurchaseOrder,
    Ref,
    RequisitionCancellation,
    encode,
)
from suture.processes import Process
from suture.runtime.intake import accept
from suture.runtime.network import Network, read_network
from suture.runtime.publish import publish
from suture.runtime.wiring import Wiring
from suture.sandbox.audit import Audit
from suture.sandbox.demo import Demo, Result
from suture.transports import Arrival
from suture.views import exceptions, history
from tests.day import Day

AT = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]
COMMANDS = ("demo", "run", "check", "new", "show", "ledger", "masters", "resolve", "replay", "export", "simulate")


class Said(Struct, frozen=True):
    """How a command ended, and what it said on both streams."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """Standard output as JSON: raises if there is anything else on it."""
        return json.loads(self.out)


Suture = Callable[..., Said]


@pytest.fixture
def suture(capsys: pytest.CaptureFixture[str]) -> Suture:
    """The command line, called as the entry point calls it."""

    def call(*arguments: object) -> Said:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return Said(left.value.code, out, err)

    return call


@pytest.fixture
def journal(day: Day, tmp_path: Path) -> Path:
    """A copy of the day's journal and keys, to be changed."""
    return Path(shutil.copytree(day.folder, tmp_path / "copy", ignore=shutil.ignore_patterns("exchange")))


@pytest.fixture
def owing(journal: Path) -> tuple[Path, str]:
    """The day with one receipt more that the ERP has not confirmed: the folder, and the receipt."""
    opened, _ = existing_journal(str(journal))
    receipt = GoodsReceipt(id="GR-LATE", order="PO-LATE", place="NSH-DOCK", received_at=AT, lines=())
    debt = Owed("9/order_to_receipt/PO-LATE/0", "erp-north", Ref("GoodsReceipt", receipt.id))
    decided = Decided(process="order_to_receipt", version=1, key="PO-LATE", event="late#0", phase="open", owes=(debt,))
    noon = AT.replace(hour=12)
    delivery = Delivery(
        id=debt.delivery,
        instance="erp-north",
        role="erp",
        key="PO-LATE",
        document=receipt,
        due=noon.replace(minute=5),
        process="order_to_receipt",
        process_key="PO-LATE",
        cause="late#0",
        root="late#0",
        created=noon,
        status="unknown",
        note="no reply in 10 s",
    )
    said = Event(once="late#0", kind="accepted", source="inventory-main", at=noon, data=receipt, root="late#0")
    opened.commit(
        [
            Unit(
                events=[
                    said,
                    Event(once="late/decided", kind="decided", source="p", at=noon, data=decided, cause="late#0", root="late#0"),
                ],
                deliveries=[delivery],
            )
        ]
    )
    opened.close()
    return journal, receipt.id


@pytest.fixture(params=[80, 160])
def width(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """The width of the terminal, in columns."""
    monkeypatch.setattr(console, "width", request.param)
    return int(request.param)


def orders(day: Day) -> list[PurchaseOrder]:
    opened, _ = existing_journal(str(day.folder))
    try:
        return [row.event.data for row in history(opened) if isinstance(row.event.data, PurchaseOrder)]
    finally:
        opened.close()


def open_cases(folder: Path) -> list[Case]:
    opened, _ = existing_journal(str(folder))
    try:
        return [row.case for row in exceptions(history(opened))]
    finally:
        opened.close()


def complains(said: Said, what: str, code: int = 2) -> None:
    """It says what is wrong and what to do, in two lines, and keeps standard output clean."""
    assert said.code == code
    assert what in said.err
    assert len(said.err.splitlines()) == 2, said.err
    assert said.out == ""


# -- the whole


def test_help_names_every_command(suture: Suture) -> None:
    said = suture("--help")
    assert said.code == 0
    assert all(re.search(rf"\b{command}\b", said.out) for command in COMMANDS)


@pytest.mark.parametrize("arguments", [["nonsense"], ["show"], ["demo", "--requisitions", "many"], ["new", "nothing", "x"]])
def test_a_wrong_call_is_explained(suture: Suture, arguments: list[str]) -> None:
    said = suture(*arguments)
    assert said.code == 2
    assert "Usage" in said.err
    assert said.out == ""


@pytest.mark.parametrize("command", [["show", "PO-1"], ["ledger"], ["replay"], ["export", "x.jsonl"]])
def test_a_missing_journal_is_told(suture: Suture, command: list[str], tmp_path: Path) -> None:
    complains(suture(*command, "--journal", tmp_path / "nowhere"), "there is no journal")


def test_what_is_no_journal_is_told(suture: Suture, journal: Path, tmp_path: Path) -> None:
    (journal / "suture.db").write_bytes(b"not a database, and long enough to be sure of it " * 30)
    complains(suture("ledger", "-j", journal), "cannot be used")
    (tmp_path / "lonely.db").write_bytes(b"x")
    complains(suture("ledger", "-j", tmp_path / "lonely.db"), "no key")


def test_a_database_that_does_not_answer_is_told(suture: Suture, day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    monkeypatch.chdir(day.folder)
    complains(suture("ledger", "-j", "postgresql://nobody@127.0.0.1:1/none"), "did not answer")
    complains(suture("ledger", "-j", "oracle://127.0.0.1/none"), "no journal lives at oracle://")


@pytest.mark.parametrize("command", ["ledger", "replay"])
def test_a_report_that_cannot_be_written_is_told(suture: Suture, command: str, day: Day, tmp_path: Path) -> None:
    complains(suture(command, "-j", day.folder, "--json", tmp_path / "no" / "such" / "folder.json"), "No such file")


# -- demo


def test_the_demo_shows_the_day(day: Day) -> None:
    for told in ("Documents", "Money by legal entity", "Open exceptions", "Counted in the twins", "Ledger of accepted documents"):
        assert told in day.printed
    assert "Nothing is lost, nothing is doubled" in day.printed
    assert max(map(len, day.printed.splitlines()[:-1])) <= 100


def test_the_report_of_the_demo_adds_up(day: Day) -> None:
    report = json.loads(day.report)
    ends = ("delivered", "refused", "compensated", "parked", "in_flight")
    assert report["accepted"] == sum(report[end] for end in ends) > 0
    assert report["deliveries"]["owed"] == report["deliveries"]["ended"] + report["deliveries"]["open"]
    assert (report["lost"], report["doubled"], report["balanced"]) == (0, 0, True)
    assert report["documents"]["received"]["Requisition"] == 15
    assert all(count["doubled"] == 0 for count in report["counted_in_the_twins"])


def test_a_kept_day_says_where_to_look(suture: Suture, day: Day) -> None:
    hint = re.search(r"suture show (\S+) --journal (\S+)", day.printed)
    assert hint is not None
    assert suture("show", hint[1], "--journal", hint[2]).code == 0


def test_the_demo_does_not_mix_days(suture: Suture, day: Day) -> None:
    complains(suture("demo", "--keep", day.folder), "is not empty")


def test_a_day_is_kept_in_a_folder_named_from_where_one_stands(
    suture: Suture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert suture("demo", "--requisitions", "1", "--usages", "0", "--keep", "day").code == 0
    assert (tmp_path / "day").is_dir()


def test_the_demo_says_pure_json_and_fails_when_something_is_lost(suture: Suture, monkeypatch: pytest.MonkeyPatch) -> None:
    small = ("demo", "--requisitions", "0", "--usages", "0")
    said = suture(*small, "--json", "-")
    assert (said.code, said.data["accepted"], said.err) == (0, 0, "")
    real = demo_command._run

    def losing(demo: Demo, *, quiet: bool) -> Result:
        lost = Audit(counts=(), lost=("payables in the ERPs: ALDER:77",), doubled=())
        return structs.replace(real(demo, quiet=quiet), audit=lost)

    monkeypatch.setattr(demo_command, "_run", losing)
    said = suture(*small)
    assert said.code == 1
    assert "1 lost, 0 doubled" in said.out
    assert "ALDER:77" in said.out


# -- show


def test_show_tells_the_journey_of_an_order(suture: Suture, day: Day, width: int) -> None:
    order = orders(day)[0]
    said = suture("show", order.id, "-j", day.folder)
    assert said.code == 0
    assert f"requisition {order.requisition}" in " ".join(said.out.split())
    table = said.out.split("still owed")[0].splitlines()[:-1]
    assert max(map(len, table)) <= width
    assert "…" not in said.out.split("objects:")[0]


def test_a_journey_does_not_stray_into_other_orders(suture: Suture, day: Day) -> None:
    order = orders(day)[0]
    rows = suture("show", order.id, "-j", day.folder, "--json", "-").data
    requisitions = {row["data"]["id"] for row in rows if row["data"]["type"] == "Requisition"}
    assert requisitions == {order.requisition}


def test_a_journey_reaches_from_the_requisition_to_the_bank(suture: Suture, day: Day) -> None:
    kinds = [
        {row["data"]["type"] for row in suture("show", order.id, "-j", day.folder, "--json", "-").data} for order in orders(day)
    ]
    whole = {"Requisition", "PurchaseOrder", "ShipNotice", "GoodsReceipt", "Invoice", "PaymentStatus", "Remittance"}
    assert any(whole <= reached for reached in kinds)


def test_show_as_data_is_in_order(suture: Suture, day: Day, tmp_path: Path) -> None:
    order = orders(day)[0].id
    rows = suture("show", order, "-j", day.folder, "--json", "-").data
    positions = [row["position"] for row in rows]
    assert positions == sorted(positions)
    assert "The journey of" in suture("show", order, "-j", day.folder, "--json", tmp_path / "rows.json").out
    assert json.loads((tmp_path / "rows.json").read_bytes()) == rows


def test_show_names_open_cases_with_their_verbs_and_finds_them(suture: Suture, day: Day) -> None:
    case = open_cases(day.folder)[0]
    said = suture("show", case.objects[0].id, "-j", day.folder)
    assert f"Case:{case.id} takes {' or '.join(case.actions)}" in said.out
    assert suture("show", f"Case:{case.id}", "-j", day.folder).code == 0


def test_an_unknown_number_is_told(suture: Suture, day: Day) -> None:
    complains(suture("show", "PO-NONE", "-j", day.folder), "nothing is known of PO-NONE", code=1)


# -- ledger


def test_the_ledger_balances_and_is_readable(suture: Suture, day: Day, width: int) -> None:
    said = suture("ledger", "-j", day.folder)
    assert said.code == 0
    assert "accepted   = delivered   + refused   + compensated   + parked   + in flight" in said.out
    assert "balanced;" in said.out
    assert max(map(len, said.out.splitlines())) <= width
    assert "…" not in said.out


def test_the_ledger_as_data(suture: Suture, day: Day) -> None:
    data = suture("ledger", "-j", day.folder, "--json", "-").data
    assert data["balanced"] is True
    assert data["accepted"] == json.loads(day.report)["accepted"]
    assert sum(row["owed"] for row in data["by_instance"].values()) == data["debits"]


@pytest.mark.parametrize("by", ["system", "kind", "document"])
def test_the_ledger_breaks_down(suture: Suture, day: Day, width: int, by: str) -> None:
    said = suture("ledger", "--by", by, "-j", day.folder)
    assert said.code == 0
    assert {"system": "erp-north", "kind": "  PurchaseOrder", "document": "requisition"}[by] in said.out
    assert max(map(len, said.out.splitlines())) <= width
    assert "…" not in said.out


def test_what_is_still_owed_is_aged(suture: Suture, owing: tuple[Path, str], width: int) -> None:
    folder, _ = owing
    said = suture("ledger", "-j", folder, "--at", "2026-03-02T20:00")
    aged = next(line for line in said.out.splitlines() if line.startswith("  GoodsReceipt"))
    assert said.code == 0
    assert "Still owed, by age" in said.out
    assert aged.split() == ["GoodsReceipt", "1"]
    assert "02 Mar 12:05" in said.out
    assert max(map(len, said.out.splitlines())) <= width
    [item] = suture("ledger", "-j", folder, "--at", "2026-03-02T20:00", "--json", "-").data["open_items"]
    assert (item["instance"], item["kind"], item["ages"]) == ("erp-north", "GoodsReceipt", [0, 0, 1, 0, 0])


def test_the_ledger_tells_where_something_is(suture: Suture, day: Day) -> None:
    order = orders(day)[0]
    said = suture("ledger", order.id, "-j", day.folder)
    assert said.code == 0
    assert said.out.startswith(f"PurchaseOrder {order.id}\n")
    assert re.search(r"held by +erp-\w+ as \d+", said.out)
    held = suture("ledger", order.id, "-j", day.folder, "--json", "-").data["held"]
    assert {"ap", "procurement"} <= {each["instance"] for each in held}


def test_the_ledger_tells_who_is_still_owed_and_why(suture: Suture, owing: tuple[Path, str]) -> None:
    folder, receipt = owing
    said = suture("ledger", receipt, "-j", folder)
    assert "still owed to erp-north: GoodsReceipt" in said.out
    assert "due 02 Mar 12:05: no reply in 10 s" in said.out


def test_a_number_that_is_nearly_right_is_offered(suture: Suture, day: Day) -> None:
    for command in ("ledger", "show"):
        complains(suture(command, "po-req-000001", "-j", day.folder), "nothing is known of po-req-000001", code=1)
        assert "PO-REQ-000001" in suture(command, "po-req-000001", "-j", day.folder).err


# -- masters


def test_masters_lists_codes_that_clash_and_codes_that_lead_to_nothing(suture: Suture, journal: Path, tmp_path: Path) -> None:
    before = suture("masters", "-j", journal, "--json", "-")
    assert (before.code, before.data["collisions"], before.data["orphans"]) == (0, [], [])
    assert before.data["objects"]["item"] > 1
    items = iter(sorted(_items(journal)))
    one, other = next(items), next(items)
    _file(
        journal,
        Crosswalk(system="ap", kind="item", local="A-1", golden=one),
        Crosswalk(system="ap", kind="item", local="A-2", golden=one),
        Crosswalk(system="ap", kind="item", local=other, golden=one),
        Crosswalk(system="ap", kind="item", local="A-3", golden="NO-SUCH-ITEM"),
    )
    after = suture("masters", "-j", journal, "--json", "-")
    assert after.code == 1
    assert {(clash["reason"], clash["golden"]) for clash in after.data["collisions"]} >= {
        ("several_locals", one),
        ("borrowed", one),
    }
    assert [(row["local"], row["golden"]) for row in after.data["orphans"]] == [("A-3", "NO-SUCH-ITEM")]
    said = suture("masters", "-j", journal).out
    assert "NO-SUCH-ITEM" in said
    assert "several codes, the least goes out" in " ".join(said.split())
    assert "1 orphan" in said


def _items(folder: Path) -> set[str]:
    opened, _ = existing_journal(str(folder))
    found = {row.event.data.id for row in history(opened) if isinstance(row.event.data, Item)}
    opened.close()
    return found


def _file(folder: Path, *rows: Crosswalk) -> None:
    opened, _ = existing_journal(str(folder))
    publish(Wiring(opened, Network(name="copy"), privacy_key=b"p" * 32), rows, AT)
    opened.close()


# -- replay


def test_replay_decides_as_was_decided(suture: Suture, day: Day) -> None:
    whole = suture("replay", "-j", day.folder, "--json", "-")
    assert (whole.code, whole.data["differences"]) == (0, [])
    part = suture("replay", "-j", day.folder, "--until", whole.data["decisions"] // 2, "--json", "-")
    assert 0 < part.data["decisions"] < whole.data["decisions"]
    assert "0 differ" in suture("replay", "-j", day.folder).out


def test_replay_narrowed_to_an_object_shows_its_decisions_only(suture: Suture, day: Day) -> None:
    whole = suture("replay", "-j", day.folder, "--json", "-").data
    order = suture("replay", "-j", day.folder, "--object", "PO-REQ-000001", "--json", "-").data
    assert 0 < order["decisions"] == len(order["chosen"]) < whole["decisions"]
    assert {row["key"] for row in order["chosen"] if row["process"] == "order_to_receipt"} == {"PO-REQ-000001"}
    assert all(row["then"] == row["now"] for row in order["chosen"])
    said = suture("replay", "-j", day.folder, "--object", "PO-REQ-000001")
    assert "order_to_receipt PO-REQ-000001: " in said.out
    assert f"{order['decisions']:,} decisions made again, 0 differ" in said.out


def test_replay_narrowed_by_process_time_and_cause(suture: Suture, day: Day) -> None:
    def asked(*options: str) -> Any:
        return suture("replay", "-j", day.folder, *options, "--json", "-").data

    payments = asked("--process", "payment")
    assert {row["process"] for row in payments["chosen"]} == {"payment"}
    middle = payments["chosen"][len(payments["chosen"]) // 2]["at"]
    early, late = asked("--process", "payment", "--until", middle), asked("--process", "payment", "--since", middle)
    assert all(row["at"] <= middle for row in early["chosen"])
    assert all(row["at"] >= middle for row in late["chosen"])
    assert early["decisions"] + late["decisions"] >= payments["decisions"]
    led = asked("--cause", payments["chosen"][0]["event"])
    assert payments["chosen"][0] in led["chosen"]
    assert led["decisions"] < payments["decisions"]
    assert asked("--object", "NO-SUCH-THING")["decisions"] == 0
    complains(suture("replay", "-j", day.folder, "--since", "yesterday"), "is no time")


def test_replay_tells_what_a_change_would_change(suture: Suture, day: Day, monkeypatch: pytest.MonkeyPatch) -> None:
    processes = dict(found("suture.processes", "PROCESS", Process))
    real = processes["order_to_receipt"]
    deaf = {**real.on, OrderAcknowledgement: lambda state, event, seen: (state, ())}
    processes[real.name] = structs.replace(real, on=deaf)
    monkeypatch.setattr(replay_command, "found", lambda *_: processes)
    said = suture("replay", "-j", day.folder)
    assert said.code == 1
    assert "order_to_receipt" in said.out
    assert re.search(r"then .*\n +now", said.out)


def test_replay_refuses_a_position_below_zero(suture: Suture, day: Day) -> None:
    assert suture("replay", "-j", day.folder, "--until", "-4").code == 2


# -- export


def test_an_export_holds_every_event_in_order_and_can_be_verified(suture: Suture, journal: Path, tmp_path: Path) -> None:
    target = tmp_path / "day.jsonl"
    said = suture("export", target, "-j", journal)
    lines = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    positions = [line["position"] for line in lines if "event" in line]
    assert said.code == 0
    assert f"{len(positions):,} events" in said.out
    assert positions == list(range(1, len(positions) + 1))
    done = subprocess.run([sys.executable, "-m", "verifier", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "SOUND" in done.stdout


def test_an_export_names_no_patient(suture: Suture, journal: Path, tmp_path: Path) -> None:
    suture("export", tmp_path / "day.jsonl", "-j", journal)
    text = (tmp_path / "day.jsonl").read_text("utf-8")
    assert '"type":"Usage"' in text
    assert not re.search(r"MRN\d{7}", text), "the twins of the EHR number their patients so"


def test_the_schema_can_be_exported(suture: Suture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert suture("export", "documents.json", "--schema").code == 0
    assert "PurchaseOrder" in (tmp_path / "documents.json").read_text("utf-8")


def test_an_export_into_nowhere_is_told(suture: Suture, journal: Path, tmp_path: Path) -> None:
    complains(suture("export", tmp_path / "no" / "day.jsonl", "-j", journal), "No such file")


# -- check


def test_check_without_a_file_looks_at_the_extensions(suture: Suture) -> None:
    said = suture("check")
    assert said.code == 0
    assert re.search(r"checked \d+ systems, \d+ formats, \d+ processes, \d+ kpis", said.out)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("name = ", "not_toml"),
        ("name = 3", "wrong_field"),
        ('name = "n"\ncolour = "red"', "wrong_field"),
        ('name = "n"\n[[instances]]\nname = "erp"\nsystem = "no_such"\nowner = "it"', "unknown_system"),
        ('name = "n"\n[[instances]]\nname = "erp"\nsystem = "erp_rest"\nowner = "it"', "no_address"),
        ('name = "n"\n[[instances]]\nname = "e"\nsystem = "ehr_mllp"\nowner = "it"\nsecret = "hunter2"', "secret_in_file"),
    ],
)
def test_check_tells_what_is_wrong(suture: Suture, text: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "n.toml").write_text(text, "utf-8")
    said = suture("check", tmp_path / "n.toml")
    assert said.code == 1
    assert code in said.out
    assert "hunter2" not in said.out
    findings = suture("check", tmp_path / "n.toml", "--json", "-").data
    assert code in {finding["code"] for finding in findings}


@pytest.mark.parametrize(("name", "code"), [("nowhere.toml", "no_file"), ("", "unreadable")])
def test_check_tells_that_there_is_no_file(suture: Suture, name: str, code: str, tmp_path: Path) -> None:
    said = suture("check", tmp_path / name)
    assert said.code == 1
    assert code in said.out


def test_a_warning_lets_pass(suture: Suture, tmp_path: Path) -> None:
    (tmp_path / "n.toml").write_text('name = "n"', "utf-8")
    said = suture("check", tmp_path / "n.toml")
    assert said.code == 0
    assert "role_unplayed" in said.out


def test_a_broken_extension_is_a_finding(suture: Suture, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(package: str, attribute: str, kind: type[object]) -> dict[str, object]:
        raise TypeError(f"{attribute} in {package} must be a {kind.__name__}, not int")

    monkeypatch.setattr(check_command, "found", broken)
    said = suture("check")
    assert said.code == 1
    assert "bad_extension" in said.out


# -- run


@pytest.fixture
def quiet_network(tmp_path: Path) -> Path:
    """A network in which nobody plays yet, on any free port."""
    path = tmp_path / "quiet.toml"
    path.write_text('name = "quiet"\nport = 0\n', "utf-8")
    return path


@pytest.fixture
def running(quiet_network: Path) -> Iterator[subprocess.Popen[str]]:
    """``suture run`` in a process of its own."""
    command = [sys.executable, "-m", "suture", "run", str(quiet_network)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate()


def test_run_listens_until_it_is_told_to_stop(running: subprocess.Popen[str]) -> None:
    assert running.stdout is not None
    assert "quiet: listening on http://127.0.0.1:" in running.stdout.readline()
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert (running.returncode, err) == (0, "")
    assert "stopped" in out


def test_run_refuses_a_network_with_errors(suture: Suture, tmp_path: Path) -> None:
    (tmp_path / "n.toml").write_text('name = "n"\n[[instances]]\nname = "erp"\nsystem = "no_such"\nowner = "it"', "utf-8")
    said = suture("run", tmp_path / "n.toml")
    assert (said.code, said.out) == (1, "")
    assert "unknown_system" in said.err
    assert "has 1 error" in said.err


def test_run_tells_of_a_missing_secret_and_of_missing_masters(
    suture: Suture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert suture("new", "network", "north").code == 0
    monkeypatch.delenv("PROCUREMENT_SECRET", raising=False)
    complains(suture("run", "north.toml"), "there is no secret at env:PROCUREMENT_SECRET")
    (tmp_path / "n.toml").write_text('name = "n"\nport = 0\nmasters = "nowhere"', "utf-8")
    complains(suture("run", "n.toml"), "there is no folder")


# -- resolve


def test_a_decision_is_journaled_with_actor_and_reason(suture: Suture, journal: Path) -> None:
    case = next(case for case in open_cases(journal) if case.actions)
    verb = case.actions[0]
    said = suture("resolve", f"Case:{case.id}", verb, "--actor", "dana", "--reason", "looked at it", "-j", journal)
    assert said.code == 0
    assert verb in said.out
    rows = suture("show", case.id, "-j", journal, "--json", "-").data
    decision = next(row["data"] for row in rows if row["data"]["type"] == "Decision")
    assert (decision["actor"], decision["verb"], decision["reason"]) == ("dana", verb, "looked at it")
    assert decision["position"] > 0


def test_what_cannot_be_decided_is_told(suture: Suture, journal: Path) -> None:
    case = next(case for case in open_cases(journal) if case.actions)
    who = ("--actor", "dana", "--reason", "because", "-j", journal)
    complains(suture("resolve", f"Case:{case.id}", "explode", *who), "allows", code=1)
    complains(suture("resolve", "Case:no/such/case", "accept", *who), "there is no Case", code=1)
    complains(suture("resolve", "garbage", "accept", *who), "takes no decision")
    complains(suture("resolve", "Message:", "reject", *who), "takes no decision")
    complains(suture("resolve", f"Case:{case.id}", "repair", "--with", journal / "nowhere", *who), "No such file")
    complains(suture("resolve", f"Case:{case.id}", case.actions[0], "--network", journal / "no.toml", *who), "no_file")


def test_a_parked_message_is_repaired_with_the_network_at_hand(suture: Suture, tmp_path: Path) -> None:
    north = tmp_path / "north.toml"
    suture("new", "network", "north", "--into", tmp_path)
    key = load_or_create_key(tmp_path / "blobs.key")
    opened = open_journal(str(tmp_path / "suture.db"), key)
    wiring = Wiring(opened, read_network(north), privacy_key=load_or_create_key(tmp_path / "privacy.key"))
    accept(wiring, [Arrival(instance="procurement", channel="webhook", raw=b'{"type":"Requi')], AT)
    parked = next(row.event.data for row in history(opened) if isinstance(row.event.data, Parked))
    opened.close()
    good = RequisitionCancellation(requisition="REQ-1", at=AT, reason="theatre closed")
    (tmp_path / "good.json").write_bytes(encode(good))
    repair = ("resolve", f"Message:{parked.id}", "repair", "--with", tmp_path / "good.json", "-j", tmp_path)
    who = ("--actor", "dana", "--reason", "cut short")
    complains(suture(*repair, *who), "procurement")
    said = suture(*repair, *who, "--network", north)
    assert (said.code, said.err) == (0, "")
    assert "released: Requisition:REQ-1" in said.out
    assert "REQ-1" in suture("show", "REQ-1", "-j", tmp_path).out


def test_a_decision_needs_an_actor_and_a_reason(suture: Suture, journal: Path) -> None:
    assert suture("resolve", "Case:x", "accept", "-j", journal).code == 2
